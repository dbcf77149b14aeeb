"""What a host's answers have earned it: how many of them are still checked.

Reputation counts escrows, once each epoch, whose opened answers were found close to the model.  It is lost whole with a
verdict.  Source: docs/checking.md.
"""

from __future__ import annotations

from typing import Final

from rules.params import MILLION

LEAST_RATE_PPM: Final = 10_000
HALVING: Final = 8
"""Reputation at which half of the answers are checked."""
EPOCH_CAP: Final = 8
"""Escrows that count in one epoch: nobody buys a reputation in a day."""
FULL: Final = HALVING * (MILLION // LEAST_RATE_PPM - 1)
"""Where one answer in a hundred is checked; reputation grows no further."""


def compute_rate_ppm(reputation: int) -> int:
    """The part of a host's receipts that is opened, in millionths: all at 0, falling to LEAST_RATE_PPM at FULL."""
    return max(LEAST_RATE_PPM, MILLION * HALVING // (HALVING + reputation))


def grow(reputation: int, passed: int) -> int:
    """Reputation after an epoch in which the answers of `passed` distinct escrows were found good."""
    return min(FULL, reputation + min(passed, EPOCH_CAP))
