"""Correlations, areas and gains with their bounds.

What a screen is worth is measured on nonces that had no part in choosing it: predictor, sign and share to keep are
chosen on the even nonces, figures come from the odd ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, lgamma, log, log1p, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SHARES: Final = tuple(2.0**-n for n in range(1, 8))
"""Shares of all nonces that a screen may keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """The best screen that a cheat gives: auc of its predictor, and gain in hits per operation over honest work."""

    predictor: str
    share: float
    auc: Estimate
    gain: Estimate


def estimate_mean(values: Floats) -> Estimate:
    """The mean, with its 95 % bound."""
    reach = 1.96 * float(values.std(ddof=1)) / sqrt(len(values))
    mean = float(values.mean())
    return Estimate(value=mean, low=mean - reach, high=mean + reach)


def estimate_auc(score: Floats, is_hit: NDArray[np.bool_]) -> Estimate:
    """The probability that a hit scores above a miss, with its 95 % bound; unknown where there are none of either.

    Source: Hanley and McNeil, 1982.
    """
    hits, misses = int(is_hit.sum()), int((~is_hit).sum())
    if not hits or not misses:
        return Estimate(value=0.5, low=0.0, high=1.0)
    order = np.argsort(score, kind="stable")
    ranks = np.empty(len(score))
    ranks[order] = np.arange(1, len(score) + 1)
    for tied in _ties(score[order]):
        ranks[order[tied]] = ranks[order[tied]].mean()
    auc = (float(ranks[is_hit].sum()) - hits * (hits + 1) / 2) / (hits * misses)
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = (auc * (1 - auc) + (hits - 1) * (q1 - auc**2) + (misses - 1) * (q2 - auc**2)) / (hits * misses)
    reach = 1.96 * sqrt(max(variance, 0.0))
    return Estimate(value=auc, low=auc - reach, high=auc + reach)


def _ties(ordered: Floats) -> list[slice]:
    starts = np.flatnonzero(np.concatenate(([True], np.diff(ordered) != 0)))
    ends = np.append(starts[1:], len(ordered))
    return [slice(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True) if b - a > 1]


def find_screen(predictors: Mapping[str, Floats], is_hit: NDArray[np.bool_], cost: float, error: float) -> Screen:
    """The screen that is most surely good.  `error` is the chance, one-sided, that its gain is below the low end."""
    even, odd = slice(0, None, 2), slice(1, None, 2)
    signed = {
        f"{sign}{name}": s * score for name, score in predictors.items() for sign, s in (("", 1.0), ("minus ", -1.0))
    }
    choices = [(name, share) for name in signed for share in SHARES]
    name, share = max(choices, key=lambda c: _promise(signed[c[0]][even], is_hit[even], c[1], cost))
    score = signed[name]
    kept, total = _count_kept(score[odd], is_hit[odd], share)
    low, high = bound_share(kept, total, error)
    scale = 1 / (cost + share)
    gain = Estimate(value=kept / max(total, 1) * scale, low=low * scale, high=high * scale)
    return Screen(predictor=name, share=share, auc=estimate_auc(score[odd], is_hit[odd]), gain=gain)


def _promise(score: Floats, is_hit: NDArray[np.bool_], share: float, cost: float) -> float:
    """A gain that the true one is hardly below: few kept hits promise little.  Source: Wilson, 1927, two deviations."""
    kept, total = _count_kept(score, is_hit, share)
    if not total:
        return 0.0
    p = kept / total
    low = (p + 2 / total - 2 * sqrt(p * (1 - p) / total + 1 / total**2)) / (1 + 4 / total)
    return low / (cost + share)


def _count_kept(score: Floats, is_hit: NDArray[np.bool_], share: float) -> tuple[int, int]:
    kept = np.argsort(-score, kind="stable")[: round(share * len(score))]
    return int(is_hit[kept].sum()), int(is_hit.sum())


def bound_share(successes: int, trials: int, error: float) -> tuple[float, float]:
    """An interval for a probability, each end wrong with `error`.  Source: Clopper and Pearson, 1934."""
    low = _bisect(lambda p: _upper_tail(successes, trials, p) > error) if successes else 0.0
    high = _bisect(lambda p: 1 - _upper_tail(successes + 1, trials, p) < error) if successes < trials else 1.0
    return low, high


def _bisect(is_beyond: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return low


def _upper_tail(successes: int, trials: int, p: float) -> float:
    """The probability of at least so many successes."""
    if p <= 0 or p >= 1:
        return float(p >= 1 or successes == 0)
    start = lgamma(trials + 1)
    logs = [
        start - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(p) + (trials - k) * log1p(-p)
        for k in range(successes, trials + 1)
    ]
    return min(1.0, sum(map(exp, logs)))


def compute_chi2(counts: Floats) -> tuple[float, int]:
    """chi^2 of equal chances, and its degrees of freedom."""
    mean = counts.mean()
    return float(((counts - mean) ** 2 / mean).sum()), len(counts) - 1
