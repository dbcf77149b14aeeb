"""The slots of the threshold beacon: how many shares of its key each validator holds.

Source: docs/protocol.md, "Randomness".
"""

from __future__ import annotations

from typing import Final

from rules.types import Host, Table

SLOTS: Final = 128
"""Shares of a key, numbered from 1: share i is the dealt polynomial at i."""
THRESHOLD: Final = SLOTS // 2 + 1
"""Shares that make a signature; with fewer nothing is known of it."""


def allocate_slots(weights: Table) -> dict[Host, range]:
    """The slots of each host that gets any, in address order, each host's one after the other.

    By largest remainder: everyone gets floor(SLOTS * weight / total), and what is left goes one by one to the largest
    remainders, equal ones by address.  Empty where nobody has weight.
    """
    total = sum(weights.values())
    if total == 0:
        return {}
    counts = {host: SLOTS * weights[host] // total for host in weights}
    by_remainder = sorted(weights, key=lambda host: (-(SLOTS * weights[host] % total), host))
    for host in by_remainder[: SLOTS - sum(counts.values())]:
        counts[host] += 1
    slots, first = {}, 1
    for host in sorted(host for host in counts if counts[host]):
        slots[host] = range(first, first + counts[host])
        first += counts[host]
    return slots
