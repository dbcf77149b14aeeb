from __future__ import annotations

import numpy as np
import pytest

from soundness.statistics import bound_share, compute_chi2, estimate_auc, estimate_mean, find_screen

RANDOM = np.random.default_rng(1)


def test_estimate_auc__order_known__counts_pairs_and_halves_ties() -> None:
    is_hit = np.array([True, False, True, False])
    assert estimate_auc(np.array([4.0, 1.0, 3.0, 2.0]), is_hit).value == 1
    assert estimate_auc(np.array([1.0, 4.0, 2.0, 3.0]), is_hit).value == 0
    assert estimate_auc(np.array([1.0, 1.0, 2.0, 0.0]), is_hit).value == 0.875
    assert estimate_auc(np.zeros(4), is_hit).value == 0.5


def test_estimate_auc__no_hits__is_unknown() -> None:
    estimate = estimate_auc(np.arange(4.0), np.zeros(4, dtype=bool))
    assert (estimate.low, estimate.value, estimate.high) == (0, 0.5, 1)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2589), (5, 10, 0.2224, 0.7776), (10, 10, 0.7411, 1.0)],
)
def test_bound_share__tabulated_cases__are_those_of_the_tables(
    successes: int, trials: int, low: float, high: float
) -> None:
    assert bound_share(successes, trials, 0.05) == pytest.approx((low, high), abs=1e-4)


def test_find_screen__score_that_knows_the_truth__gains_what_its_cost_allows() -> None:
    truth = RANDOM.normal(size=4096)
    screen = find_screen({"score": -truth}, truth > np.quantile(truth, 7 / 8), 0.125, 0.001)
    assert screen.predictor == "minus score"
    assert screen.auc.value == pytest.approx(1)
    assert screen.gain.low > 3
    assert screen.gain.value == pytest.approx(1 / (0.125 + 0.125), rel=0.1)


def test_find_screen__noise_or_a_cost_as_high_as_the_truths__establishes_no_gain() -> None:
    truth = RANDOM.normal(size=4096)
    is_hit = truth > np.quantile(truth, 7 / 8)
    noise = find_screen({name: RANDOM.normal(size=4096) for name in "abc"}, is_hit, 0.01, 0.001)
    assert noise.gain.low < 1.01
    assert noise.auc.low < 0.5 < noise.auc.high
    assert find_screen({"score": truth}, is_hit, 1.0, 0.001).gain.high < 1


def test_estimate_mean__many_values__has_its_standard_error() -> None:
    estimate = estimate_mean(RANDOM.normal(3, 2, size=10_000))
    assert estimate.low < 3.05
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 2 / 100, rel=0.05)


def test_compute_chi2__equal_counts__is_nothing() -> None:
    assert compute_chi2(np.array([5.0, 5.0, 5.0])) == (0, 2)
    assert compute_chi2(np.array([4.0, 6.0])) == (0.4, 1)
