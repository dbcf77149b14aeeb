"""Which host gets a request.  Pure: time and chance are handed in.

A host's chance grows with its weight and falls with its latency, its load, and each failure in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.policies import Territory

Draw = Callable[[int], int]
"""A whole number below the one given, all equally likely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Clock and randomness, handed in: milliseconds since 1970, random bytes, and a number below another."""

    now_ms: Callable[[], int]
    entropy: Callable[[int], bytes]
    draw: Draw


NEUTRAL_MS: Final = 50
"""Latencies well below this make no difference."""
COOLING_MS: Final = 1_000
LONGEST_COOLING_MS: Final = 60_000
MOST_FAULTS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a host has done: milliseconds to its first word, smoothed; failures in a row; when it may be asked again.

    `no_receipt` counts whole answers in a row that lacked a good receipt: their first words do not make up for that.
    """

    latency_ms: int = NEUTRAL_MS
    failures: int = 0
    asked_again_ms: int = 0
    no_receipt: int = 0

    def is_resting(self, now_ms: int) -> bool:
        """Whether it may not be asked yet; no rest is longer than the longest, though the clock be set back."""
        return 0 < self.asked_again_ms - now_ms <= LONGEST_COOLING_MS

    @property
    def faults(self) -> int:
        """All that counts against it."""
        return self.failures + self.no_receipt

    def after_success(self, latency_ms: int) -> Health:
        """A quarter of what is known now is news."""
        return Health(latency_ms=(3 * self.latency_ms + latency_ms) // 4, no_receipt=self.no_receipt)

    def after_status(self) -> Health:
        """It says that it is up: it may be asked again at once, with the small chance that its faults leave it."""
        return replace(self, asked_again_ms=0)

    def after_failure(self, now_ms: int) -> Health:
        """It rests a second, then twice as long for each fault in a row, up to a minute."""
        return replace(self, failures=self.failures + 1, asked_again_ms=now_ms + self._cooling_ms)

    def after_no_receipt(self, now_ms: int) -> Health:
        """As after a failure, but that only a good receipt ends it."""
        return replace(self, no_receipt=self.no_receipt + 1, asked_again_ms=now_ms + self._cooling_ms)

    def after_receipt(self) -> Health:
        """A good receipt."""
        return replace(self, no_receipt=0)

    @property
    def _cooling_ms(self) -> int:
        return min(LONGEST_COOLING_MS, COOLING_MS << min(self.faults, MOST_FAULTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A host that could be asked: `weight` is its effective units, `load` the requests it works on or keeps waiting.

    `free_ngonka` is what its reserve still holds beside requests under way; `settled_serial` is that of the newest
    voucher that the chain was seen to have settled: a receipt signed from now on hangs in the tree of a later one.
    """

    host: str
    endpoint: str
    region: str
    weight: int
    escrow_id: int
    free_ngonka: int
    health: Health = Health()
    load: int = 0
    settled_serial: int = 0


def order_candidates(
    candidates: Iterable[Candidate], territory: Territory, cost_ngonka: int, now_ms: int, draw: Draw
) -> tuple[Candidate, ...]:
    """Those that may be asked, in the order to ask them in; none where no host may.

    Only hosts of the territory whose reserve covers the request's worst case, and who do not rest after a failure.
    """
    left = [
        candidate
        for candidate in candidates
        if territory.admits(candidate.host, candidate.region)
        and candidate.free_ngonka >= cost_ngonka
        and not candidate.health.is_resting(now_ms)
    ]
    ordered = []
    while left:
        chosen = _draw_one(left, draw)
        left.remove(chosen)
        ordered.append(chosen)
    return tuple(ordered)


def compute_score(candidate: Candidate) -> int:
    """A candidate's chance against others', at least 1."""
    health = candidate.health
    slowness = (NEUTRAL_MS + health.latency_ms) * (1 + candidate.load) << 2 * min(health.faults, MOST_FAULTS)
    return max(1, 10**6 * candidate.weight // slowness)


def _draw_one(candidates: list[Candidate], draw: Draw) -> Candidate:
    scores = [compute_score(candidate) for candidate in candidates]
    point = draw(sum(scores))
    for candidate, score in zip(candidates, scores, strict=True):
        if point < score:
            return candidate
        point -= score
    raise AssertionError("a draw is below the number given")
