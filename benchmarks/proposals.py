"""A proposal's way through the state machine of its proposer, and of the others: `python -m benchmarks.proposals`.

Sends by four accounts, their signatures known from CheckTx; seconds of this process's CPU, so that other processes
matter little.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from benchmarks.abci import GENESIS, make_txs
from chain.engine.application import Block
from tests.chain.ledger import TIME_MS, Ledger

COUNTS = (1_000, 4_000)
T = TypeVar("T")


def main() -> None:
    """Print the figures; nothing is asserted."""
    txs = make_txs()
    for count in COUNTS:
        for whose in ("the proposer", "another"):
            took = measure(txs[:count], is_proposer=whose == "the proposer")
            print(f"{count} sends, {whose}: " + ", ".join(f"{name} {1000 * s:.0f} ms" for name, s in took.items()))


def measure(txs: list[bytes], *, is_proposer: bool) -> dict[str, float]:
    """Seconds of each step, and of all that come after CheckTx."""
    ledger = Ledger(genesis=GENESIS)
    ledger.block()
    for tx in txs:
        ledger.app.check_tx(tx, False)
    block = Block(
        height=2,
        time_ns=TIME_MS * 10**6 + 1,
        hash=b"",
        last_hash=ledger.last_hash,
        proposer=b"",
        txs=tuple(txs),
    )
    took: dict[str, float] = {}
    if is_proposer:
        _time(took, "prepare", lambda: ledger.app.select_valid(block))
    _time(took, "process", lambda: ledger.app.process_proposal(block))
    _time(took, "finalise", lambda: ledger.app.finalize_block(replace(block, hash=bytes(32), proposer=bytes(20))))
    return took | {"together": sum(took.values())}


def _time(took: dict[str, float], name: str, act: Callable[[], T]) -> T:
    began = time.process_time()
    result = act()
    took[name] = time.process_time() - began
    return result


if __name__ == "__main__":
    main()
