"""The commit-reveal beacon: who commits, and what the revealed secrets come to.

Source: docs/protocol.md, "Randomness".
"""

from __future__ import annotations

from collections.abc import Mapping

from rules.seeds import framed_hash
from rules.types import Host, Table

SECRET_BYTES = 32


def select_committers(table: Table, max_committers: int) -> tuple[Host, ...]:
    """The hosts that may commit: those with the most effective units, at most `max_committers`, in address order.

    Equal units go by address, the lower first; hosts without effective units are none.
    """
    ranked = sorted((host for host in table if table[host] > 0), key=lambda host: (-table[host], host))
    return tuple(sorted(ranked[:max_committers]))


def combine_reveals(secrets: Mapping[Host, bytes]) -> bytes:
    """The output of a round: 32 bytes over the 32-byte secrets in address order, empty where nobody revealed."""
    if not secrets:
        return b""
    return framed_hash("gonka/reveals", *(secrets[host] for host in sorted(secrets)))
