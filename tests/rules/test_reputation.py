"""How reputation grows, and what it spares a host."""

import pytest

from rules.params import MILLION
from rules.reputation import EPOCH_CAP, FULL, HALVING, LEAST_RATE_PPM, compute_rate_ppm, grow


@pytest.mark.parametrize(
    ("reputation", "rate", "why"),
    [(0, MILLION, "a new host: all"), (HALVING, MILLION // 2, "half"), (FULL, LEAST_RATE_PPM, "one in a hundred")],
)
def test_compute_rate_ppm__reputation__falls_from_all_to_one_in_a_hundred(reputation: int, rate: int, why: str) -> None:
    assert compute_rate_ppm(reputation) == rate, why


def test_compute_rate_ppm__growing_reputation__never_rises() -> None:
    rates = [compute_rate_ppm(reputation) for reputation in range(FULL + 10)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize(
    ("before", "passed", "after", "why"),
    [
        (0, 3, 3, "one for each escrow"),
        (5, 1_000, 5 + EPOCH_CAP, "no more than the cap in one epoch"),
        (FULL - 1, 5, FULL, "no further than full"),
        (7, 0, 7, "nothing was checked"),
    ],
)
def test_grow__escrows_that_passed__within_both_caps(before: int, passed: int, after: int, why: str) -> None:
    assert grow(before, passed) == after, why
