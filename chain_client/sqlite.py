"""What every journal in SQLite does alike: a transaction, a hold on its home, and its failures under codes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from chain_client.errors import PermanentError, TransientError


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing; under synchronous=FULL it is on disk when it is over."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def coded(name: str) -> Iterator[None]:
    """Failures of the disk become disk_full, those of what the file `name` holds journal_unreadable."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise code_error(error, name) from error


def code_error(error: Exception, name: str) -> Exception:
    """The coded error that stands for SQLite's; any other, and a broken constraint, is a mistake of ours."""
    if isinstance(error, sqlite3.OperationalError):
        return TransientError("disk_full", f"{name}: {error}")
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
        return PermanentError("journal_unreadable", f"{name}: {error}")
    return error


def hold(path: Path) -> int:
    """A descriptor that holds `path` for this process; its directory is made, mode 0700, when missing.

    Raises: PermanentError `home_locked`, `disk_write_failed`.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PermanentError("disk_write_failed", f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise PermanentError("home_locked", f"{path} is held by another process") from error
    return descriptor
