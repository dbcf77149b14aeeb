"""One SQLite file, synchronous=FULL, integers only: what is written survives a power cut once the write returns.

In a running gateway writes that come together share a transaction, and so an fsync, which a thread waits for: five
hundred streams do not wait for the disk one after the other.  Each write stands on a savepoint of its own, so one that
is refused undoes nothing but itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from chain_client.errors import PermanentError
from chain_client.sqlite import code_error, coded, hold, transaction

APPLICATION_ID: Final = 0x476E6B47  # "GnkG"
VERSION: Final = 2
FILE_NAME: Final = "gateway.sqlite"
LOCK_NAME: Final = "gateway.lock"
BUSY_S: Final = 10.0
BRIEF_S: Final = 0.02
MOST_TOGETHER: Final = 64

_SECOND: Final = """
CREATE TABLE receipts (escrow_id INTEGER, host TEXT, request INTEGER, chain_id TEXT NOT NULL,
    after_serial INTEGER NOT NULL, receipt BLOB NOT NULL, signature BLOB NOT NULL, serving_pubkey BLOB NOT NULL,
    epoch INTEGER NOT NULL, rank INTEGER NOT NULL, kept_ms INTEGER NOT NULL, drawn INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, next_ms INTEGER NOT NULL DEFAULT 0,
    missing INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (escrow_id, host, request)) WITHOUT ROWID;
CREATE INDEX ranked_receipts ON receipts (escrow_id, host, epoch, rank);
CREATE INDEX drawn_receipts ON receipts (escrow_id, host) WHERE drawn;
CREATE TABLE tallies (host TEXT PRIMARY KEY, checked INTEGER NOT NULL, missing INTEGER NOT NULL,
    shown INTEGER NOT NULL);
PRAGMA user_version = 2;
"""
"""What version 2 adds: receipts until they are checked, and what became of each host's."""

_SCHEMA: Final = f"""
CREATE TABLE identity (name TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE customers (customer TEXT PRIMARY KEY, balance_pusd INTEGER NOT NULL,
    reserved_pusd INTEGER NOT NULL CHECK (reserved_pusd >= 0), created_ms INTEGER NOT NULL);
CREATE TABLE keys (key_id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, prefix TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE, policy TEXT NOT NULL, created_ms INTEGER NOT NULL, revoked_ms INTEGER,
    reserved_pusd INTEGER NOT NULL DEFAULT 0 CHECK (reserved_pusd >= 0), spent_pusd INTEGER NOT NULL DEFAULT 0,
    day INTEGER NOT NULL DEFAULT 0, day_pusd INTEGER NOT NULL DEFAULT 0);
CREATE TABLE prices (model TEXT PRIMARY KEY, in_musd INTEGER NOT NULL, out_musd INTEGER NOT NULL,
    set_ms INTEGER NOT NULL);
CREATE TABLE rates (rate_id INTEGER PRIMARY KEY, set_ms INTEGER NOT NULL, gnk_musd INTEGER NOT NULL);
CREATE TABLE entries (entry_id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, customer TEXT NOT NULL REFERENCES customers,
    debit TEXT NOT NULL, credit TEXT NOT NULL, amount_pusd INTEGER NOT NULL CHECK (amount_pusd > 0),
    request_id TEXT UNIQUE REFERENCES requests, note TEXT NOT NULL);
CREATE TABLE requests (request_id TEXT PRIMARY KEY, key_id TEXT NOT NULL REFERENCES keys, customer TEXT NOT NULL,
    model TEXT NOT NULL, started_ms INTEGER NOT NULL, in_musd INTEGER NOT NULL, out_musd INTEGER NOT NULL,
    reserved_pusd INTEGER NOT NULL, ended_ms INTEGER, outcome TEXT, charged_pusd INTEGER NOT NULL DEFAULT 0,
    tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0);
CREATE INDEX open_requests ON requests (customer) WHERE ended_ms IS NULL;
CREATE INDEX requests_by_end ON requests (ended_ms);
CREATE TABLE pairs (escrow_id INTEGER, host TEXT, model_id BLOB NOT NULL, in_ngonka INTEGER NOT NULL,
    out_ngonka INTEGER NOT NULL, requests INTEGER NOT NULL, serial INTEGER NOT NULL, signed_in INTEGER NOT NULL,
    signed_out INTEGER NOT NULL, delivered_in INTEGER NOT NULL, delivered_out INTEGER NOT NULL, voucher BLOB,
    PRIMARY KEY (escrow_id, host)) WITHOUT ROWID;
CREATE TABLE attempts (attempt_id INTEGER PRIMARY KEY, request_id TEXT NOT NULL REFERENCES requests,
    escrow_id INTEGER NOT NULL, host TEXT NOT NULL, ticket INTEGER NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL, delivers INTEGER NOT NULL, UNIQUE (escrow_id, host, ticket));
CREATE INDEX attempts_of_request ON attempts (request_id);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
"""

T = TypeVar("T")
Action = Callable[[sqlite3.Connection], T]


@dataclass(slots=True, kw_only=True)
class _Job:
    action: Action[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def resolve(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Store:
    """The open file, for commands (`write_now`) and, within `serve`, for the running gateway (`write`)."""

    def __init__(self, connection: sqlite3.Connection, writer: sqlite3.Connection) -> None:
        self.connection: Final = connection
        """For reading, in the thread that opened it."""
        self._writer = writer
        self._waiting: list[_Job] = []
        self._flushing: asyncio.Task[None] | None = None
        self._disk: ThreadPoolExecutor | None = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, home: Path) -> Iterator[Store]:
        """The ledger of a home, made when missing.

        Raises: PermanentError `journal_unreadable`, `disk_write_failed`; TransientError `disk_full`.
        """
        path = home / FILE_NAME
        connection, writer = _connect(path, BUSY_S), _connect(path, BRIEF_S)
        try:
            _prepare(connection, path)
            _configure(writer)
            yield cls(connection, writer)
        finally:
            writer.close()
            connection.close()

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Take writes from the running event loop until the block ends; those that wait then are still done."""
        with ThreadPoolExecutor(1, "ledger") as self._disk:
            yield
        if self._flushing is not None:
            self._flushing.cancel()
        if self._waiting:
            with coded(FILE_NAME), transaction(self.connection):
                for job in self._waiting:
                    _run_one(self.connection, job)

    async def write(self, action: Action[T]) -> T:
        """What `action` returns, once its changes are on disk; what it raises, with none of them made.

        Raises: TransientError `disk_full` as well.  A cancelled caller's write is still done.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(action=action, future=future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await future

    def write_now(self, action: Action[T]) -> T:
        """The same at once, for commands."""
        with coded(FILE_NAME), transaction(self.connection):
            return action(self.connection)

    def read(self, query: str, *values: object) -> list[Any]:
        """Rows as they are on disk."""
        with coded(FILE_NAME):
            return self.connection.execute(query, values).fetchall()

    async def _flush(self) -> None:
        """Write what waits, batch after batch, until nothing does."""
        while self._waiting:
            jobs, self._waiting = self._waiting[:MOST_TOGETHER], self._waiting[MOST_TOGETHER:]
            try:
                await self._begin()
                for job in jobs:
                    _run_one(self._writer, job)
                await asyncio.get_running_loop().run_in_executor(self._disk, self._writer.execute, "COMMIT")
            except Exception as error:  # noqa: BLE001  # handed to all who wait
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                for job in jobs:
                    job.error = code_error(error, FILE_NAME)
            for job in jobs:
                job.resolve()

    async def _begin(self) -> None:
        """Take the file's only place to write, for which a command may hold a moment longer than we block."""
        deadline = asyncio.get_running_loop().time() + BUSY_S
        while True:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(BRIEF_S)


def _run_one(connection: sqlite3.Connection, job: _Job) -> None:
    connection.execute("SAVEPOINT one")
    try:
        job.result = job.action(connection)
    except (sqlite3.OperationalError, sqlite3.NotSupportedError):
        raise  # the disk, which is everybody's
    except Exception as error:  # noqa: BLE001  # handed to who waits for the write
        connection.execute("ROLLBACK TO one")
        job.error = error
    connection.execute("RELEASE one")


@contextlib.contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Keep a second gateway out of a home until the block ends.  Raises: PermanentError `home_locked`."""
    descriptor = hold(home / LOCK_NAME)
    try:
        yield
    finally:
        os.close(descriptor)


def _connect(path: Path, busy_s: float) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # only to set the mode of a new file: closing one that SQLite has open would let go its locks on it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise PermanentError("disk_write_failed", f"{path}: {error.strerror}") from error
    with coded(FILE_NAME):
        return sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)


def _configure(connection: sqlite3.Connection) -> None:
    for pragma in ("synchronous = FULL", "journal_mode = WAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with coded(FILE_NAME):
        _configure(connection)
        with transaction(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                _run_all(connection, _SCHEMA)
                connection.execute("INSERT INTO identity VALUES ('voucher_key', ?)", (secrets.token_bytes(32),))
            if _read_versions(connection) == [APPLICATION_ID, 1]:
                _run_all(connection, _SECOND)
        found = _read_versions(connection)
    if found != [APPLICATION_ID, VERSION]:
        raise PermanentError("journal_unreadable", f"{path} is no ledger of a gateway, version {VERSION}")


def _read_versions(connection: sqlite3.Connection) -> list[int]:
    return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]


def _run_all(connection: sqlite3.Connection, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement)
