"""What a serving process is told by its operator."""

from __future__ import annotations

from dataclasses import dataclass

from serving.application import Listen


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingConfig:
    """`queue` answers may wait for each model; `metrics_port` 0 serves no metrics; stopping waits at most `drain_s`."""

    listen: Listen
    queue: int
    metrics_port: int
    settle_s: float
    drain_s: float
