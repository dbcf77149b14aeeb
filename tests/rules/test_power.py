from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.power import MAX_TOTAL_POWER, Candidate, compute_power, has_signed_enough
from rules.presets import LOCAL
from rules.types import Host

PARAMS = LOCAL.stake


def host(number: int) -> Host:
    return Host(number.to_bytes(20, "big"))


def candidate(number: int, units: int, *, newcomer: bool = False, down: bool = False) -> Candidate:
    return Candidate(host=host(number), effective_units=units, newcomer=newcomer, down=down)


def power_of(*candidates: Candidate) -> list[int]:
    power = compute_power(candidates, PARAMS)
    return [power.get(c.host, 0) for c in candidates]


def settled(*units: int) -> list[Candidate]:
    return [candidate(i, u) for i, u in enumerate(units)]


def fresh(*units: int) -> list[Candidate]:
    return [candidate(100 + i, u, newcomer=True) for i, u in enumerate(units)]


CASES = [
    (settled(500, 300, 200), [500, 300, 200], "three hosts: no cap"),
    (settled(25, 25, 25, 25), [25, 25, 25, 25], "four equal ones"),
    (settled(700, 100, 100, 100), [128, 100, 100, 100], "30 % is the most where there are four: 128 of 428"),
    (settled(700, 600, 30, 30), [45, 45, 30, 30], "two great ones: 30 % each, of 150"),
    ([*settled(900), *fresh(900)], [900, 300], "newcomers hold at most a quarter together"),
    ([*settled(900), *fresh(200)], [900, 200], "newcomers below the quarter keep what they have"),
    ([*settled(900), *fresh(600, 300)], [900, 200, 100], "newcomers are scaled down alike"),
    (fresh(700, 200, 100), [700, 200, 100], "all are newcomers: no cap"),
    ([*settled(900), *fresh(300, 300, 300)], [900, 100, 100, 100], "the quarter comes first: the others hold no more"),
    ([*settled(0), *fresh(5)], [0, 5], "nobody else has power"),
    (settled(5, 0, 3), [5, 0, 3], "no units, no power"),
    ([candidate(1, 9, down=True), candidate(2, 4)], [0, 4], "down or jailed"),
    ([candidate(1, 9, down=True)], [0], "everyone down: empty"),
    ([], [], "no candidates"),
]


@pytest.mark.parametrize(("candidates", "power", "words"), CASES, ids=[words for *_, words in CASES])
def test_compute_power__keeps_to_the_caps(candidates: list[Candidate], power: list[int], words: str) -> None:
    assert power_of(*candidates) == power


def test_compute_power__more_than_max_validators__the_greatest_are_in__equal_ones_by_address() -> None:
    params = replace(PARAMS, max_validators=2)
    assert compute_power([candidate(3, 5), candidate(1, 5), candidate(2, 7)], params) == {host(1): 5, host(2): 7}


def test_compute_power__a_total_above_cometbfts_limit__is_scaled_below_it() -> None:
    power = power_of(*settled(2**62, 2**62, 1))
    assert power == [MAX_TOTAL_POWER // 2 - 2, MAX_TOTAL_POWER // 2 - 2, 1]
    assert sum(power) <= MAX_TOTAL_POWER


@pytest.mark.parametrize(("signed", "enough"), [(29, False), (30, True), (60, True)])
def test_has_signed_enough__half_of_the_window__is_enough(signed: int, enough: bool) -> None:
    assert has_signed_enough(signed, PARAMS) is enough


units = st.one_of(st.integers(1, 50), st.integers(1, 10**7))


@given(st.lists(units, max_size=8), st.lists(units, max_size=8))
def test_caps_hold_as_far_as_they_can(old: list[int], new: list[int]) -> None:
    candidates = [*settled(*old), *fresh(*new)]
    power = compute_power(candidates, PARAMS)
    total = sum(power.values())
    assert all(0 < power[c.host] <= c.effective_units for c in candidates if c.host in power)
    assert bool(power) == bool(candidates)
    if old:
        assert 4 * sum(power.get(c.host, 0) for c in candidates if c.newcomer) <= total
    held = [power.get(c.host, 0) for c in candidates]
    if len(old) >= 4:  # enough to hold 30 % each, whatever the newcomers may
        assert 10 * max(held) <= 3 * (total + len(candidates))  # flooring takes less than 1 from each newcomer


@given(st.lists(units, min_size=1, max_size=8), st.lists(units, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(old: list[int], new: list[int], random: object) -> None:
    candidates = [*settled(*old), *fresh(*new)]
    shuffled = sorted(candidates, key=lambda c: random.random())  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert list(compute_power(shuffled, PARAMS).items()) == list(compute_power(candidates, PARAMS).items())
