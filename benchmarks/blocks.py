"""FinalizeBlock and Commit of 10,000 sends at 100,000 accounts, behind ABCI: `python -m benchmarks.blocks`.

In process, with the block log, its index and a store on disk; everyone sends once a block.  The first block comes after
CheckTx, which leaves its signatures checked; nothing of the second was seen before; the third comes after CheckTx and
ProcessProposal, as validators get blocks, whose run of the transactions is kept.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from chain.engine.abci import AbciEngine
from chain.genesis import build_genesis
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.process import spare_collections
from chain.store.store import Store
from rules.addresses import ADDRESS_BYTES, encode_address
from rules.presets import MINIMAL
from tests.chain.engine.abci_node import COMMIT, ask_engine, check, finalize, init_chain, make_founder, open_abci
from tests.chain.ledger import ANN, BALANCE, CHAIN_ID, SUBSIDY, TIME_MS, Draft, Person, encode, make_person

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from tendermint.abci import types_pb2 as abci

ACCOUNTS = 100_000
SENDS = 10_000
PARAMS = replace(MINIMAL, auth=replace(MINIMAL.auth, max_block_gas=2 * MINIMAL.auth.max_block_gas))
"""The presets' blocks end at some 8,800 sends."""


def main() -> None:
    """Print the figures; nothing is asserted."""
    chance = random.Random(1)
    people = [make_person(f"sender {number}") for number in range(SENDS)]
    others = [chance.randbytes(ADDRESS_BYTES) for _ in range(ACCOUNTS - SENDS - 1)]
    genesis = build_genesis(
        chain_id=CHAIN_ID,
        time_ms=TIME_MS,
        params=PARAMS,
        balances=dict.fromkeys([ANN.address, *(person.address for person in people), *others], BALANCE),
        hosts=[make_founder(ANN)],
        subsidy_ngonka=SUBSIDY,
    )
    recipients = [encode_address(address) for address in chance.sample(others, SENDS)]
    spare_collections()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure(Path(directory), genesis, people, recipients))


async def measure(directory: Path, genesis: bytes, people: list[Person], recipients: list[str]) -> None:
    """Three blocks, each seen before to another degree."""
    store = Store.open(directory)
    engine = open_abci(store, genesis)
    for request in (init_chain(genesis), finalize(1), COMMIT):
        await engine.answer(request)
    accounts = [get_account(store.latest, person.address) for person in people]
    numbers = [account.number for account in accounts if account is not None]
    for sequence, what in enumerate(("after CheckTx", "never seen before", "after CheckTx and ProcessProposal")):
        txs = [
            make_send(person, number, sequence, recipient)
            for person, number, recipient in zip(people, numbers, recipients, strict=True)
        ]
        if what.startswith("after CheckTx"):
            answers = [await ask_engine(engine, check(tx)) for tx in txs]
            print(f"{sum(answer.check_tx.code == 0 for answer in answers)} of {SENDS} checked")
        request = finalize(sequence + 2, txs)
        if what.endswith("ProcessProposal"):
            block = request.finalize_block
            proposal = abci.RequestProcessProposal(height=block.height, txs=txs, time=block.time)
            accepted = await ask_engine(engine, abci.Request(process_proposal=proposal))
            print(f"proposal {abci.ResponseProcessProposal.ProposalStatus.Name(accepted.process_proposal.status)}")
        await time_block(engine, request, what)
    store.close()


async def time_block(engine: AbciEngine, request: abci.Request, what: str) -> None:
    """Print how long its two steps take, and together."""
    wall, cpu = [time.perf_counter()], [time.process_time()]
    answers = []
    for step in (request, COMMIT):
        answers.append(await engine.answer(step))
        wall.append(time.perf_counter())
        cpu.append(time.process_time())
    results = abci.Response.FromString(answers[0]).finalize_block.tx_results
    passed = sum(result.code == 0 for result in results)
    print(
        f"{passed} sends {what}: FinalizeBlock {wall[1] - wall[0]:.2f} s, Commit {wall[2] - wall[1]:.2f} s, "
        f"together {wall[2] - wall[0]:.2f} s ({cpu[2] - cpu[0]:.2f} s of processor)",
        flush=True,
    )


def make_send(person: Person, number: int, sequence: int, recipient: str) -> bytes:
    """A signed send of 1 ngonka."""
    message = MsgSend(from_address=person.text, to_address=recipient, amount=[make_coin(1)])
    draft = Draft(messages=(message,), signers=(person,), sequences=(sequence,), numbers=(number,))
    return bytes(encode(draft).SerializeToString())


if __name__ == "__main__":
    main()
