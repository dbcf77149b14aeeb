"""Tables on disk, in LMDB: one writer, snapshots that cost nothing, and a commit that a crash cannot cut in two."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lmdb

from chain.store.errors import StoreError
from chain.store.tables import Batch, Table

_LOCK_FILE = "LOCK"
_MAX_SNAPSHOTS = 126
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_LEAST_ROOM = 1 << 20  # bytes; after a failed write, a disk with less than this is called full


class _LmdbReader:
    """One table within a read transaction; a Reader."""

    __slots__ = ("_database", "_transaction")

    def __init__(self, transaction: Any, database: Any) -> None:
        self._transaction = transaction
        self._database = database

    def get(self, key: bytes) -> bytes | None:
        try:
            value: bytes | None = self._transaction.get(key, None, self._database)
        except lmdb.BadValsizeError:  # no key is that long, or empty
            return None
        return value

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        with self._transaction.cursor(self._database) as cursor:
            if not cursor.set_range(prefix):
                return
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value


class _LmdbSnapshot:
    __slots__ = ("_databases", "_transaction")

    def __init__(self, environment: Any, databases: Mapping[Table, Any]) -> None:
        self._transaction = environment.begin()
        self._databases = databases

    def table(self, table: Table) -> _LmdbReader:
        return _LmdbReader(self._transaction, self._databases[table])

    def close(self) -> None:
        self._transaction.abort()


class LmdbTables:
    """Tables in a directory of their own.  Open with `open`; one process at a time."""

    def __init__(self, path: Path, environment: Any, databases: Mapping[Table, Any], lock: int) -> None:
        self._path = path
        self._environment = environment
        self._databases = databases
        self._lock = lock

    @classmethod
    def open(cls, path: Path, *, map_size: int) -> "LmdbTables":
        """The tables in directory `path`, made where there are none, growing up to `map_size` bytes.

        StoreError: store_locked while another process has them open, store_unreadable for files of another kind,
        store_forbidden for files or a place that are not ours to write, store_full where not even empty tables fit.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = _lock(path / _LOCK_FILE)
        except OSError as error:
            raise _store_error(error, path, "store_unreadable") from error
        try:
            environment = lmdb.open(str(path), map_size=map_size, max_dbs=len(Table), max_readers=_MAX_SNAPSHOTS)
            databases = {table: environment.open_db(table.encode()) for table in Table}
        except lmdb.Error as error:
            os.close(lock)
            raise _store_error(error, path, "store_unreadable") from error
        return cls(path, environment, databases, lock)

    def snapshot(self) -> _LmdbSnapshot:
        return _LmdbSnapshot(self._environment, self._databases)

    def write(self, batch: Batch) -> None:
        try:
            with self._environment.begin(write=True) as transaction:
                for table, changes in batch.items():
                    _write_table(transaction, self._databases[table], changes)
        except lmdb.Error as error:
            raise _store_error(error, self._path, "store_write_failed") from error

    def close(self) -> None:
        self._environment.close()
        os.close(self._lock)


def _lock(path: Path) -> int:
    """An open file that no other process can lock until it is closed, by us or by our end."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StoreError("store_locked", str(path.parent)) from None
    return lock


def _write_table(transaction: Any, database: Any, changes: Mapping[bytes, bytes | None]) -> None:
    """In key order, which is how LMDB writes fastest."""
    with transaction.cursor(database) as cursor:
        cursor.putmulti(sorted((key, value) for key, value in changes.items() if value is not None))
    for key in sorted(key for key, value in changes.items() if value is None):
        transaction.delete(key, db=database)


def _store_error(error: Exception, path: Path, otherwise: str) -> StoreError:
    """LMDB calls a write cut short by a full disk an input/output error, so the room that is left decides."""
    there = next(place for place in (path, *path.parents) if place.exists())
    full = isinstance(error, lmdb.MapFullError) or shutil.disk_usage(there).free < _LEAST_ROOM
    forbidden = getattr(error, "errno", 0) in _FORBIDDEN or os.strerror(errno.EACCES) in str(error)
    return StoreError("store_forbidden" if forbidden else "store_full" if full else otherwise, f"{path}: {error}")
