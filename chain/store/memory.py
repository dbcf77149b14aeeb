"""Tables in memory, for tests and trials: the same contract as on disk, except that nothing outlives the process."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import islice

from chain.store.tables import Batch, Table


class _SortedPairs:
    """Pairs that never change, with their keys in order; a Reader."""

    __slots__ = ("_keys", "_pairs")

    def __init__(self, pairs: dict[bytes, bytes], keys: list[bytes]) -> None:
        self._pairs = pairs
        self._keys = keys

    def get(self, key: bytes) -> bytes | None:
        return self._pairs.get(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        for key in islice(self._keys, bisect_left(self._keys, prefix), None):
            if not key.startswith(prefix):
                return
            yield key, self._pairs[key]

    def after(self, changes: Mapping[bytes, bytes | None]) -> "_SortedPairs":
        """A copy with the changes made."""
        pairs = dict(self._pairs)
        for key, value in changes.items():
            if value is None:
                pairs.pop(key, None)
            else:
                pairs[key] = value
        if pairs.keys() == self._pairs.keys():
            return _SortedPairs(pairs, self._keys)
        return _SortedPairs(pairs, sorted(pairs))


class _MemorySnapshot:
    __slots__ = ("_tables",)

    def __init__(self, tables: dict[Table, _SortedPairs]) -> None:
        self._tables = tables

    def table(self, table: Table) -> _SortedPairs:
        return self._tables[table]

    def close(self) -> None:
        self._tables = {}


class MemoryTables:
    """Tables as dictionaries.  A write copies the tables it changes, so snapshots cost nothing."""

    def __init__(self) -> None:
        self._tables = {table: _SortedPairs({}, []) for table in Table}

    def snapshot(self) -> _MemorySnapshot:
        return _MemorySnapshot(self._tables)

    def write(self, batch: Batch) -> None:
        changed = {table: self._tables[table].after(changes) for table, changes in batch.items()}
        self._tables = self._tables | changed

    def close(self) -> None:
        """Nothing is held."""
