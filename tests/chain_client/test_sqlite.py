"""What every journal in SQLite does alike."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_client.errors import ClientError, PermanentError
from chain_client.sqlite import coded, hold, transaction


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None)
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY)")
    yield connection
    connection.close()


def test_transaction__an_error_within__leaves_nothing_and_the_file_free(connection: sqlite3.Connection) -> None:
    def write_and_fail() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO numbers VALUES (1)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert connection.execute("SELECT * FROM numbers").fetchall() == []
    with transaction(connection):
        connection.execute("INSERT INTO numbers VALUES (2)")
    assert connection.execute("SELECT * FROM numbers").fetchall() == [(2,)]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (sqlite3.OperationalError("disk I/O error"), "disk_full"),
        (sqlite3.DatabaseError("file is not a database"), "journal_unreadable"),
    ],
)
def test_coded__a_failure_of_the_file__names_it_under_a_code(error: sqlite3.Error, code: str) -> None:
    with pytest.raises(ClientError) as caught, coded("journal.sqlite"):
        raise error
    assert (caught.value.code, caught.value.detail) == (code, f"journal.sqlite: {error}")


def test_coded__a_broken_constraint__is_a_mistake_of_ours(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError), coded("file"):
        connection.executemany("INSERT INTO numbers VALUES (?)", [(1,), (1,)])


def test_hold__a_second_time_or_below_a_file__is_refused(tmp_path: Path) -> None:
    held = hold(tmp_path / "home" / "lock")
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    with pytest.raises(PermanentError, match="home_locked"):
        hold(tmp_path / "home" / "lock")
    os.close(held)
    os.close(hold(tmp_path / "home" / "lock"))
    with pytest.raises(PermanentError, match="disk_write_failed"):
        hold(tmp_path / "home" / "lock" / "deeper")
