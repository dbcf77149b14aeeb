"""Which receipts are asked for, and which are shown."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.doubts import (
    AGAIN_MS,
    MOST_DRAWN,
    Doubt,
    Found,
    Plan,
    Standing,
    choose_shown,
    is_missing,
    note_failed,
    plan_receipts,
)
from rules.receipts import SHOWN_EPOCHS, Settling

NOW_MS = 10_000
EPOCH = 10


def settle(epoch: int, after_serial: int, serial: int) -> Settling:
    return Settling(epoch=epoch, after_serial=after_serial, serial=serial, root=bytes(32), count=9)


SETTLINGS = (settle(7, 10, 20), settle(8, 20, 30), settle(9, 30, 40), settle(9, 40, 50), settle(10, 50, 60))
STANDING = Standing(epoch=EPOCH, settlings=SETTLINGS, newest_serial=60)


def plan(kept: Sequence[Doubt], standing: Standing = STANDING, seed: int = 1) -> Plan:
    return plan_receipts(kept, standing, NOW_MS, random.Random(seed).randrange)


def doubt(after_serial: int, **more: int | bool) -> Doubt:
    return Doubt(request=1, after_serial=after_serial, **more)  # type: ignore[arg-type]


def over(**changes: object) -> Standing:
    return Standing(**({"epoch": EPOCH, "settlings": SETTLINGS, "newest_serial": 60} | changes))  # type: ignore[arg-type]


ASK, DRAW, FORGET, SHOWN = "ask", "draw", "forget", "shown"
CASES = [
    (doubt(60), STANDING, set(), "what no voucher has settled yet waits"),
    (doubt(99), STANDING, set(), "and what was signed long after"),
    (doubt(60), over(is_closed=True), {FORGET}, "unless nothing settles any more"),
    (doubt(50), STANDING, set(), "an epoch that is not over is not looked at"),
    (doubt(59), over(epoch=11), {DRAW, ASK}, "it is in the next"),
    (doubt(49), STANDING, {DRAW, ASK}, "the second tree of an epoch"),
    (doubt(30), STANDING, {DRAW, ASK}, "the first tree of an epoch"),
    (doubt(29), STANDING, {DRAW, ASK}, "the oldest epoch that may be shown"),
    (doubt(19), STANDING, {FORGET}, "an epoch that is too old"),
    (doubt(9), STANDING, {FORGET}, "what the chain has forgotten"),
    (doubt(45, is_drawn=True), STANDING, {ASK}, "what is drawn already"),
    (doubt(45, is_drawn=True, failed=1, next_ms=NOW_MS), STANDING, {ASK}, "a second try"),
    (doubt(45, is_drawn=True, failed=1, next_ms=NOW_MS + 1), STANDING, set(), "a second try, too early"),
    (doubt(19, is_drawn=True, failed=9), STANDING, {FORGET}, "a host that was away for too long"),
    (doubt(45, is_drawn=True, failed=2), over(showing=1), {SHOWN}, "what the chain judges already"),
    (doubt(45, is_drawn=True, failed=2), over(showing=2), {ASK}, "while another is judged"),
    (doubt(45), over(is_closed=True), {DRAW, ASK}, "an escrow that is over, as long as it may be shown"),
    (doubt(0), over(settlings=(), newest_serial=0, is_closed=True), {FORGET}, "an escrow that is forgotten"),
]


@pytest.mark.parametrize(("kept", "standing", "expected", "what"), CASES, ids=[case[-1] for case in CASES])
def test_plan_receipts__one_receipt(kept: Doubt, standing: Standing, expected: set[str], what: str) -> None:
    found = plan([kept], standing)
    told = {FORGET: found.forgotten, DRAW: found.drawn, ASK: found.asked, SHOWN: found.shown}
    assert {name for name, value in told.items() if value} == expected


def test_plan_receipts__more_than_are_drawn__the_rest_of_the_epoch_is_forgotten() -> None:
    found = plan([Doubt(request=n, after_serial=30 + n % 20) for n in range(100)])
    assert len(found.drawn) == len(found.asked) == MOST_DRAWN
    assert {*found.drawn, *found.forgotten} == set(range(100))


def test_plan_receipts__each_receipt_of_an_epoch__is_drawn_as_often_as_any_other() -> None:
    """Over all its trees: one that settles early in its epoch is not safe, and one that settles late is not either."""
    kept = [Doubt(request=n, after_serial=31 if n < 15 else 45) for n in range(20)]
    drawn = Counter(request for seed in range(2000) for request in plan(kept, seed=seed).drawn)
    assert sum(drawn.values()) == 2000 * MOST_DRAWN
    assert all(300 < drawn[n] < 500 for n in range(20))


doubts = st.builds(
    Doubt,
    request=st.integers(1, 10**6),
    after_serial=st.integers(0, 70),
    is_drawn=st.booleans(),
    next_ms=st.integers(0, 2 * NOW_MS),
)


@given(
    st.lists(doubts, unique_by=lambda d: d.request, max_size=60),
    st.integers(8, 14),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_plan_receipts__any_receipts__keep_to_the_bounds(
    kept: list[Doubt], epoch: int, is_closed: bool, seed: int
) -> None:
    standing = over(epoch=epoch, is_closed=is_closed)
    found = plan(kept, standing, seed)
    by_request = {d.request: d for d in kept}
    asked = {d.request for d, _ in found.asked}
    assert not asked & set(found.forgotten)
    assert not set(found.drawn) & set(found.forgotten)
    for one, settling in found.asked:
        assert settling.after_serial <= one.after_serial < settling.serial
        assert epoch - SHOWN_EPOCHS <= settling.epoch < epoch
        assert one.next_ms <= NOW_MS
        assert one.is_drawn or one.request in found.drawn
    assert not any(by_request[request].is_drawn for request in found.drawn)
    after = [
        Doubt(request=d.request, after_serial=d.after_serial, is_drawn=d.is_drawn or d.request in found.drawn)
        for d in kept
        if d.request not in found.forgotten
    ]
    again = plan(after, standing, seed + 1)
    assert not again.drawn, "nothing more is drawn in the same epoch"
    assert not again.forgotten


def fail(found: Sequence[Found]) -> Doubt:
    one = doubt(45)
    for each in found:
        one = note_failed(one, each, NOW_MS)
    return one


@pytest.mark.parametrize(
    ("found", "epoch", "expected", "what"),
    [
        ([Found.REFUSED], EPOCH, False, "once is no reason"),
        ([Found.REFUSED, Found.REFUSED], EPOCH, True, "twice is"),
        ([Found.REFUSED, Found.ABSENT], EPOCH, False, "away in between"),
        ([Found.REFUSED, Found.ABSENT, Found.REFUSED], EPOCH, True, "refused twice in all"),
        ([Found.ABSENT] * 20, EPOCH, False, "away, while there is time"),
        ([Found.ABSENT] * 2, EPOCH + 1, True, "away, in the last epoch"),
        ([Found.ABSENT], EPOCH + 1, False, "away once, in the last epoch"),
    ],
)
def test_is_missing__so_many_tries(found: Sequence[Found], epoch: int, *, expected: bool, what: str) -> None:
    assert is_missing(fail(found), settle(9, 40, 50), epoch) is expected


def test_note_failed__again_and_again__it_waits_longer_up_to_a_bound() -> None:
    waits = [fail([Found.ABSENT] * times).next_ms - NOW_MS for times in range(1, 20)]
    assert waits[:3] == [AGAIN_MS, 2 * AGAIN_MS, 4 * AGAIN_MS]
    assert waits[-1] == waits[-2] < 2 * 3_600_000


def test_choose_shown__several__the_oldest_tree_and_one_at_a_time() -> None:
    missing = {3: settle(9, 40, 50), 7: settle(8, 20, 30), 9: settle(8, 20, 30)}
    assert choose_shown(missing, STANDING) == 7
    assert choose_shown(missing, over(showing=99)) is None
    assert choose_shown({}, STANDING) is None
