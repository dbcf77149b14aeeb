"""Statistics over scored answers: how well cheats are told apart, and how often verdicts are wrong.

A block is an answer: its tokens stay together in every resample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detection.collection import Gaps
from rules.evidence import CLIP_MILLI, WORST_PPM, Wealth, bet

Floats = NDArray[np.float64]
GRID: Final = (10, 20, 50, 100, 200, 300, 500, 1000, 2000, 5000)
"""Tokens that a sample may have."""
FEATURES: Final = ("mean clipped gap", "longest run", "largest gap")


def measure(tokens: Gaps) -> tuple[float, float, float]:
    """FEATURES of one sample, gaps in thousandths."""
    return float(np.minimum(tokens, CLIP_MILLI).mean()), float(find_longest_run(tokens)), float(tokens.max())


def find_longest_run(tokens: Gaps) -> int:
    """Most tokens one after the other that do not repeat."""
    ends = np.flatnonzero(np.concatenate(([0], tokens, [0])) == 0)
    return int(np.diff(ends).max()) - 1


def resample(answers: Sequence[Gaps], length: int, count: int, chance: np.random.Generator) -> Floats:
    """float (count, 3): FEATURES of `count` samples of `length` tokens, made of whole answers drawn with replacement,
    the last one cut.
    """
    lengths = np.array([len(answer) for answer in answers])
    rows = []
    for _ in range(count):
        chosen: list[Gaps] = []
        missing = length
        while missing > 0:
            place = int(chance.integers(len(answers)))
            chosen.append(answers[place][:missing])
            missing -= int(lengths[place])
        rows.append(measure(np.concatenate(chosen)))
    return np.array(rows)


def compute_auc(honest: Floats, cheat: Floats) -> float:
    """The chance that a sample of the cheat exceeds an honest one; a tie counts half."""
    order = np.sort(honest)
    below, upto = np.searchsorted(order, cheat, "left"), np.searchsorted(order, cheat, "right")
    return float((below + upto).mean() / 2 / len(honest))


def resample_all(answers: Sequence[Gaps], samples: int, seed: int) -> Floats:
    """float (len(GRID), samples, 3): as `resample`, for every length."""
    chance = np.random.default_rng(seed)
    return np.array([resample(answers, length, samples, chance) for length in GRID])


def compute_aucs(honest: Floats, cheat: Floats) -> Floats:
    """float (len(GRID), 3): AUC by tokens of a sample and by feature, of what `resample_all` gives."""
    return np.array(
        [
            [compute_auc(ours[:, n], theirs[:, n]) for n in range(len(FEATURES))]
            for ours, theirs in zip(honest, cheat, strict=True)
        ]
    )


def find_tokens(aucs: Floats, wanted: float) -> int | None:
    """The fewest tokens in GRID from which on the AUC stays at least as wanted; None for none."""
    good = [bool((aucs[n:] >= wanted).all()) for n in range(len(GRID))]
    return GRID[good.index(True)] if any(good) else None


def compute_distances(by_verifier: Sequence[Sequence[Gaps]]) -> NDArray[np.int64]:
    """The distance of each answer in ppm, the greatest that any verifier found."""
    clipped = [[int(np.minimum(answer, CLIP_MILLI).sum()) for answer in answers] for answers in by_verifier]
    lengths = [len(answer) for answer in by_verifier[0]]
    return np.array(
        [max(sums) * WORST_PPM // (CLIP_MILLI * length) for *sums, length in zip(*clipped, lengths, strict=True)]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Bootstrapped hosts: how many came to an alarm, after how many rounds, and the greatest wealth of any."""

    hosts: int
    rounds_each: int
    alarm_rounds: tuple[int, ...]
    greatest_wealth: float

    @property
    def alarms(self) -> int:
        """Hosts that were condemned."""
        return len(self.alarm_rounds)


def try_hosts(distances: NDArray[np.int64], null_ppm: int, hosts: int, rounds: int, seed: int) -> Trials:
    """Play the bet of the chain, exactly, against hosts whose answers are drawn with replacement; one a round."""
    chance = np.random.default_rng(seed)
    alarms, greatest = [], 0
    for _ in range(hosts):
        wealth = Wealth()
        for distance in distances[chance.integers(len(distances), size=rounds)].tolist():
            wealth = bet(wealth, distance, null_ppm)
            greatest = max(greatest, wealth.amount)
            if wealth.is_alarm:
                alarms.append(wealth.rounds)
                break
    return Trials(hosts=hosts, rounds_each=rounds, alarm_rounds=tuple(alarms), greatest_wealth=greatest / 2**64)
