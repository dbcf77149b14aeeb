"""Verdicts and stake -> units, effective units, and the table of the next epoch.

Divisions are floored.  Source: docs/protocol.md, "Weight, stake, votes" and "Verdicts".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rules.params import MILLION, SprintParams, StakeParams
from rules.types import Host, Verdict

NOT_PAID: Final = frozenset({Verdict.UNDECIDED, Verdict.UNREVEALED, Verdict.VOID, Verdict.REJECTED})
"""Verdicts whose share of the pot goes to the community pool."""
CONDEMNED: Final = frozenset({Verdict.VOID, Verdict.REJECTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an epoch brought a host.

    `claimed_units` and `verdict` are 0 and None without a claim; `units_before` stand in the table in force.
    `verifiable`: another host has effective units.  `idle`: more than 1/2 of its own seats went unreported.
    `backing_ngonka`: the smaller of its stake when CLAIM closed and now.  `barred`: it has left or is jailed.
    """

    host: Host
    claimed_units: int
    verdict: Verdict | None
    units_before: int
    verifiable: bool
    idle: bool
    backing_ngonka: int
    barred: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """A row of the table: units proved, and how many of them count."""

    units: int
    effective_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The table of an epoch, by host; `unsettled` when no claim brought effective units."""

    table: Mapping[Host, Weight]
    unsettled: bool


def compute_claimed_units(count: int, params: SprintParams) -> int:
    """The units that `count` proofs stand for, as if all of them were accepted."""
    return count * params.threshold.one_in * params.unit_scale


def compute_weights(standings: Sequence[Standing], params: StakeParams) -> Weights:
    """The table; where nobody would have effective units, the epoch is unsettled and old units count half."""
    table = _weigh(standings, map(compute_units, standings), params)
    if any(weight.effective_units for weight in table.values()):
        return Weights(table=table, unsettled=False)
    return Weights(table=_weigh(standings, compute_unsettled_units(standings), params), unsettled=True)


def _weigh(standings: Sequence[Standing], found: Iterable[int], params: StakeParams) -> dict[Host, Weight]:
    return {
        s.host: Weight(units=units, effective_units=compute_effective_units(units, s.backing_ngonka, params))
        for s, units in zip(standings, found, strict=True)
    }


def compute_units(standing: Standing) -> int:
    """Units in a settled epoch: what was claimed when ACCEPTED, the smaller of claimed and before when UNDECIDED.

    The latter is halved for the idle.  A claim that nobody may verify keeps the units before, whole.
    """
    if standing.barred:
        return 0
    if standing.verdict is Verdict.ACCEPTED:
        return standing.claimed_units
    if standing.verdict is not Verdict.UNDECIDED:
        return 0
    if not standing.verifiable:
        return standing.units_before
    kept = min(standing.claimed_units, standing.units_before)
    return kept // 2 if standing.idle else kept


def compute_unsettled_units(standings: Sequence[Standing]) -> tuple[int, ...]:
    """Units in an unsettled epoch: half of those before, at least 1, for who had any.

    A revealed claim without units before gets the smaller of what it claimed and the least of these halves (1 where
    there are none).  The condemned get 0, unless then everyone would.
    """
    least = min((_halve(standing) for standing in standings if _halve(standing)), default=1)
    spared = tuple(0 if standing.verdict in CONDEMNED else _carry(standing, least) for standing in standings)
    return spared if any(spared) else tuple(_carry(standing, least) for standing in standings)


def _halve(standing: Standing) -> int:
    return 0 if standing.barred or not standing.units_before else max(1, standing.units_before // 2)


def _carry(standing: Standing, least: int) -> int:
    if standing.barred or standing.units_before:
        return _halve(standing)
    revealed = standing.verdict in {Verdict.ACCEPTED, Verdict.UNDECIDED, Verdict.REJECTED}
    return min(standing.claimed_units, least) if revealed else 0


def compute_effective_units(units: int, backing_ngonka: int, params: StakeParams) -> int:
    """The base part of the units, and of the others as many as the stake backs."""
    base = units * params.base_ratio_ppm // MILLION
    return base + min(units - base, backing_ngonka // params.stake_per_unit_ngonka)


def compute_forfeited_units(standings: Iterable[Standing]) -> int:
    """What unpaid claims weigh when the pot is shared: min(claimed, before) of each."""
    return sum(min(s.claimed_units, s.units_before) for s in standings if s.verdict in NOT_PAID)
