"""State sync over ABCI's calls: a new node takes a snapshot of another one, whoever else offers it rubbish."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from chain.engine.abci import AbciEngine
from chain.engine.blocklog import read_floor
from chain.store.snapshots import FORMAT, Snapshot, encode_chunks
from chain.store.store import Store
from tests.chain.engine.abci_node import (
    COMMIT,
    INFO,
    ask_engine,
    finalize,
    init_chain,
    make_validator_genesis,
    open_abci,
)

from tendermint.abci import types_pb2 as abci

GENESIS = make_validator_genesis()
HEIGHT = 10
OFFER = abci.ResponseOfferSnapshot
APPLY = abci.ResponseApplySnapshotChunk


class Node:
    """A store behind ABCI, in a directory of its own."""

    def __init__(self, home: Path, keep_blocks: int = 0) -> None:
        self.store = Store.in_memory()
        self.engine: AbciEngine = open_abci(self.store, GENESIS, home=home, keep_blocks=keep_blocks)

    async def ask(self, **calls: object) -> abci.Response:
        return await ask_engine(self.engine, abci.Request(**calls))

    async def make_blocks(self, first: int, last: int) -> abci.ResponseCommit:
        committed = abci.ResponseCommit()
        for height in range(first, last + 1):
            await self.engine.answer(finalize(height))
            committed = (await ask_engine(self.engine, COMMIT)).commit
            await asyncio.sleep(0)
        return committed

    async def list(self) -> list[abci.Snapshot]:
        for _ in range(200):
            found = list((await self.ask(list_snapshots=abci.RequestListSnapshots())).list_snapshots.snapshots)
            if found:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError("no snapshot was taken")

    async def offer(self, snapshot: abci.Snapshot, app_hash: bytes) -> int:
        request = abci.RequestOfferSnapshot(snapshot=snapshot, app_hash=app_hash)
        return (await self.ask(offer_snapshot=request)).offer_snapshot.result

    async def apply(self, chunk: bytes, index: int = 0) -> abci.ResponseApplySnapshotChunk:
        request = abci.RequestApplySnapshotChunk(index=index, chunk=chunk, sender="peer")
        return (await self.ask(apply_snapshot_chunk=request)).apply_snapshot_chunk


async def make_giver(home: Path) -> tuple[Node, abci.Snapshot, bytes]:
    """A node at HEIGHT, its snapshot, and the one chunk of it."""
    giver = Node(home)
    await giver.engine.answer(init_chain(GENESIS))
    await giver.make_blocks(1, HEIGHT)
    (snapshot,) = await giver.list()
    request = abci.RequestLoadSnapshotChunk(height=snapshot.height, format=snapshot.format, chunk=0)
    chunk = (await giver.ask(load_snapshot_chunk=request)).load_snapshot_chunk.chunk
    assert snapshot.chunks == 1
    return giver, snapshot, chunk


def test_state_sync__from_an_honest_node__goes_on_with_the_same_app_hashes(tmp_path: Path) -> None:
    async def scenario() -> None:
        giver, snapshot, chunk = await make_giver(tmp_path / "giver")
        joiner = Node(tmp_path / "joiner")
        assert await joiner.offer(snapshot, giver.store.app_hash) == OFFER.ACCEPT
        assert (await joiner.apply(chunk)).result == APPLY.ACCEPT
        info = (await ask_engine(joiner.engine, INFO)).info
        assert (info.last_block_height, info.last_block_app_hash) == (HEIGHT, giver.store.app_hash)
        for node in (giver, joiner):
            await node.make_blocks(HEIGHT + 1, HEIGHT + 30)
        assert joiner.store.app_hash == giver.store.app_hash
        assert read_floor(joiner.store.latest.records).height == HEIGHT

    asyncio.run(scenario())


def test_apply_chunk__not_the_one_that_was_told__is_asked_for_again_of_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        giver, snapshot, chunk = await make_giver(tmp_path / "giver")
        joiner = Node(tmp_path / "joiner")
        await joiner.offer(snapshot, giver.store.app_hash)
        wrong = await joiner.apply(chunk[:-1] + b"x")
        assert wrong.result == APPLY.RETRY
        assert (list(wrong.refetch_chunks), list(wrong.reject_senders)) == ([0], ["peer"])
        assert joiner.store.height == 0
        assert (await joiner.apply(chunk)).result == APPLY.ACCEPT
        assert joiner.store.height == HEIGHT

    asyncio.run(scenario())


def test_apply_chunk__a_state_of_another_app_hash__rejects_the_snapshot_and_takes_the_next(tmp_path: Path) -> None:
    async def scenario() -> None:
        giver, snapshot, chunk = await make_giver(tmp_path / "giver")
        joiner = Node(tmp_path / "joiner")
        assert await joiner.offer(snapshot, bytes(32)) == OFFER.ACCEPT
        assert (await joiner.apply(chunk)).result == APPLY.REJECT_SNAPSHOT
        assert (joiner.store.height, list(joiner.store.latest.scan(b""))) == (0, [])
        assert (await joiner.apply(chunk)).result == APPLY.ABORT
        assert await joiner.offer(snapshot, giver.store.app_hash) == OFFER.ACCEPT
        assert (await joiner.apply(chunk)).result == APPLY.ACCEPT

    asyncio.run(scenario())


def test_apply_chunk__a_key_that_no_store_takes__is_refused_and_does_not_stop_the_node_that_joins(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        giver, _, _ = await make_giver(tmp_path / "giver")
        (chunk,) = encode_chunks([(b"k" * 512, b"v")])
        told = Snapshot(height=HEIGHT, chunk_hashes=(sha256(chunk).digest(),))
        liar = abci.Snapshot(height=HEIGHT, format=FORMAT, chunks=1, hash=told.hash, metadata=told.metadata)
        joiner = Node(tmp_path / "joiner")
        assert await joiner.offer(liar, giver.store.app_hash) == OFFER.ACCEPT
        assert (await joiner.apply(chunk)).result == APPLY.RETRY
        assert joiner.store.height == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "change",
    [{"format": 2}, {"chunks": 2}, {"hash": bytes(32)}, {"metadata": b"x"}, {"metadata": bytes(32)}, {"height": 0}],
)
def test_offer__a_description_that_contradicts_itself__is_rejected(tmp_path: Path, change: dict[str, object]) -> None:
    async def scenario() -> None:
        giver, snapshot, _ = await make_giver(tmp_path / "giver")
        for name, value in change.items():
            setattr(snapshot, name, value)
        assert await Node(tmp_path / "joiner").offer(snapshot, giver.store.app_hash) == OFFER.REJECT

    asyncio.run(scenario())


def test_offer__to_a_node_that_has_blocks__is_not_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        giver, snapshot, _ = await make_giver(tmp_path / "giver")
        assert await giver.offer(snapshot, giver.store.app_hash) == OFFER.ABORT

    asyncio.run(scenario())


def test_load_chunk__none_there__is_empty(tmp_path: Path) -> None:
    async def scenario() -> None:
        giver, _, _ = await make_giver(tmp_path / "giver")
        for height, chunk in ((HEIGHT, 1), (HEIGHT + 1, 0), (2**63, 2**32 - 1)):
            request = abci.RequestLoadSnapshotChunk(height=height, format=1, chunk=chunk)
            assert (await giver.ask(load_snapshot_chunk=request)).load_snapshot_chunk.chunk == b""

    asyncio.run(scenario())


def test_commit__a_bounded_log__lets_cometbft_forget_as_much(tmp_path: Path) -> None:
    async def scenario() -> None:
        node = Node(tmp_path, keep_blocks=4)
        await node.engine.answer(init_chain(GENESIS))
        assert (await node.make_blocks(1, 3)).retain_height == 0
        assert (await node.make_blocks(4, 12)).retain_height == 9

    asyncio.run(scenario())
