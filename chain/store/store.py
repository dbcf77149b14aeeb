"""The chain's state at its last committed heights, and the one way to the next height.

`prepare` says what the app hash would be after a block's writes and keeps nothing; `commit` writes the pairs, the
tree, the height, the app hash and the engine's records in one step.  Whatever kills the process, the store stands at
the height before or at the height after.
"""

import hashlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chain.store.errors import StoreError
from chain.store.kv import Reader
from chain.store.lmdb_tables import LmdbTables
from chain.store.memory import MemoryTables
from chain.store.smt import Tree, compute_leaf
from chain.store.tables import Batch, Snapshot, Table, Tables

KEPT_HEIGHTS = 16
"""Heights that can be read: the last committed one and those before it."""
MAX_KEY_BYTES = 511
DEFAULT_MAP_SIZE = 4 << 40
"""Upper bound of the store's file, in bytes; it takes no more disk than it uses.

No network's blocks may fill it before they fill a disk, for then no room could be made: 200,000 of 8 MiB, and what they
came to, fit.
"""

_FORMAT = b"1"
_FORMAT_KEY = b"format"
_HEIGHT_KEY = b"height"
_APP_HASH_KEY = b"app_hash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A block's writes and what follows from them; good for the height it was prepared on only."""

    base_height: int
    app_hash: bytes
    state: Mapping[bytes, bytes | None]
    pages: Mapping[bytes, bytes | None]
    keys: Mapping[bytes, bytes | None]


class View:
    """The state as it was committed at one height, a Reader; good until KEPT_HEIGHTS further blocks are committed."""

    __slots__ = ("_snapshot", "app_hash", "get", "height", "keys", "records", "scan", "tree")

    def __init__(self, snapshot: Snapshot) -> None:
        meta, state = snapshot.table(Table.META), snapshot.table(Table.STATE)
        self._snapshot = snapshot
        self.height = int.from_bytes(meta.get(_HEIGHT_KEY) or b"", "little")
        self.tree = Tree(snapshot.table(Table.TREE).get)
        self.app_hash = meta.get(_APP_HASH_KEY) or self.tree.root()
        self.keys: Reader = snapshot.table(Table.KEYS)
        self.records: Reader = snapshot.table(Table.RECORDS)
        self.get = state.get
        self.scan = state.scan

    def close(self) -> None:
        self._snapshot.close()


class Store:
    """Owns the tables.  Open with `open` (a directory) or `in_memory`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._views = deque([View(tables.snapshot())])

    @classmethod
    def open(cls, path: Path, *, map_size: int = DEFAULT_MAP_SIZE) -> "Store":
        """The store in directory `path`, made at height 0 where there is none.

        StoreError: store_locked, store_unreadable, store_full.
        """
        tables = LmdbTables.open(path, map_size=map_size)
        try:
            _check_format(tables)
        except StoreError:
            tables.close()
            raise
        return cls(tables)

    @classmethod
    def in_memory(cls) -> "Store":
        """An empty store that ends with the process."""
        return cls(MemoryTables())

    @property
    def latest(self) -> View:
        """The state at the last committed height."""
        return self._views[-1]

    @property
    def height(self) -> int:
        """The last committed height, 0 before the first."""
        return self.latest.height

    @property
    def app_hash(self) -> bytes:
        """The root of the tree at the last committed height, 32 bytes."""
        return self.latest.app_hash

    def at(self, height: int) -> View:
        """The state at one of the last KEPT_HEIGHTS heights since the store was opened; else StoreError
        height_not_kept.
        """
        for view in self._views:
            if view.height == height:
                return view
        raise StoreError("height_not_kept", f"{height}; kept are {self._views[0].height} to {self.height}")

    def snapshot(self) -> View:
        """The state at the last committed height, to be read by whoever asked until it closes it."""
        return View(self._tables.snapshot())

    def prepare(self, writes: Mapping[bytes, bytes | None]) -> Change:
        """What `writes` (key -> value, None to remove) on the last committed height would come to; keeps nothing.

        Keys are 1 to MAX_KEY_BYTES bytes, values not empty: anything else is a mistake of the state machine.
        """
        get = self.latest.get
        leaves: dict[bytes, bytes] = {}
        keys: dict[bytes, bytes | None] = {}
        for key, value in writes.items():
            if not 0 < len(key) <= MAX_KEY_BYTES or value == b"":
                raise AssertionError(f"no pair of a store: {key!r}, {value!r}")
            key_hash = hashlib.sha256(key).digest()
            leaves[key_hash] = b"" if value is None else compute_leaf(key_hash, value)
            if value is None:
                keys[key_hash] = None
            elif get(key) is None:
                keys[key_hash] = key
        tree = self.latest.tree.update(leaves)
        return Change(base_height=self.height, app_hash=tree.root, state=writes, pages=tree.pages, keys=keys)

    def commit(self, change: Change, *, height: int, records: Mapping[bytes, bytes | None]) -> None:
        """Make `change` the state at `height`, with the engine's `records` (None to remove), durably and in one step.

        StoreError store_full or store_write_failed leaves everything as it was; the same commit may be tried again.
        """
        if not change.base_height == self.height < height:
            raise AssertionError(f"a change of height {change.base_height} to {height}, at {self.height}")
        batch: Batch = {
            Table.STATE: change.state,
            Table.TREE: change.pages,
            Table.KEYS: change.keys,
            Table.RECORDS: records,
            Table.META: {_HEIGHT_KEY: height.to_bytes(8, "little"), _APP_HASH_KEY: change.app_hash},
        }
        self._tables.write(batch)
        self._views.append(View(self._tables.snapshot()))
        if len(self._views) > KEPT_HEIGHTS:
            self._views.popleft().close()

    def close(self) -> None:
        """Let go of the files and the lock; the views are gone with it."""
        while self._views:
            self._views.pop().close()
        self._tables.close()


def _check_format(tables: Tables) -> None:
    """Mark new tables as ours; refuse those that another program, or a later one, marked."""
    snapshot = tables.snapshot()
    found = snapshot.table(Table.META).get(_FORMAT_KEY)
    snapshot.close()
    if found is None:
        tables.write({Table.META: {_FORMAT_KEY: _FORMAT}})
    elif found != _FORMAT:
        raise StoreError("store_unreadable", f"format {found!r}, this program reads {_FORMAT!r}")
