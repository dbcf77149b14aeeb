"""The one file: what is written is there, whoever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chain_client.errors import PermanentError, TransientError
from gateway.accounts import check_sums, list_balances, top_up
from gateway.store import FILE_NAME, Store, hold_home
from tests.gateway.ledgers import open_ledger, open_request

WRITER = """
import asyncio, sys
from pathlib import Path
from gateway.accounts import top_up
from gateway.store import Store

async def main():
    with Store.open(Path(sys.argv[1])) as store, store.serve():
        number = 0
        while True:
            number += 5
            await asyncio.gather(*(store.write(lambda c: top_up(c, "acme", 1, "", 1)) for _ in range(5)))
            print(number, flush=True)

asyncio.run(main())
"""


def test_write__five_hundred_at_once__all_are_done_and_each_refusal_is_its_own(tmp_path: Path) -> None:
    async def run() -> None:
        with Store.open(tmp_path) as store, store.serve():
            answers = await asyncio.gather(
                *(store.write(lambda c, n=n: top_up(c, "acme", n % 2, "", n)) for n in range(500)),  # type: ignore[misc]
                return_exceptions=True,
            )
            refused = [answer for answer in answers if isinstance(answer, PermanentError)]
            assert len(refused) == 250
            assert [b.balance_pusd for b in list_balances(store.connection)] == [250]

    asyncio.run(run())


def test_write__a_mistake_of_ours__is_raised_to_its_caller_and_the_writer_lives(tmp_path: Path) -> None:
    async def run() -> None:
        with Store.open(tmp_path) as store, store.serve():
            with pytest.raises(sqlite3.IntegrityError):
                await store.write(lambda c: c.execute("INSERT INTO customers VALUES ('a', 0, -1, 0)"))
            with pytest.raises(ZeroDivisionError):
                await store.write(lambda _: 1 // 0)
            await store.write(lambda c: top_up(c, "acme", 7, "", 1))
            assert [b.balance_pusd for b in list_balances(store.connection)] == [7]

    asyncio.run(run())


def test_write__the_caller_is_cancelled__the_write_is_still_done(tmp_path: Path) -> None:
    async def run() -> None:
        with Store.open(tmp_path) as store:
            with store.serve():
                task = asyncio.create_task(store.write(lambda c: top_up(c, "acme", 7, "", 1)))
                await asyncio.sleep(0)
                task.cancel()
            assert [b.balance_pusd for b in list_balances(store.connection)] == [7]

    asyncio.run(run())


def test_write__killed_at_random__nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        before = sum(b.balance_pusd for b in read_balances(tmp_path))
        acknowledged = [int(process.stdout.readline()) for _ in range(20)][-1]
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        acknowledged = max(acknowledged, *(int(line) for line in rest), 0)
        kept = sum(b.balance_pusd for b in read_balances(tmp_path))
        assert kept >= before + acknowledged


def test_write__commands_beside_a_busy_gateway__damage_nothing(tmp_path: Path) -> None:
    """SQLite's locks are the process's: whoever closes the file elsewhere in it lets them go."""
    with subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in range(200):
            with Store.open(tmp_path) as store:
                store.write_now(lambda c, n=number: top_up(c, f"other-{n}", 1, "", 1))  # type: ignore[misc]
        process.kill()
        process.stdout.read()
    with Store.open(tmp_path) as store:
        assert store.read("PRAGMA integrity_check") == [("ok",)]
        assert len(list_balances(store.connection)) == 201
        check_sums(store.connection)


def read_balances(home: Path) -> list[object]:
    with Store.open(home) as store:
        return list(list_balances(store.connection))


def test_open__a_new_ledger__is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path / "home"):
        assert stat.S_IMODE((tmp_path / "home" / FILE_NAME).stat().st_mode) == 0o600


def test_open__a_file_that_is_no_ledger__is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"not a database, but long enough to be read as one" * 30)
    with pytest.raises(PermanentError) as caught, Store.open(tmp_path):
        pass
    assert caught.value.code == "journal_unreadable"


def test_open__another_programs_database__is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE_NAME) as other:
        other.execute("CREATE TABLE t (a)")
    other.close()
    with pytest.raises(PermanentError) as caught, Store.open(tmp_path):
        pass
    assert caught.value.code == "journal_unreadable"


def test_open__a_ledger_of_version_1__takes_receipts_and_loses_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        store.write_now(lambda c: open_request(c, key, "r1"))
        for statement in ("DROP TABLE receipts", "DROP TABLE tallies", "PRAGMA user_version = 1"):
            store.write_now(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
        before = dump(store)
    for _ in range(2):
        with Store.open(tmp_path) as store:
            assert store.read("PRAGMA user_version") == [(2,)]
            assert not store.read("SELECT * FROM receipts")
            assert not store.read("SELECT * FROM tallies")
            assert dump(store) == before
            check_sums(store.connection)


def test_open__a_new_ledger__is_like_one_that_was_brought_up_to_date(tmp_path: Path) -> None:
    schemas = []
    for home in ("old", "new"):
        with Store.open(tmp_path / home) as store:
            if home == "old":
                for statement in ("DROP TABLE receipts", "DROP TABLE tallies", "PRAGMA user_version = 1"):
                    store.write_now(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
        with Store.open(tmp_path / home) as store:
            schemas.append(store.read("SELECT name, sql FROM sqlite_master ORDER BY name"))
    assert schemas[0] == schemas[1]


def test_open__a_ledger_of_a_later_version__is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.write_now(lambda c: c.execute("PRAGMA user_version = 3"))
    with pytest.raises(PermanentError) as caught, Store.open(tmp_path):
        pass
    assert caught.value.code == "journal_unreadable"


def dump(store: Store) -> list[object]:
    tables = ("identity", "customers", "keys", "entries", "requests", "pairs", "attempts")
    return [store.read(f"SELECT * FROM {table}") for table in tables]


def test_write_now__somebody_else_holds_the_file__can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.BUSY_S", 0.05)
    with Store.open(tmp_path) as store:
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TransientError):
            store.write_now(lambda c: top_up(c, "acme", 7, "", 1))
        other.close()
        store.write_now(lambda c: top_up(c, "acme", 7, "", 1))


def test_hold_home__a_second_gateway__is_kept_out(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        with pytest.raises(PermanentError) as caught, hold_home(tmp_path):
            pass
        assert caught.value.code == "home_locked"
    with hold_home(tmp_path):
        pass
