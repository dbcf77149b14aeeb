"""One SQLite file, synchronous=FULL, integers only: what is written survives a power cut once the write returns.

A running gateway writes through one thread, which puts whatever waits into one transaction: five hundred streams share
an fsync.  Each write stands on a savepoint of its own, so one that is refused undoes nothing but itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import queue
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from chain_client.errors import PermanentError, TransientError

APPLICATION_ID: Final = 0x476E6B47  # "GnkG"
VERSION: Final = 1
FILE_NAME: Final = "gateway.sqlite"
LOCK_NAME: Final = "gateway.lock"
BUSY_S: Final = 10.0
MOST_TOGETHER: Final = 512

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
PRAGMA user_version = {VERSION};
"""

T = TypeVar("T")
Action = Callable[[sqlite3.Connection], T]


@dataclass(slots=True, kw_only=True)
class _Job:
    action: Action[Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def resolve(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Store:
    """The open file; one for commands (`open`), or with the writing thread for the running gateway (`serve`)."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()

    @classmethod
    @contextlib.contextmanager
    def open(cls, home: Path) -> Iterator[Store]:
        """The ledger of a home, made when missing.

        Raises: PermanentError `journal_unreadable`, `disk_write_failed`; TransientError `disk_full`.
        """
        path = home / FILE_NAME
        connection = _connect(path)
        try:
            _prepare(connection, path)
            yield cls(connection, path)
        finally:
            connection.close()

    @contextlib.contextmanager
    def serve(self) -> Iterator[None]:
        """Take writes from the running event loop until the block ends; those that wait then are still done."""
        thread = threading.Thread(target=self._work, name="ledger")
        thread.start()
        try:
            yield
        finally:
            self._jobs.put(None)
            thread.join()

    async def write(self, action: Action[T]) -> T:
        """What `action` returns, once its changes are on disk; what it raises, with none of them made.

        Raises: TransientError `disk_full` as well.  A cancelled caller's write is still done.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(action=action, future=future, loop=loop))
        return await future

    def write_now(self, action: Action[T]) -> T:
        """The same at once, for commands."""
        with coded(), transaction(self._connection):
            return action(self._connection)

    def read(self, query: str, *values: object) -> list[Any]:
        """Rows as they are on disk."""
        with coded():
            return self._connection.execute(query, values).fetchall()

    @property
    def connection(self) -> sqlite3.Connection:
        """For reading, in the thread that opened it."""
        return self._connection

    def _work(self) -> None:
        connection = _connect(self._path)
        _configure(connection)
        try:
            while (first := self._jobs.get()) is not None:
                jobs, more = [first], True
                while len(jobs) < MOST_TOGETHER and more:
                    try:
                        following = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if following is None:
                        self._jobs.put(None)
                        more = False
                    else:
                        jobs.append(following)
                _run_together(connection, jobs)
        finally:
            connection.close()


def _run_together(connection: sqlite3.Connection, jobs: list[_Job]) -> None:
    try:
        with coded(), transaction(connection):
            for job in jobs:
                _run_one(connection, job)
    except Exception as error:  # noqa: BLE001  # handed to all who wait
        for job in jobs:
            job.error = error
    for job in jobs:
        with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits
            job.loop.call_soon_threadsafe(job.resolve)


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
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def hold_home(home: Path) -> Iterator[None]:
    """Keep a second gateway out of a home until the block ends.  Raises: PermanentError `home_locked`."""
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise PermanentError("home_locked", f"another gateway works in {home}") from error
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def coded() -> Iterator[None]:
    """Failures of the disk become disk_full, those of the file's contents journal_unreadable."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a mistake of ours
    except sqlite3.OperationalError as error:
        raise TransientError("disk_full", str(error)) from error
    except sqlite3.DatabaseError as error:
        raise PermanentError("journal_unreadable", str(error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            # only to set the mode of a new file: closing one that SQLite has open would let go its locks on it
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise PermanentError("disk_write_failed", f"{path}: {error.strerror}") from error
    with coded():
        return sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)


def _configure(connection: sqlite3.Connection) -> None:
    for pragma in ("synchronous = FULL", "journal_mode = WAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    with coded():
        _configure(connection)
        with transaction(connection):
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    connection.execute(statement)
                connection.execute("INSERT INTO identity VALUES ('voucher_key', ?)", (secrets.token_bytes(32),))
        found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if found != [APPLICATION_ID, VERSION]:
        raise PermanentError("journal_unreadable", f"{path} is no ledger of a gateway, version {VERSION}")
