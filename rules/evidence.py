"""Gaps of tokens -> a distance of answers -> a verdict on a host, by a bet whose chance of a false alarm is bounded.

The distance of an answer is the mean of its tokens' gaps in logits, each clipped.  An honest host's is at most
`null_ppm` on average, whatever it was asked.  At each round half of the wealth is put on the distance: it is multiplied
by (1 + min(distance / null, CAP)) / 2.  So an honest host's wealth does not grow on average, and by Ville's inequality
it reaches ALARM times what was put in with a chance of at most 1 / ALARM, ever.  What is put in is 1 / (t (t + 1))
before round t, at most 1 in all: a host that was honest for long is watched nearly as closely as a new one.
The cap keeps one lot from multiplying wealth by more than (1 + CAP) / 2 = 4: a verdict takes at least 8 of them; and
all lots of an epoch together multiply it by EPOCH_GROWTH at most, so that one bad day, as of a host that is down, is no
verdict either.  Less wealth than the bet won makes an alarm only rarer.
Source: docs/checking.md, with the proof; Ville 1939; Shafer 2021 (testing by betting).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rules.params import MILLION

CLIP_MILLI: Final = 1000
"""A gap counts up to one logit, so that no single token weighs more than any other that is plainly wrong."""
WORST_PPM: Final = MILLION
"""The greatest distance: every token's gap is clipped, or nothing was delivered."""
CAP: Final = 7
ALARM: Final = 10_000
EPOCH_GROWTH: Final = 64
"""A verdict takes at least three epochs: 64 * (64 + 1) is below ALARM."""
ONE: Final = 2**64
"""Wealth is counted in units of 2^-64; every division rounds down, against an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wealth:
    """What the bets against one host have come to, in units of 1 / ONE, and how many rounds were played."""

    amount: int = 0
    rounds: int = 0

    @property
    def is_alarm(self) -> bool:
        """An honest host comes here with a chance of at most 1 / ALARM."""
        return self.amount >= ALARM * ONE


def scale_gap(gap_milli: int, temperature_milli: int) -> int:
    """A gap in thousandths of a logit, where rounding is the same at every temperature; rounded down.

    Scores are logits over temperature; those of temperature 0 are logits.
    """
    return gap_milli * temperature_milli // 1000 if temperature_milli else gap_milli


def compute_distance_ppm(gaps_milli: Sequence[int]) -> int:
    """The mean of an answer's gaps, each clipped, in millionths of the clip: 0 to WORST_PPM, rounded down.

    0 for no tokens: an answer without any is no work.
    """
    if not gaps_milli:
        return 0
    clipped = sum(min(gap, CLIP_MILLI) for gap in gaps_milli)
    return clipped * MILLION // (CLIP_MILLI * len(gaps_milli))


def settle_distance_ppm(reports: Sequence[int | None]) -> int:
    """The greatest distance that more than half of all seats report or exceed; None is a seat that reported nothing."""
    found = sorted((-1 if report is None else report for report in reports), reverse=True)
    middle = len(found) // 2
    return max(0, found[middle]) if found else 0


def bet(wealth: Wealth, distance_ppm: int, null_ppm: int) -> Wealth:
    """Wealth after one more round on a distance; `null_ppm` is at least 1."""
    rounds = wealth.rounds + 1
    stake = wealth.amount + ONE // (rounds * (rounds + 1))
    return Wealth(amount=stake * (null_ppm + min(distance_ppm, CAP * null_ppm)) // (2 * null_ppm), rounds=rounds)


def hold_back(before: Wealth, after: Wealth) -> Wealth:
    """Wealth at an epoch's end: what its rounds made of it, up to EPOCH_GROWTH times what was there, with 1 added."""
    return Wealth(amount=min(after.amount, EPOCH_GROWTH * (before.amount + ONE)), rounds=after.rounds)
