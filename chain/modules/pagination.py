"""One page of a list, as cosmos.base.query.v1beta1 asks for it."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from rules.errors import RuleError

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest, PageResponse

Item = TypeVar("Item")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_SCANNED = 100_000
"""Most items that are gone through for one answer: reading more would hold up the blocks."""
_KEY_BYTES = 8


def paginate(items: Iterable[Item], request: PageRequest) -> tuple[list[Item], PageResponse]:
    """The items of the page and what leads to the next.

    A page holds DEFAULT_LIMIT items unless asked for another number, at most MAX_LIMIT.  `next_key` is the offset of
    the next page, big-endian in 8 bytes, empty on the last.  `total` is set when asked for.
    RuleError request_invalid: a key that no answer gave, both a key and an offset, and as `bounded`: a total or a page
    from the end beyond that many items, a page that begins after them.
    """
    items = bounded(items)
    if request.count_total or request.reverse:
        items = list(items)
    total = len(items) if isinstance(items, list) else 0
    if request.reverse and isinstance(items, list):
        items.reverse()
    start = _start(request)
    limit = min(request.limit or DEFAULT_LIMIT, MAX_LIMIT)
    found = list(islice(items, start, start + limit + 1))
    more = len(found) > limit
    next_key = (start + limit).to_bytes(_KEY_BYTES, "big") if more else b""
    return found[:limit], PageResponse(next_key=next_key, total=total if request.count_total else 0)


def bounded(items: Iterable[Item]) -> Iterator[Item]:
    """The items, for who keeps few of them too.  RuleError request_invalid: there are more than MAX_SCANNED."""
    for count, item in enumerate(items):
        if count == MAX_SCANNED:
            raise RuleError("request_invalid", f"the list has more than {MAX_SCANNED} items to go through; narrow it")
        yield item


def _start(request: PageRequest) -> int:
    if not request.key:
        start: int = request.offset
    elif request.offset or len(request.key) != _KEY_BYTES:
        raise RuleError("request_invalid", "pagination takes an offset, or a key that an answer gave")
    else:
        start = int.from_bytes(request.key, "big")
    if start >= 2**63 - MAX_LIMIT:
        raise RuleError("request_invalid", "the pagination offset is too large")
    return start
