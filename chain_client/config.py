"""What the operator settles for the daemon; everything about the protocol comes from the chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

POLL_S: Final = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonConfig:
    """`host` is the bech32 account that the daemon acts for; its signing key may be a warm key of it.

    `metrics_port` on loopback, 0 for none; `poll_s` is how often the chain is asked for a new block.
    """

    host: str
    metrics_port: int = 0
    poll_s: float = POLL_S
