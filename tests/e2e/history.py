"""What the stopped chain's store holds: blocks, what became of their messages, settlements, money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from chain.engine.application import TxResult
from chain.engine.blocklog import scan_blocks
from chain.modules.bank.state import get_supply, scan_balances
from chain.modules.beacon.state import scan_commitments
from chain.modules.sprint.state import get_summary
from chain.process import DATA_FILE
from chain.store.store import Store
from commands.demo.members import Member
from commands.demo.watch import find_repeated, name_duty
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary

from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody, TxRaw


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message in a block: by which host, for what (`MsgRevealSeed 2 0`), and how it ended; 0 is success."""

    host: str
    duty: str
    height: int
    code: int
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The chain from height 1 on, as tuples by height; `repeated` are hashes that stand in more than one block.

    `burned_ngonka` are seed bonds burned in epochs that are not settled yet.
    """

    times_ms: tuple[int, ...]
    app_hashes: tuple[bytes, ...]
    sent: tuple[Sent, ...]
    repeated: tuple[str, ...]
    summaries: dict[int, EpochSummary]
    supply_ngonka: int
    balances_ngonka: int
    burned_ngonka: int

    def find(self, host: str, duty: str) -> Sent | None:
        """The message of a host that took effect for a duty, the last where there are several."""
        found = [sent for sent in self.sent if (sent.host, sent.duty, sent.code) == (host, duty, 0)]
        return found[-1] if found else None


def read_history(chain_home: Path, members: Sequence[Member]) -> History:
    """The history in the home of a chain that does not run."""
    store = Store.open(chain_home / DATA_FILE)
    try:
        state = store.latest
        blocks = list(scan_blocks(state.records))
        settled = (get_summary(state, epoch) for epoch in range(1, len(blocks)))
        summaries = {summary.epoch: summary for summary in settled if summary is not None}
        left = scan_commitments(state, max(summaries, default=0) + 1)
        return History(
            times_ms=tuple(logged.block.time_ns // 10**6 for logged in blocks),
            app_hashes=tuple(logged.result.app_hash for logged in blocks),
            sent=tuple(
                sent
                for logged in blocks
                for tx, result in zip(logged.block.txs, logged.result.tx_results, strict=True)
                for sent in read_messages(tx, result, logged.block.height, members)
            ),
            repeated=find_repeated([logged.block.txs for logged in blocks]),
            summaries=summaries,
            supply_ngonka=get_supply(state),
            balances_ngonka=sum(amount for _, amount in scan_balances(state)),
            burned_ngonka=sum(commitment.burned_ngonka for _, commitment in left),
        )
    finally:
        store.close()


def read_messages(tx: bytes, result: TxResult, height: int, members: Sequence[Member]) -> list[Sent]:
    """The messages of a transaction, by the member that signed it."""
    raw = TxRaw.FromString(tx)
    key = AuthInfo.FromString(raw.auth_info_bytes).signer_infos[0].public_key.value
    host = next(member.name for member in members if member.key.public_key in key)
    return [
        Sent(host=host, duty=name_duty(message), height=height, code=result.code, log=result.log)
        for message in TxBody.FromString(raw.body_bytes).messages
    ]
