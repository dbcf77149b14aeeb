"""CheckTx over the ABCI socket beside the same in process, and a proposal's way through: `python -m benchmarks.abci`.

Sends signed beforehand, by four accounts, each checked once by an application that has seen none of them; the socket's
server is another process, the client sends all requests before it reads.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from chain.modules.bank.coins import make_coin
from chain.store.store import Store
from tests.chain.engine.abci_node import COMMIT, FLUSH, Peer, check, finalize, init_chain, make_validator_genesis
from tests.chain.ledger import ANN, BOB, CAT, DAN, Draft, Ledger, encode

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from tendermint.abci import types_pb2 as abci

COUNT = 8_000
GENESIS = make_validator_genesis()


def main() -> None:
    """Print the figures; nothing is asserted."""
    txs = make_txs()
    local = time_in_process(txs)
    print(f"CheckTx in process: {COUNT / local:,.0f}/s")
    socket = asyncio.run(time_over_socket(txs))
    print(f"CheckTx over the socket: {COUNT / socket:,.0f}/s, {local / socket:.2f} of that")


def make_txs() -> list[bytes]:
    """The sends, in the order of each sender's sequence."""
    ledger = Ledger(genesis=GENESIS)
    ledger.block()
    people = (ANN, BOB, CAT, DAN)
    drafts = {person: ledger.draft(by=(person,)) for person in people}
    txs = []
    for index in range(COUNT):
        person = people[index % len(people)]
        message = MsgSend(from_address=person.text, to_address=BOB.text, amount=[make_coin(1)])
        draft = Draft(
            messages=(message,),
            signers=(person,),
            sequences=(index // len(people),),
            numbers=drafts[person].numbers,
        )
        txs.append(encode(draft).SerializeToString())
    return txs


def time_in_process(txs: list[bytes]) -> float:
    """Seconds for all of them."""
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger(store=Store.open(Path(directory)), genesis=GENESIS)
        ledger.block()
        began = time.monotonic()
        passed = sum(ledger.app.check_tx(tx, False).code == 0 for tx in txs)
        took = time.monotonic() - began
        ledger.store.close()
    print(f"{passed} of {COUNT} passed")
    return took


async def time_over_socket(txs: list[bytes]) -> float:
    """The same, then a block of them: prepared, processed, finalised, committed."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "genesis.json").write_bytes(GENESIS)
        words = ("-m", "tests.chain.engine.abci_node", directory, str(home / "abci"))
        with subprocess.Popen([sys.executable, *words]) as server:  # noqa: ASYNC220  # nothing else runs yet
            try:
                return await _measure(home / "abci", txs)
            finally:
                server.kill()


async def _measure(path: Path, txs: list[bytes]) -> float:
    while True:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            async with Peer.connect(path) as peer:
                for request in (init_chain(GENESIS), finalize(1), COMMIT):
                    await peer.ask(request)
                took = await _check_all(peer, txs)
                await _time_block(peer, txs)
                return took
        await asyncio.sleep(0.05)


async def _check_all(peer: Peer, txs: list[bytes]) -> float:
    requests = [check(tx) for tx in txs]
    began = time.monotonic()
    peer.send(*requests, FLUSH)
    responses = [await peer.read() for _ in requests]
    took = time.monotonic() - began
    await peer.read()
    print(f"{sum(one is not None and one.check_tx.code == 0 for one in responses)} of {COUNT} passed")
    return took


async def _time_block(peer: Peer, txs: list[bytes]) -> None:
    block = finalize(2).finalize_block
    prepare = abci.RequestPrepareProposal(height=2, txs=txs, time=block.time, max_tx_bytes=50 << 20)
    prepared = await _time(peer, "PrepareProposal", abci.Request(prepare_proposal=prepare))
    chosen = list(prepared.prepare_proposal.txs)
    process = abci.RequestProcessProposal(height=2, txs=chosen, time=block.time)
    await _time(peer, "ProcessProposal", abci.Request(process_proposal=process))
    await _time(peer, f"FinalizeBlock of {len(chosen)}, signatures known", finalize(2, chosen))
    await _time(peer, "Commit", COMMIT)


async def _time(peer: Peer, name: str, request: abci.Request) -> abci.Response:
    began = time.monotonic()
    response = await peer.ask(request)
    print(f"{name}: {(time.monotonic() - began) * 1000:.0f} ms")
    return response


if __name__ == "__main__":
    main()
