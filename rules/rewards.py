"""Subsidy and fees -> integer payouts.  Every sum is conserved: what is not paid out is `rest`.

Source: docs/protocol.md, "Rewards".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.params import RewardParams
from rules.types import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Earner:
    """A host whose claim was ACCEPTED, and how many of its verifier's duties were wrong."""

    host: Host
    effective_units: int
    due: int
    wrong: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A pot in shares (host, ngonka), in the order of the earners, and the rest, which is the community pool's."""

    shares: tuple[tuple[Host, int], ...]
    rest: int


def compute_minted(subsidy: int, accepted_units: int, params: RewardParams) -> int:
    """What an epoch mints, in ngonka: the subsidy, as far as the units of ACCEPTED claims carry it."""
    return min(subsidy, accepted_units * params.max_subsidy_per_unit_ngonka)


def compute_next_subsidy(subsidy: int, params: RewardParams) -> int:
    """The subsidy of the epoch after, floored."""
    return subsidy * params.decay_num // params.decay_den


def split_pot(pot: int, earners: Sequence[Earner], forfeited_units: int) -> Split:
    """Shares by effective units over those of all earners and the forfeited units; floored, then cut for wrong duties.

    What is forfeited, cut or lost by rounding is never a rival's: it is the rest.
    """
    whole = sum(earner.effective_units for earner in earners) + forfeited_units
    raw = ((earner, pot * earner.effective_units // whole if whole else 0) for earner in earners)
    shares = tuple((earner.host, _cut(share, earner)) for earner, share in raw)
    return Split(shares=shares, rest=pot - sum(share for _, share in shares))


def _cut(share: int, earner: Earner) -> int:
    """A verifier loses in proportion to its wrong duties, all of it from 1/2 on; floored."""
    if earner.wrong == 0:
        return share
    if 2 * earner.wrong >= earner.due:
        return 0
    return share * (earner.due - earner.wrong) // earner.due
