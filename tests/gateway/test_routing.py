import random
from collections import Counter
from dataclasses import replace

import pytest

from gateway.policies import ANYWHERE, Territory
from gateway.routing import LONGEST_COOLING_MS, Candidate, Health, order_candidates

GOOD = Candidate(host="a", endpoint="http://a", region="DE", weight=100, escrow_id=1, free_ngonka=50)
OTHER = replace(GOOD, host="b", region="FR")


def first_of(candidates: list[Candidate], rounds: int = 2000) -> Counter[str]:
    chance = random.Random(7)
    return Counter(order_candidates(candidates, ANYWHERE, 1, 0, chance.randrange)[0].host for _ in range(rounds))


def test_order_candidates__equals__each_comes_first_as_often() -> None:
    assert 0.45 < first_of([GOOD, OTHER])["a"] / 2000 < 0.55


@pytest.mark.parametrize(
    "worse",
    [
        replace(OTHER, weight=20),
        replace(OTHER, health=Health(latency_ms=1000)),
        replace(OTHER, load=10),
        replace(OTHER, health=Health(failures=2)),
        replace(OTHER, health=Health(no_receipt=2)),
        replace(OTHER, health=Health(failures=1, no_receipt=1)),
    ],
)
def test_order_candidates__less_weight_slower_busier_or_failing__comes_first_less_often(worse: Candidate) -> None:
    assert first_of([GOOD, worse])["a"] / 2000 > 0.8


@pytest.mark.parametrize(
    "barred",
    [replace(OTHER, free_ngonka=9), replace(OTHER, health=Health(asked_again_ms=1001))],
)
def test_order_candidates__no_reserve_or_resting__is_not_asked_at_all(barred: Candidate) -> None:
    ordered = order_candidates([GOOD, barred], ANYWHERE, 10, 1000, lambda _: 0)
    assert [candidate.host for candidate in ordered] == ["a"]


def test_order_candidates__the_clock_is_set_back__a_host_that_rests_is_asked_again() -> None:
    resting = replace(OTHER, health=Health().after_failure(3_600_000))
    for now_ms, is_asked in [(3_600_000, False), (3_601_000, True), (0, True)]:
        assert bool(order_candidates([resting], ANYWHERE, 1, now_ms, lambda _: 0)) is is_asked


def test_order_candidates__a_territory__is_never_left() -> None:
    for territory, hosts in [
        (Territory(regions=("DE",)), ["a"]),
        (Territory(hosts=("b",)), ["b"]),
        (Territory(regions=("DE",), hosts=("b",)), []),
        (Territory(hosts=()), []),
    ]:
        ordered = order_candidates([GOOD, OTHER], territory, 1, 0, lambda _: 0)
        assert [candidate.host for candidate in ordered] == hosts


def test_after_failure__again_and_again__rests_longer_up_to_a_minute_and_a_success_ends_it() -> None:
    health, rests = Health(), []
    for _ in range(20):
        health = health.after_failure(0)
        rests.append(health.asked_again_ms)
    assert rests[:3] == [1000, 2000, 4000]
    assert rests[-1] == LONGEST_COOLING_MS
    assert health.after_success(90) == Health(latency_ms=60)


def test_after_status__a_resting_host_that_is_up__may_be_asked_but_is_not_trusted_at_once() -> None:
    health = Health().after_failure(0).after_failure(0).after_status()
    assert health == Health(failures=2)


def test_health__answers_without_a_receipt__first_words_and_a_status_do_not_make_up_for_them() -> None:
    health, now_ms = Health(), 0
    waits = []
    for _ in range(8):
        health = health.after_success(10).after_no_receipt(now_ms)
        waits.append(health.asked_again_ms - now_ms)
        health = health.after_status()
    assert (health.no_receipt, health.failures) == (8, 0)
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_COOLING_MS
    assert health.after_receipt().faults == 0
