"""Whether outputs collapse: gaps between hits, and hit rates between hosts and between seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pow_kernels.spec import Profile
from pow_kernels.sprint import SprintFunction
from soundness.statistics import Floats, compute_chi2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Hits by host and by seed, their chi^2 against equal chances, and the gaps of all of them.

    gap_distance: the greatest distance between the gaps' distribution and the geometric one of the same mean
    (Kolmogorov's).  gap_bound: what it stays below in 95 of 100 honest runs.
    """

    nonces_each: int
    hits: dict[str, int]
    chi2: float
    degrees: int
    gap_mean: float
    gap_distance: float
    gap_bound: float


def measure_rates(profile: Profile, count: int) -> Rates:
    """Over four hosts under one seed and four seeds for one host, `count` nonces each."""
    places = {f"host {n}": (bytes(32), bytes([n] * 20)) for n in range(4)}
    places |= {f"seed {n}": (bytes([n] * 32), bytes(20)) for n in range(1, 5)}
    hits, gaps = {}, []
    for name, (seed, host) in places.items():
        function = SprintFunction.open(sprint_seed=seed, profile=profile, host=host, backend="int8")
        found = [n for first in range(0, count, 1024) for n in function.search(first, min(1024, count - first)).nonce]
        hits[name] = len(found)
        gaps.append(np.diff(np.array([-1, *found], dtype=np.float64)))
    chi2, degrees = compute_chi2(np.array(list(hits.values()), dtype=np.float64))
    every_gap = np.concatenate(gaps)
    return Rates(
        nonces_each=count,
        hits=hits,
        chi2=chi2,
        degrees=degrees,
        gap_mean=float(every_gap.mean()),
        gap_distance=compute_geometric_distance(every_gap),
        gap_bound=1.36 / float(np.sqrt(len(every_gap))),
    )


def compute_geometric_distance(gaps: Floats) -> float:
    """Kolmogorov's distance between gaps, at least 1 each, and the geometric distribution of their mean."""
    values, counts = np.unique(gaps, return_counts=True)
    observed = counts.cumsum() / counts.sum()
    expected = 1 - (1 - 1 / gaps.mean()) ** values
    return float(np.abs(observed - expected).max())
