"""The bet: exact, capped, against an alarm; and that honest hosts are left alone while cheats are found."""

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.evidence import (
    ALARM,
    CAP,
    CLIP_MILLI,
    EPOCH_GROWTH,
    ONE,
    WORST_PPM,
    Wealth,
    bet,
    compute_distance_ppm,
    hold_back,
    scale_gap,
    settle_distance_ppm,
)

NULL = 10_000


@pytest.mark.parametrize(
    ("gaps", "expected", "why"),
    [
        ([], 0, "no tokens are no work"),
        ([0, 0, 0], 0, "all tokens repeat"),
        ([500], WORST_PPM // 2, "half of the clip"),
        ([10 * CLIP_MILLI, 0], WORST_PPM // 2, "one token counts up to the clip"),
        ([1, 0, 0], 333, "rounded down"),
        ([CLIP_MILLI] * 5, WORST_PPM, "every token is plainly wrong"),
    ],
)
def test_compute_distance_ppm__gaps__their_clipped_mean(gaps: list[int], expected: int, why: str) -> None:
    assert compute_distance_ppm(gaps) == expected, why


@pytest.mark.parametrize(
    ("reports", "expected", "why"),
    [
        ([], 0, "no seats"),
        ([None, None, 9], 0, "most seats are silent"),
        ([5, None, 9], 5, "two of three say at least 5"),
        ([5, 5, WORST_PPM], 5, "one liar of three changes nothing"),
        ([5, 6, WORST_PPM, WORST_PPM], 6, "half of the seats is not more than half"),
        ([5, WORST_PPM, WORST_PPM], WORST_PPM, "most say that nothing was delivered"),
    ],
)
def test_settle_distance_ppm__reports_by_seat__what_most_seats_reach(
    reports: list[int | None], expected: int, why: str
) -> None:
    assert settle_distance_ppm(reports) == expected, why


@given(st.lists(st.none() | st.integers(0, WORST_PPM), min_size=1, max_size=9))
def test_settle_distance_ppm__any_reports__more_than_half_of_the_seats_reach_it_and_no_more(
    reports: list[int | None],
) -> None:
    found = settle_distance_ppm(reports)
    said = [report for report in reports if report is not None]
    assert found == 0 or 2 * sum(report >= found for report in said) > len(reports)
    assert 2 * sum(report >= found + 1 for report in said) <= len(reports)


@given(st.lists(st.integers(0, WORST_PPM), max_size=30), st.integers(1, WORST_PPM))
def test_bet__any_distances__never_above_the_exact_wealth(distances: list[int], null: int) -> None:
    wealth, exact = Wealth(), Fraction(0)
    for rounds, distance in enumerate(distances, 1):
        wealth = bet(wealth, distance, null)
        exact = (exact + Fraction(1, rounds * (rounds + 1))) * (1 + min(Fraction(distance, null), Fraction(CAP))) / 2
        assert wealth.rounds == rounds
        assert 0 <= wealth.amount <= exact * ONE


def test_bet__the_worst_distances__an_alarm_after_eight_and_not_before() -> None:
    wealth, alarms = Wealth(), []
    for _ in range(8):
        wealth = bet(wealth, WORST_PPM, NULL)
        alarms.append(wealth.is_alarm)
    assert alarms == [False] * 7 + [True]


def test_bet__honest_for_a_thousand_rounds__a_cheat_is_still_found_within_twenty() -> None:
    wealth = Wealth()
    for _ in range(1_000):
        wealth = bet(wealth, NULL // 4, NULL)
    rounds = 0
    while not wealth.is_alarm:
        wealth, rounds = bet(wealth, WORST_PPM, NULL), rounds + 1
    assert rounds <= 20


def test_bet__distances_whose_mean_is_just_the_null__hardly_any_alarm_in_two_thousand_hosts() -> None:
    """The worst that the bound allows: all or nothing, at 1 / CAP odds.  Expected alarms: at most 0.2."""
    chance, alarms = random.Random(1), 0
    for _ in range(2_000):
        wealth = Wealth()
        for _ in range(60):
            wealth = bet(wealth, CAP * NULL if chance.random() * CAP < 1 else 0, NULL)
            if wealth.is_alarm:
                alarms += 1
                break
    assert alarms <= 3
    assert ALARM == 10_000


def test_hold_back__a_hundred_of_the_worst_rounds_an_epoch__an_alarm_in_the_third_and_not_before() -> None:
    wealth, alarms = Wealth(), []
    for _ in range(3):
        before = wealth
        for _ in range(100):
            wealth = wealth if wealth.is_alarm else bet(wealth, WORST_PPM, NULL)
        wealth = hold_back(before, wealth)
        alarms.append(wealth.is_alarm)
    assert alarms == [False, False, True]


@given(st.integers(0, ALARM * ONE), st.integers(0, 4 * ALARM * ONE))
def test_hold_back__any_wealth__is_never_more_than_the_bet_won(before: int, after: int) -> None:
    held = hold_back(Wealth(amount=before, rounds=3), Wealth(amount=after, rounds=4))
    assert held == Wealth(amount=min(after, EPOCH_GROWTH * (before + ONE)), rounds=4)


@pytest.mark.parametrize(
    ("gap", "temperature", "expected", "why"),
    [
        (500, 1000, 500, "scores are logits"),
        (500, 700, 350, "rounding weighs more in scores when it is cold"),
        (999, 1, 0, "rounded down"),
        (500, 0, 500, "greedy: scores are logits"),
        (1_000_000, 1, 1000, "a token that was left out is clipped at any temperature"),
    ],
)
def test_scale_gap__temperatures__gaps_in_logits(gap: int, temperature: int, expected: int, why: str) -> None:
    assert scale_gap(gap, temperature) == expected, why
