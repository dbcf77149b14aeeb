"""The shelf: what is on it is whole, new, and bounded, whatever happens while it is written."""

import asyncio
from pathlib import Path

import pytest

from chain.engine.snapshots import KEPT_SNAPSHOTS, Restoration, Shelf
from chain.engine.tip import Tip
from chain.store.errors import StoreError
from chain.store.snapshots import FORMAT
from chain.store.store import Store
from tests.chain.engine.counter import Counter
from tests.chain.engine.test_tip import make_block

GENESIS = b"genesis"
INTERVAL = 5


class Node:
    """A counter, its tip and its shelf."""

    def __init__(self, path: Path) -> None:
        self.store = Store.in_memory()
        self.app = Counter(self.store)
        self.tip = Tip.open(self.app, self.store, GENESIS)
        self.shelf = Shelf.open(path, self.store, interval=INTERVAL)

    async def run(self, heights: int) -> None:
        self.app.init_chain(GENESIS)
        for height in range(1, heights + 1):
            self.tip.commit(make_block(self.app, self.tip, b"ann %d" % height))
            self.shelf.note_block()
            await self.shelf.close()


def test_note_block__every_interval__leaves_the_newest_on_the_shelf(tmp_path: Path) -> None:
    node = Node(tmp_path)
    asyncio.run(node.run(4 * INTERVAL + 1))
    assert [snapshot.height for snapshot in node.shelf.list()] == [4 * INTERVAL, 3 * INTERVAL]
    assert len(list(tmp_path.iterdir())) == KEPT_SNAPSHOTS


def test_restoration__from_a_shelf__comes_to_the_same_state_and_goes_on(tmp_path: Path) -> None:
    node = Node(tmp_path)
    asyncio.run(node.run(INTERVAL))
    app_hash = node.store.app_hash
    (told,) = node.shelf.list()
    restoration = Restoration.begin(height=told.height, form=FORMAT, metadata=told.metadata, app_hash=app_hash)
    for number in range(len(told.chunk_hashes)):
        assert not restoration.is_whole
        restoration.take(number, node.shelf.read_chunk(told.height, number))
    assert restoration.is_whole

    joined = Node(tmp_path / "other")
    restoration.finish(joined.tip)
    assert (joined.tip.height, joined.store.app_hash) == (INTERVAL, app_hash)
    assert dict(joined.store.latest.scan(b"")) == dict(node.store.latest.scan(b""))
    logged = make_block(node.app, node.tip, b"ann %d" % (INTERVAL + 1))
    assert make_block(joined.app, joined.tip, b"ann %d" % (INTERVAL + 1)) == logged
    joined.tip.commit(logged)
    assert joined.tip.last == logged


def test_restoration__another_app_hash__is_refused_and_nothing_kept(tmp_path: Path) -> None:
    node = Node(tmp_path)
    asyncio.run(node.run(INTERVAL))
    (told,) = node.shelf.list()
    restoration = Restoration.begin(height=told.height, form=FORMAT, metadata=told.metadata, app_hash=bytes(32))
    restoration.take(0, node.shelf.read_chunk(told.height, 0))
    joined = Node(tmp_path / "other")
    with pytest.raises(StoreError, match="snapshot_mismatch"):
        restoration.finish(joined.tip)
    assert joined.tip.height == 0
    assert dict(joined.store.latest.scan(b"")) == {}


@pytest.mark.parametrize(("number", "chunk"), [(0, b"wrong"), (1, b""), (2**32, b"")])
def test_take__a_chunk_that_was_not_told__is_refused(tmp_path: Path, number: int, chunk: bytes) -> None:
    node = Node(tmp_path)
    asyncio.run(node.run(INTERVAL))
    (told,) = node.shelf.list()
    restoration = Restoration.begin(height=told.height, form=FORMAT, metadata=told.metadata, app_hash=bytes(32))
    with pytest.raises(StoreError, match="snapshot_malformed"):
        restoration.take(number, chunk)
    assert not restoration.is_whole


def test_begin__another_format__is_refused() -> None:
    with pytest.raises(StoreError, match="snapshot_malformed"):
        Restoration.begin(height=1, form=2, metadata=bytes(32), app_hash=bytes(32))


def test_open__a_snapshot_that_was_cut_off__is_cleared_away(tmp_path: Path) -> None:
    node = Node(tmp_path)
    asyncio.run(node.run(INTERVAL))
    half = tmp_path / "10"
    half.mkdir()
    (half / "0").write_bytes(b"half")
    assert [snapshot.height for snapshot in node.shelf.list()] == [INTERVAL]
    Shelf.open(tmp_path, node.store, interval=INTERVAL)
    assert not half.exists()


def test_note_block__the_disk_refuses__the_chain_goes_on_and_nothing_half_is_told(tmp_path: Path) -> None:
    node = Node(tmp_path)
    (tmp_path / str(INTERVAL)).write_text("in the way")
    asyncio.run(node.run(2 * INTERVAL))
    assert [snapshot.height for snapshot in node.shelf.list()] == [2 * INTERVAL]
    assert node.shelf.read_chunk(INTERVAL, 0) == b""
