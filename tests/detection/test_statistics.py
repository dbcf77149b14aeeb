"""The study's statistics on samples whose answer is known."""

import numpy as np
import pytest

from detection.statistics import (
    GRID,
    compute_auc,
    compute_aucs,
    compute_distances,
    find_longest_run,
    find_tokens,
    resample_all,
    try_hosts,
)
from rules.evidence import WORST_PPM


@pytest.mark.parametrize(
    ("tokens", "run"), [([0, 0], 0), ([5], 1), ([0, 1, 2, 0, 3], 2), ([1, 1, 1], 3), ([1, 0, 0, 1], 1)]
)
def test_find_longest_run__tokens__most_in_a_row(tokens: list[int], run: int) -> None:
    assert find_longest_run(np.array(tokens, dtype=np.int32)) == run


@pytest.mark.parametrize(
    ("honest", "cheat", "auc"), [([1, 2], [3, 4], 1.0), ([3, 4], [1, 2], 0.0), ([1], [1], 0.5), ([1, 3], [2, 4], 0.75)]
)
def test_compute_auc__two_samples__the_chance_that_the_second_is_greater(
    honest: list[float], cheat: list[float], auc: float
) -> None:
    assert compute_auc(np.array(honest, dtype=float), np.array(cheat, dtype=float)) == auc


def test_find_tokens__an_auc_that_falls_again__does_not_count_before() -> None:
    aucs = np.full((len(GRID), 3), 0.999)
    aucs[3, 0] = 0.9
    assert find_tokens(aucs[:, 0], 0.99) == GRID[4]
    assert find_tokens(np.full(len(GRID), 0.5), 0.99) is None


def test_compute_distances__two_verifiers__the_greater_of_each_answer() -> None:
    first = [np.array([500, 0], dtype=np.int32), np.array([0], dtype=np.int32)]
    second = [np.array([0, 0], dtype=np.int32), np.array([9_000_000], dtype=np.int32)]
    assert compute_distances([first, second]).tolist() == [WORST_PPM // 4, WORST_PPM]


def test_compute_aucs__answers_of_one_kind_and_of_two__know_nothing_and_everything() -> None:
    chance = np.random.default_rng(0)
    near = [(chance.random(50) < 0.02).astype(np.int32) * 100 for _ in range(60)]
    far = [(chance.random(50) < 0.4).astype(np.int32) * 400 for _ in range(60)]
    honest = resample_all(near, 200, seed=1)
    assert abs(compute_aucs(honest, resample_all(near, 200, seed=2))[0, 0] - 0.5) < 0.1
    assert compute_aucs(honest, resample_all(far, 200, seed=3))[GRID.index(1000), 0] == 1.0


def test_try_hosts__honest_and_worst__nobody_and_everybody_after_eight() -> None:
    honest = try_hosts(np.array([0, 5_000, 8_000]), 10_000, hosts=200, rounds=50, seed=1)
    assert honest.alarms == 0
    assert honest.greatest_wealth < 10
    worst = try_hosts(np.array([WORST_PPM]), 10_000, hosts=20, rounds=50, seed=1)
    assert worst.alarm_rounds == (8,) * 20
