"""Effective units -> consensus power, with the caps on newcomers and on any one host.

Caps touch power only: ballots and rewards read effective units.  Source: docs/protocol.md, "Weight, stake, votes".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from rules.params import MILLION, StakeParams
from rules.types import Host

MAX_TOTAL_POWER: Final = (2**63 - 1) // 8
"""CometBFT's limit on the sum of all powers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A host with a registered consensus key.

    `newcomer`: it signed no block of the epoch before.  `down`: it missed too many of the last blocks, or is jailed.
    """

    host: Host
    effective_units: int
    newcomer: bool
    down: bool


def has_signed_enough(signed_blocks: int, params: StakeParams) -> bool:
    """Whether a validator keeps its power: it signed at least half of the last `downtime_window_blocks`."""
    return 2 * signed_blocks >= params.downtime_window_blocks


def compute_power(candidates: Sequence[Candidate], params: StakeParams) -> dict[Host, int]:
    """Power by host, above zero, in address order; empty where no candidate is up with effective units.

    First come the `max_validators` with the most effective units (equal ones by address), whose power is those units.
    Then newcomers are scaled down to `newcomers_cap_ppm` of the total, floored, unless all are newcomers.  Then, among
    four or more, powers above a level are cut to it: the greatest level at which no host holds more than
    `power_cap_ppm`, or, where the others cannot hold the rest, no more than it would hold if all powers were equal.
    Last, a total above MAX_TOTAL_POWER is scaled below it, floored, at least 1 each.
    """
    able = [c for c in candidates if c.effective_units > 0 and not c.down]
    chosen = sorted(able, key=lambda c: (-c.effective_units, c.host))[: params.max_validators]
    level = _find_level(chosen, params)
    power = _apply_caps(chosen, level, params)
    return _scale({host: power[host] for host in sorted(power) if power[host] > 0})


def _find_level(chosen: Sequence[Candidate], params: StakeParams) -> int:
    highest = max((c.effective_units for c in chosen), default=0)
    if len(chosen) < 4:
        return highest
    limit = max(Fraction(params.power_cap_ppm, MILLION), _share(chosen, 1, params))
    low, high = 1, highest
    while low < high:
        middle = (low + high + 1) // 2
        if _share(chosen, middle, params) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _share(chosen: Sequence[Candidate], level: int, params: StakeParams) -> Fraction:
    """The greatest share of one host when powers are cut to `level`; it never falls as the level rises."""
    settled = [min(c.effective_units, level) for c in chosen if not c.newcomer]
    fresh = [min(c.effective_units, level) for c in chosen if c.newcomer]
    part = _newcomers_part(sum(settled), sum(fresh), params)
    most = max([Fraction(power) for power in settled] + [power * part for power in fresh])
    return Fraction(most, sum(settled) + sum(fresh) * part)


def _newcomers_part(settled: int, fresh: int, params: StakeParams) -> Fraction:
    """What is left of each newcomer's power, at most 1."""
    cap = params.newcomers_cap_ppm
    if settled == 0 or fresh == 0 or fresh * (MILLION - cap) <= cap * settled:
        return Fraction(1)
    return Fraction(cap * settled, (MILLION - cap) * fresh)


def _apply_caps(chosen: Sequence[Candidate], level: int, params: StakeParams) -> dict[Host, int]:
    cut = {c.host: min(c.effective_units, level) for c in chosen}
    fresh = {c.host for c in chosen if c.newcomer}
    held_by_fresh = sum(cut[host] for host in fresh)
    part = _newcomers_part(sum(cut.values()) - held_by_fresh, held_by_fresh, params)
    return {host: int(power * part) if host in fresh else power for host, power in cut.items()}


def _scale(power: Mapping[Host, int]) -> dict[Host, int]:
    total = sum(power.values())
    if total <= MAX_TOTAL_POWER:
        return dict(power)
    room = MAX_TOTAL_POWER - len(power)
    return {host: max(1, value * room // total) for host, value in power.items()}
