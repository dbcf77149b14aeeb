"""The SQLite file of the serving process: opened once, held against a second process.

synchronous=FULL: when a transaction is over, what it wrote survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from chain_client.errors import PermanentError
from chain_client.sqlite import coded, hold, transaction
from rules.addresses import encode_address
from rules.types import Host

APPLICATION_ID: Final = 0x476E6B53  # "GnkS"
VERSION: Final = 3
FILE_NAME: Final = "serving.sqlite"
LOCK_NAME: Final = "serving.lock"

_SCHEMA: Final = f"""
CREATE TABLE owner (chain_id TEXT NOT NULL, host BLOB NOT NULL);
CREATE TABLE escrows (escrow_id INTEGER PRIMARY KEY, done_in INTEGER NOT NULL, done_out INTEGER NOT NULL,
    voucher BLOB, settled_serial BLOB NOT NULL);
CREATE TABLE requests (escrow_id INTEGER, request BLOB, host_nonce BLOB NOT NULL, PRIMARY KEY (escrow_id, request))
    WITHOUT ROWID;
CREATE TABLE answers (escrow_id INTEGER, request BLOB, ticket BLOB NOT NULL, body BLOB NOT NULL,
    salt BLOB NOT NULL, tokens BLOB NOT NULL, receipt BLOB NOT NULL, order_id TEXT,
    after_serial BLOB NOT NULL DEFAULT x'0000000000000000', PRIMARY KEY (escrow_id, request));
CREATE TABLE batches (order_id TEXT PRIMARY KEY, escrow_id INTEGER NOT NULL, serial BLOB NOT NULL,
    voucher BLOB NOT NULL, root BLOB NOT NULL, count INTEGER NOT NULL, epoch INTEGER NOT NULL, fate TEXT);
CREATE TABLE outbox (order_id TEXT PRIMARY KEY, chain_id TEXT NOT NULL, address TEXT NOT NULL,
    sequence INTEGER NOT NULL, last_height INTEGER NOT NULL, raw BLOB NOT NULL, fate TEXT, tx_hash TEXT, height INTEGER,
    code INTEGER, rule TEXT, log TEXT);
CREATE INDEX answers_by_order ON answers (order_id);
CREATE INDEX batches_by_escrow ON batches (escrow_id, serial);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
"""A request's number and a voucher's serial are 8 bytes, big-endian: SQLite's integers have 63 bits.  An answer whose
plaintext is let go has empty blobs there.
"""

_FROM_2: Final = """
BEGIN;
ALTER TABLE answers ADD COLUMN after_serial BLOB NOT NULL DEFAULT x'0000000000000000';
CREATE INDEX batches_by_escrow ON batches (escrow_id, serial);
PRAGMA user_version = 3;
COMMIT;
"""
"""Answers of version 2 were signed without a serial: with 0 they hang in the next tree, as they would have."""


class Database:
    """The open file.

    Every method raises TransientError `disk_full` when the disk does not take a write, PermanentError
    `journal_unreadable` when the file is damaged.
    """

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None) -> None:
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, home: Path, *, chain_id: str, host: Host) -> Database:
        """The file of a home, made when missing, and held until closed.

        Raises: PermanentError `home_locked`, `journal_foreign`, `journal_unreadable`, `disk_write_failed`.
        """
        lock = hold(home / LOCK_NAME)
        try:
            with coded(FILE_NAME):
                connection = sqlite3.connect(home / FILE_NAME, timeout=5, isolation_level=None)
                _prepare(connection, chain_id, host)
        except BaseException:
            os.close(lock)
            raise
        return cls(connection, lock)

    @classmethod
    def peek(cls, home: Path) -> Database:
        """The file of a home for reading only, beside a process that writes it.  Raises `journal_unreadable`."""
        with coded(FILE_NAME):
            name = f"file:{home / FILE_NAME}?mode=ro"
            return cls(sqlite3.connect(name, uri=True, timeout=5, isolation_level=None))

    def close(self) -> None:
        """Close the file and let the home go."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)

    def all(self, query: str, *values: object) -> list[Any]:
        """The rows of a query."""
        with coded(FILE_NAME):
            return self._connection.execute(query, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """A statement within a transaction; the number of rows that it changed."""
        return self._connection.execute(statement, values).rowcount

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on disk when it is over."""
        with coded(FILE_NAME), transaction(self._connection):
            yield


def _prepare(connection: sqlite3.Connection, chain_id: str, host: Host) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.executescript(f"BEGIN; {_SCHEMA}")
        connection.execute("INSERT INTO owner VALUES (?, ?)", (chain_id, host))
        connection.execute("COMMIT")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if found not in ([APPLICATION_ID, 2], [APPLICATION_ID, VERSION]):
        raise PermanentError("journal_unreadable", f"a SQLite file, but none of a serving process, version {VERSION}")
    owner = connection.execute("SELECT chain_id, host FROM owner").fetchone()
    if owner != (chain_id, host):
        theirs, ours = encode_address(owner[1]), encode_address(host)
        detail = f"it belongs to {theirs} on {owner[0]}, this is {ours} on {chain_id}"
        raise PermanentError("journal_foreign", detail)
    if found[1] == 2:
        connection.executescript(_FROM_2)
