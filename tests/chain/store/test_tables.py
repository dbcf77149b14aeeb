"""The contract of tables, kept by those in memory and those on disk alike."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chain.store.lmdb_tables import LmdbTables
from chain.store.memory import MemoryTables
from chain.store.tables import Table, Tables

Opener = Callable[[], Tables]


@pytest.fixture(params=["memory", "lmdb"])
def open_tables(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    opened: list[Tables] = []

    def opener() -> Tables:
        directory = tmp_path / str(len(opened))
        tables = MemoryTables() if request.param == "memory" else LmdbTables.open(directory, map_size=1 << 24)
        opened.append(tables)
        return tables

    yield opener
    for tables in opened:
        tables.close()


def contents(tables: Tables, table: Table = Table.STATE, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
    snapshot = tables.snapshot()
    pairs = list(snapshot.table(table).scan(prefix))
    snapshot.close()
    return pairs


def test_write__several_tables__each_holds_its_own(open_tables: Opener) -> None:
    tables = open_tables()
    tables.write({Table.STATE: {b"a": b"1"}, Table.META: {b"a": b"2", b"b": b"3"}})
    assert contents(tables) == [(b"a", b"1")]
    assert contents(tables, Table.META) == [(b"a", b"2"), (b"b", b"3")]
    assert contents(tables, Table.TREE) == []


def test_write__a_value_replaced_and_a_key_removed__only_what_is_left_is_found(open_tables: Opener) -> None:
    tables = open_tables()
    tables.write({Table.STATE: {b"a": b"1", b"b": b"2"}})
    tables.write({Table.STATE: {b"a": b"3", b"b": None, b"never": None}})
    assert contents(tables) == [(b"a", b"3")]


def test_scan__a_prefix__gives_its_keys_in_order_of_bytes(open_tables: Opener) -> None:
    tables = open_tables()
    keys = [b"p", b"p\x00", b"p\x7f", b"p\x80\xff", b"p\xff", b"o\xff", b"q"]
    tables.write({Table.STATE: dict.fromkeys(keys, b"v")})
    assert [key for key, _ in contents(tables, prefix=b"p")] == [b"p", b"p\x00", b"p\x7f", b"p\x80\xff", b"p\xff"]
    assert [key for key, _ in contents(tables, prefix=b"p\xff")] == [b"p\xff"]
    assert contents(tables, prefix=b"p\xff\xff") == []


@pytest.mark.parametrize("key", [b"", b"k" * 512, b"k" * 5000], ids=["empty", "too long", "far too long"])
def test_get__a_key_that_cannot_be__is_none(open_tables: Opener, key: bytes) -> None:
    tables = open_tables()
    tables.write({Table.STATE: {b"a": b"1"}})
    snapshot = tables.snapshot()
    assert snapshot.table(Table.STATE).get(key) is None
    snapshot.close()


def test_snapshot__written_after__still_shows_what_was(open_tables: Opener) -> None:
    tables = open_tables()
    tables.write({Table.STATE: {b"a": b"1", b"b": b"2"}})
    before = tables.snapshot()
    tables.write({Table.STATE: {b"a": None, b"b": b"3", b"c": b"4"}})
    assert before.table(Table.STATE).get(b"a") == b"1"
    assert list(before.table(Table.STATE).scan(b"")) == [(b"a", b"1"), (b"b", b"2")]
    assert contents(tables) == [(b"b", b"3"), (b"c", b"4")]
    before.close()


CHANGES = st.dictionaries(st.binary(min_size=1, max_size=3), st.none() | st.binary(min_size=1, max_size=3), max_size=8)


@given(writes=st.lists(CHANGES, max_size=4), prefix=st.binary(max_size=2))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_write__any_series__leaves_what_a_dictionary_would_hold(
    open_tables: Opener, writes: list[dict[bytes, bytes | None]], prefix: bytes
) -> None:
    tables = open_tables()
    expected: dict[bytes, bytes | None] = {}
    for changes in writes:
        tables.write({Table.STATE: changes})
        expected.update(changes)
    held = sorted((key, value) for key, value in expected.items() if value is not None and key.startswith(prefix))
    assert contents(tables, prefix=prefix) == held
