"""Prices move with what is settled: never by more than a step, never out of the bounds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.params import MILLION
from rules.presets import MAINNET
from rules.pricing import compute_next_base_price, compute_price
from rules.vouchers import Price

PARAMS = replace(MAINNET.inference, target_volume_ppm=2_000_000)
"""Two units settled for each effective unit keep the price."""


def test_compute_price__units_per_token__scale_the_base_price() -> None:
    assert compute_price(10_000, 3, 12) == Price(in_ngonka=30_000, out_ngonka=120_000)


@pytest.mark.parametrize(
    ("price", "volume", "capacity", "after", "words"),
    [
        (100_000, 2_000, 1_000, 100_000, "on target"),
        (100_000, 4_000, 1_000, 105_000, "twice the target: a whole step up"),
        (100_000, 10**15, 1_000, 105_000, "far more: no more than a step"),
        (100_000, 3_000, 1_000, 102_500, "half as much again: half a step"),
        (100_000, 0, 1_000, 95_000, "nothing: a whole step down"),
        (100_000, 1_000, 1_000, 97_500, "half the target: half a step down"),
        (100_000, 2_001, 1_000, 100_002, "2.5 up is floored"),
        (100_000, 1_999, 1_000, 99_998, "2.5 down is floored"),
        (100_000, 500, 0, 100_000, "nobody offers it"),
        (1_000, 0, 1_000, 1_000, "the lower bound"),
        (2**40, 10**9, 1_000, 2**40, "the upper bound"),
        (10, 0, 0, 1_000, "a bound that was raised"),
        (2**41, 0, 0, 2**40, "a bound that was lowered"),
    ],
)
def test_compute_next_base_price__case__is(price: int, volume: int, capacity: int, after: int, words: str) -> None:
    assert compute_next_base_price(price, volume, capacity, PARAMS) == after


@given(st.integers(1_000, 2**40), st.integers(0, 2**80), st.integers(0, 2**59))
def test_a_price_moves_by_at_most_a_step_and_towards_where_volume_points(
    price: int, volume: int, capacity: int
) -> None:
    after = compute_next_base_price(price, volume, capacity, PARAMS)
    assert abs(after - price) * MILLION <= price * PARAMS.price_step_ppm
    assert PARAMS.min_price_ngonka <= after <= PARAMS.max_price_ngonka
    if volume >= 2 * capacity:
        assert after >= price
    if volume <= 2 * capacity and capacity:
        assert after <= price


def test_a_whole_step_is_never_rounded_to_none() -> None:
    lowest = replace(PARAMS, min_price_ngonka=20)
    assert compute_next_base_price(20, 10**6, 1, lowest) == 21
