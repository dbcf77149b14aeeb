"""The event queries of GetTxsEvent: `message.sender='gonka1...' AND tx.height>=5`."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import eq, ge, gt, le, lt

from chain.engine.blocklog import LoggedBlock, find_tx, read_block
from chain.engine.results import INDEXED
from chain.engine.txindex import has_place, scan_places
from chain.store.kv import Reader
from rules.errors import RuleError

MAX_QUERY = 2000
"""Letters of a query."""
MAX_CONDITIONS = 8
MAX_HEIGHTS = 100
"""Most blocks that a query by height alone may span."""
MAX_FOUND = 100_000
"""Most transactions for which one condition may hold: reading more would hold up the blocks."""

MAX_READ_BYTES = 64 << 20
"""Most bytes of blocks that are read for one page."""

Place = tuple[int, int]
"""Height, and index in the block."""

_SEARCHABLE = ", ".join([*sorted(INDEXED), "tx.hash"])
_CONDITION = re.compile(r"\s*([a-z_0-9.]+)\s*(<=|>=|=|<|>)\s*(?:'([^']*)'|(\d{1,18}))\s*")
_COMPARE: dict[str, Callable[[int, int], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True)
class Condition:
    """An attribute, as type.key, one of = < <= > >=, and what it is compared with."""

    name: str
    operator: str
    value: str


def parse_query(text: str) -> tuple[Condition, ...]:
    """The conditions of a query, all of which must hold.  RuleError request_invalid."""
    if len(text) > MAX_QUERY:
        raise RuleError("request_invalid", f"a query has at most {MAX_QUERY} letters, not {len(text)}")
    conditions = tuple(_parse_condition(part) for part in re.split(r"\s+AND\s+", text.strip()))
    if len(conditions) > MAX_CONDITIONS:
        raise RuleError("request_invalid", f"a query has at most {MAX_CONDITIONS} conditions")
    return conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions, all of which must hold, and the last block that they are looked for in."""

    conditions: tuple[Condition, ...]
    height: int


def take_places(records: Reader, search: Search, *, start: int, limit: int, newest: bool) -> tuple[list[Place], int]:
    """A page of the transactions found, the oldest or the `newest` first, and how many there are.

    Nothing but the page is held.  Raises: RuleError as `scan_found`.
    """
    total = sum(1 for _ in scan_found(records, search))
    if not newest:
        return list(islice(scan_found(records, search), start, start + limit)), total
    end = max(total - start, 0)
    return list(islice(scan_found(records, search), max(end - limit, 0), end))[::-1], total


def read_places(records: Reader, places: Iterable[Place]) -> Iterator[tuple[LoggedBlock, int]]:
    """The block of each place, with the index in it; one block is held at a time, as places of one come together.

    RuleError request_invalid: their blocks have more than MAX_READ_BYTES.
    """
    logged: LoggedBlock | None = None
    room = MAX_READ_BYTES
    for height, index in places:
        if logged is None or logged.block.height != height:
            logged = read_block(records, height)
            if logged is None:
                raise AssertionError(f"the index names block {height}, which the log has not")
            room -= sum(map(len, logged.block.txs))
        if room < 0:
            raise RuleError(
                "request_invalid", f"the page takes more than {MAX_READ_BYTES} bytes of blocks; ask for less"
            )
        yield logged, index


def scan_found(records: Reader, search: Search) -> Iterator[Place]:
    """Where the transactions are for which all conditions hold, ascending.

    RuleError request_invalid: a span of heights alone that is more than MAX_HEIGHTS, a condition that holds for more
    than MAX_FOUND.
    """
    heights = [condition for condition in search.conditions if condition.name == "tx.height"]
    others = [condition for condition in search.conditions if condition.name != "tx.height"]
    others.sort(key=lambda condition: condition.name != "tx.hash")  # a hash narrows most
    places = _scan(records, others[0]) if others else _scan_heights(records, heights, search.height)
    for place in places:
        inside = place[0] <= search.height and _holds(heights, place[0])
        if inside and all(_has(records, condition, place) for condition in others[1:]):
            yield place


def _parse_condition(text: str) -> Condition:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise RuleError("request_invalid", f"{text[:80]!r} is no condition like message.sender='gonka1...'")
    name, operator, quoted, number = match.groups()
    value = number if quoted is None else quoted
    if name == "tx.height":
        if not (value.isdecimal() and len(value) <= 18):
            raise RuleError("request_invalid", f"{value[:80]!r} is no height")
    elif name not in INDEXED | {"tx.hash"} or operator != "=":
        raise RuleError(
            "request_invalid", f"transactions are found by {', '.join(sorted(INDEXED))}, tx.height, tx.hash"
        )
    return Condition(name, operator, value)


def _scan(records: Reader, condition: Condition) -> Iterator[Place]:
    if condition.name == "tx.hash":
        place = find_tx(records, parse_hash(condition.value))
        if place is not None:
            yield place
        return
    for count, place in enumerate(scan_places(records, condition.name, condition.value)):
        if count == MAX_FOUND:
            detail = f"{condition.name} = {condition.value[:80]!r} holds for more than {MAX_FOUND} transactions"
            raise RuleError("request_invalid", detail)
        yield place


def _has(records: Reader, condition: Condition, place: Place) -> bool:
    if condition.name == "tx.hash":
        return find_tx(records, parse_hash(condition.value)) == place
    return has_place(records, condition.name, condition.value, place)


def parse_hash(text: str) -> bytes:
    """The 32 bytes of a transaction's hash in hex.  RuleError request_invalid."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise RuleError("request_invalid", "a transaction's hash is 64 hexadecimal digits")
    return bytes.fromhex(text)


def _holds(heights: list[Condition], height: int) -> bool:
    return all(_COMPARE[condition.operator](height, int(condition.value)) for condition in heights)


def _scan_heights(records: Reader, heights: list[Condition], latest: int) -> Iterator[Place]:
    first = max([_lowest(condition) for condition in heights])
    last = min([latest, *(_highest(condition, latest) for condition in heights)])
    if last - first >= MAX_HEIGHTS:
        raise RuleError("request_invalid", f"{last - first + 1} heights, at most {MAX_HEIGHTS}: narrow tx.height")
    for height in range(max(first, 1), last + 1):
        logged = read_block(records, height)
        yield from ((height, index) for index in range(len(logged.block.txs) if logged else 0))


def _lowest(condition: Condition) -> int:
    value = int(condition.value)
    return {"=": value, ">=": value, ">": value + 1}.get(condition.operator, 1)


def _highest(condition: Condition, latest: int) -> int:
    value = int(condition.value)
    return {"=": value, "<=": value, "<": value - 1}.get(condition.operator, latest)
