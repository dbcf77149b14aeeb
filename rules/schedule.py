"""Height -> epoch, phase and deadlines; the only module that knows.

A transaction's height is that of the block it is in.  Source: docs/protocol.md, "An epoch".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.params import Params
from rules.types import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStart:
    """Where an epoch began, and by how many blocks its two rounds of the beacon have been late so far."""

    epoch: int
    first_height: int
    seed_delay: int = 0
    sample_delay: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A height's phase, with the first and last height of that phase and the last height of the epoch."""

    epoch: int
    phase: Phase
    phase_first: int
    phase_last: int
    epoch_last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DealingPlace:
    """Heights of a dealing: deals are taken up to `deal_last`, complaints with and after them up to `complaint_last`.

    The last block of the epoch comes after both: the key is in the state that its votes are made from.
    """

    deal_first: int
    deal_last: int
    complaint_last: int


def phase_lengths(start: EpochStart, params: Params) -> tuple[tuple[Phase, int], ...]:
    """The phases of the epoch in order, each with its length in blocks (at least 1)."""
    s, round_blocks = params.sprint, params.beacon.round_blocks
    if start.epoch == 0:
        return ((Phase.GENESIS, s.genesis_blocks),)
    return (
        (Phase.SEED, round_blocks + start.seed_delay),
        (Phase.SPRINT, s.sprint_blocks - s.claim_blocks),
        (Phase.CLAIM, s.claim_blocks),
        (Phase.BEACON2, round_blocks + start.sample_delay),
        (Phase.REVEAL, s.reveal_blocks),
        (Phase.ROWS_COMMIT, s.rows_commit_blocks),
        (Phase.ROWS_REVEAL, s.rows_reveal_blocks),
        (Phase.DISPUTE_COMMIT, s.dispute_commit_blocks),
        (Phase.DISPUTE_REVEAL, s.dispute_reveal_blocks),
        (Phase.SETTLE, 1),
        (Phase.SERVE, s.serve_blocks),
    )


def phase_span(start: EpochStart, params: Params, phase: Phase) -> tuple[int, int]:
    """First and last height of a phase of the epoch.

    Raises: AssertionError when the epoch has no such phase (only epoch 0 has GENESIS, and it has nothing else).
    """
    for place in _places(start, params):
        if place.phase is phase:
            return place.phase_first, place.phase_last
    raise AssertionError(f"epoch {start.epoch} has no phase {phase.name}")


def locate(start: EpochStart, params: Params, height: int) -> Place:
    """Where a height of this epoch lies.

    Raises: AssertionError when the height is not of this epoch.
    """
    for place in _places(start, params):
        if place.phase_first <= height <= place.phase_last:
            return place
    raise AssertionError(f"height {height} is not in epoch {start.epoch}, which begins at {start.first_height}")


def locate_dealing(start: EpochStart, params: Params) -> DealingPlace:
    """Where, in this epoch, the threshold key of the next one is dealt.

    In SERVE deals are taken first, for two thirds; in epoch 0 the first third is left for hosts to stake and to
    register their keys.
    """
    first, last = phase_span(start, params, Phase.SERVE if start.epoch else Phase.GENESIS)
    third = max(1, (last - first) // 3)
    deal_last = last - 1 - third
    return DealingPlace(
        deal_first=first if start.epoch else first + third, deal_last=deal_last, complaint_last=last - 1
    )


def _places(start: EpochStart, params: Params) -> Iterator[Place]:
    lengths = phase_lengths(start, params)
    epoch_last = start.first_height + sum(length for _, length in lengths) - 1
    first = start.first_height
    for phase, length in lengths:
        last = first + length - 1
        yield Place(epoch=start.epoch, phase=phase, phase_first=first, phase_last=last, epoch_last=epoch_last)
        first = last + 1
