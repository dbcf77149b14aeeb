"""Noise from words: the tables, their vectors, and the distribution."""

import json
import math
from hashlib import sha256
from pathlib import Path

import pytest

from rules.sampler import KNOT_COUNT, MAX_NOISE, NOISE_BITS, compute_noise, compute_noise_key, get_knots

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "sampler.json").read_text())


def compute_exactly(word: int) -> float:
    """The Gumbel variable of a word's quantile, in floating point."""
    quantile = (2 * word + 1) / 2**33
    return -math.log(-math.log1p(-quantile))


def test_get_knots__both_tables__are_the_pinned_ones() -> None:
    near, far = get_knots()
    assert len(near) == len(far) == KNOT_COUNT
    assert sha256(json.dumps([near, far]).encode()).hexdigest() == VECTORS["knots_sha256"]
    assert list(near) == sorted(near, reverse=True)
    assert list(far) == sorted(far)
    assert near[-1] == far[-1]


@pytest.mark.parametrize(("word", "noise"), VECTORS["noise"])
def test_compute_noise__vectors(word: int, noise: int) -> None:
    assert compute_noise(word) == noise


@pytest.mark.parametrize(
    "word", [0, 1, 2, 3, 63, 64, 65, 1000, 10**6, 2**31 - 1, 2**31, 3 * 10**9, 2**32 - 65, 2**32 - 1]
)
def test_compute_noise__any_word__is_the_gumbel_variable_within_a_ten_thousandth(word: int) -> None:
    assert compute_noise(word) / 2**NOISE_BITS == pytest.approx(compute_exactly(word), abs=1e-4)


def test_compute_noise__growing_words__never_grows() -> None:
    words = sorted({*range(300), *(2**k + d for k in range(9, 32) for d in (-1, 0, 1)), 2**32 - 1})
    noises = [compute_noise(word) for word in words]
    assert noises == sorted(noises, reverse=True)
    assert noises[0] == MAX_NOISE


def test_compute_noise__evenly_spread_words__mean_and_variance_are_gumbels() -> None:
    noises = [compute_noise((2 * i + 1) << 17) / 2**NOISE_BITS for i in range(1 << 14)]
    mean = sum(noises) / len(noises)
    assert mean == pytest.approx(0.5772, abs=2e-3)
    assert sum((x - mean) ** 2 for x in noises) / len(noises) == pytest.approx(math.pi**2 / 6, abs=1e-2)


def test_compute_noise_key__vector() -> None:
    assert compute_noise_key(bytes(range(32))).hex() == VECTORS["key"]
