from itertools import count

import pytest

from chain.modules.pagination import DEFAULT_LIMIT, MAX_LIMIT, MAX_SCANNED, paginate
from rules.errors import RuleError

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest

LETTERS = "abcdefg"


def test_paginate__following_the_keys__gives_every_item_once_in_order() -> None:
    collected, key = "", b""
    for _ in range(4):
        items, page = paginate(LETTERS, PageRequest(limit=2, key=key))
        collected, key = collected + "".join(items), page.next_key
    assert (collected, key) == (LETTERS, b"")


@pytest.mark.parametrize(
    ("request_", "expected", "total", "why"),
    [
        (PageRequest(), LETTERS, 0, "all of a short list by default"),
        (PageRequest(offset=5), "fg", 0, "from an offset"),
        (PageRequest(offset=99), "", 0, "past the end"),
        (PageRequest(limit=3, reverse=True), "gfe", 0, "from the end"),
        (PageRequest(limit=2, count_total=True), "ab", 7, "with the total when asked for"),
        (PageRequest(limit=7), LETTERS, 0, "exactly to the end"),
    ],
)
def test_paginate__as_asked(request_: PageRequest, expected: str, total: int, why: str) -> None:
    items, page = paginate(iter(LETTERS), request_)
    assert ("".join(items), page.total) == (expected, total), why


def test_paginate__no_page_is_longer_than_the_limit() -> None:
    assert len(paginate(range(5000), PageRequest())[0]) == DEFAULT_LIMIT
    items, page = paginate(range(5000), PageRequest(limit=2**63))
    assert len(items) == MAX_LIMIT
    assert page.next_key


@pytest.mark.parametrize(
    "request_",
    [
        PageRequest(key=b"x"),
        PageRequest(key=bytes(8), offset=1),
        PageRequest(offset=2**64 - 1),
        PageRequest(key=b"\xff" * 8),
    ],
)
def test_paginate__a_place_that_no_answer_gave__is_refused(request_: PageRequest) -> None:
    with pytest.raises(RuleError) as caught:
        paginate(LETTERS, request_)
    assert caught.value.code == "request_invalid"


@pytest.mark.parametrize(
    "request_",
    [
        PageRequest(count_total=True, limit=1),
        PageRequest(reverse=True, limit=1),
        PageRequest(offset=MAX_SCANNED),
        PageRequest(key=(2**40).to_bytes(8, "big")),
    ],
)
def test_paginate__more_than_can_be_gone_through_between_blocks__is_refused(request_: PageRequest) -> None:
    seen = []
    endless = (seen.append(number) or number for number in count())
    with pytest.raises(RuleError, match="request_invalid"):
        paginate(endless, request_)
    assert len(seen) == MAX_SCANNED + 1
    assert paginate(count(), PageRequest(limit=2))[0] == [0, 1]
