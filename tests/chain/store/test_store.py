"""The store's contract, in memory and on disk: heights, app hashes, views, and what a failed commit leaves."""

import hashlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.store.errors import StoreError
from chain.store.lmdb_tables import LmdbTables
from chain.store.smt import EMPTY_HASH
from chain.store.store import KEPT_HEIGHTS, Store
from chain.store.tables import Table


@pytest.fixture(params=["memory", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "store")
    yield opened
    opened.close()


def commit(store: Store, writes: dict[bytes, bytes | None], records: dict[bytes, bytes] | None = None) -> bytes:
    change = store.prepare(writes)
    store.commit(change, height=store.height + 1, records=records or {})
    return change.app_hash


def fill(store: Store, app_hashes: list[bytes]) -> None:
    """Commit until the store refuses, noting what was committed."""
    while True:
        writes = {b"%d/%d" % (store.height, i): b"v" * 1000 for i in range(20)}
        app_hashes.append(commit(store, writes, {b"%d" % store.height: b"r"}))


def test_open__nothing_there__stands_at_height_zero_with_an_empty_tree(store: Store) -> None:
    assert (store.height, store.app_hash) == (0, EMPTY_HASH)
    assert list(store.latest.scan(b"")) == []


def test_prepare__writes__says_the_app_hash_and_keeps_nothing(store: Store) -> None:
    first = store.prepare({b"a": b"1"})
    assert store.prepare({b"a": b"1"}).app_hash == first.app_hash
    assert store.prepare({b"a": b"2"}).app_hash != first.app_hash
    assert (store.height, store.app_hash, store.latest.get(b"a")) == (0, EMPTY_HASH, None)


def test_commit__a_change__moves_state_records_height_and_app_hash_together(store: Store) -> None:
    app_hash = commit(store, {b"a": b"1", b"b": b"2"}, {b"block/1": b"log"})
    assert (store.height, store.app_hash, store.latest.tree.root()) == (1, app_hash, app_hash)
    assert store.latest.get(b"a") == b"1"
    assert store.latest.records.get(b"block/1") == b"log"
    assert store.latest.keys.get(hashlib.sha256(b"b").digest()) == b"b"


def test_commit__keys_removed__nothing_of_them_is_left(store: Store) -> None:
    commit(store, {b"a": b"1", b"b": b"2"})
    assert commit(store, {b"a": None, b"b": None}) == EMPTY_HASH
    assert list(store.latest.scan(b"")) == []
    assert list(store.latest.keys.scan(b"")) == []


def test_commit__no_writes__keeps_the_app_hash(store: Store) -> None:
    app_hash = commit(store, {b"a": b"1"})
    assert commit(store, {}) == app_hash
    assert store.height == 2


def test_commit__a_change_of_another_height__is_our_mistake(store: Store) -> None:
    stale = store.prepare({b"a": b"1"})
    commit(store, {b"b": b"1"})
    with pytest.raises(AssertionError, match="a change of height 0 to 2, at 1"):
        store.commit(stale, height=2, records={})


@pytest.mark.parametrize(
    ("key", "value"),
    [(b"", b"1"), (b"k" * 512, b"1"), (b"a", b"")],
    ids=["no key", "key too long", "empty value"],
)
def test_prepare__a_pair_that_cannot_be__is_our_mistake(store: Store, key: bytes, value: bytes) -> None:
    with pytest.raises(AssertionError, match="no pair of a store"):
        store.prepare({key: value})


def test_at__the_last_heights__show_the_state_and_the_tree_of_their_time(store: Store) -> None:
    hashes = [commit(store, {b"a": b"%d" % height}) for height in range(1, KEPT_HEIGHTS + 5)]
    for height in range(store.height - KEPT_HEIGHTS + 1, store.height + 1):
        view = store.at(height)
        assert (view.height, view.get(b"a")) == (height, b"%d" % height)
        assert view.app_hash == hashes[height - 1] == view.tree.root()


@pytest.mark.parametrize("height", [0, 4, KEPT_HEIGHTS + 5])
def test_at__a_height_that_is_not_kept__is_refused(store: Store, height: int) -> None:
    for _ in range(KEPT_HEIGHTS + 4):
        commit(store, {})
    with pytest.raises(StoreError, match="height_not_kept"):
        store.at(height)


def test_open__again__finds_the_height_and_state_left(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    app_hash = commit(first, {b"a": b"1"}, {b"r": b"2"})
    first.close()
    again = Store.open(tmp_path)
    assert (again.height, again.app_hash) == (1, app_hash)
    assert (again.latest.get(b"a"), again.latest.records.get(b"r")) == (b"1", b"2")
    again.close()


def test_open__a_home_in_use__is_refused_until_it_is_let_go(tmp_path: Path) -> None:
    first = Store.open(tmp_path)
    with pytest.raises(StoreError, match="store_locked"):
        Store.open(tmp_path)
    first.close()
    Store.open(tmp_path).close()


def test_open__files_of_something_else__is_refused_and_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"not a database" * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="store_unreadable"):
            Store.open(tmp_path)


def test_open__a_place_that_is_not_ours_to_write__is_told_apart_from_damage() -> None:
    with pytest.raises(StoreError, match="store_forbidden"):
        Store.open(Path("/sys/store"))


def test_open__a_file_in_the_way__is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="store_unreadable"):
        Store.open(tmp_path / "file" / "store")


def test_open__a_store_of_another_format__is_refused_and_left_alone(tmp_path: Path) -> None:
    tables = LmdbTables.open(tmp_path, map_size=1 << 20)
    tables.write({Table.META: {b"format": b"2"}})
    tables.close()
    with pytest.raises(StoreError, match="store_unreadable: format b'2'"):
        Store.open(tmp_path)


def test_commit__a_file_that_may_not_grow__says_so_and_keeps_the_height(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    app_hashes = [EMPTY_HASH]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(StoreError, match="store_write_failed"):
            fill(store, app_hashes)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    height, app_hash = len(app_hashes) - 1, app_hashes[-1]
    assert (store.height, store.app_hash, store.latest.tree.root()) == (height, app_hash, app_hash)
    commit(store, {b"room": b"again"})
    store.close()
    again = Store.open(tmp_path)
    assert (again.height, again.latest.get(b"room")) == (height + 1, b"again")
    again.close()


def test_commit__the_store_full__stays_at_its_height_and_goes_on_with_more_room(tmp_path: Path) -> None:
    store = Store.open(tmp_path, map_size=1 << 20)
    app_hashes = [EMPTY_HASH]
    with pytest.raises(StoreError, match="store_full"):
        fill(store, app_hashes)
    height, app_hash = len(app_hashes) - 1, app_hashes[-1]
    assert height > 3
    assert (store.height, store.app_hash, store.latest.tree.root()) == (height, app_hash, app_hash)
    assert [value for _, value in store.latest.records.scan(b"")] == [b"r"] * height
    store.close()

    roomy = Store.open(tmp_path, map_size=1 << 24)
    assert (roomy.height, roomy.app_hash) == (height, app_hash)
    commit(roomy, {b"a": b"1"})
    assert roomy.height == height + 1
    roomy.close()
