"""The check that every message of a Sprint begins with."""

from __future__ import annotations

from chain.context import Context
from chain.modules.sprint.state import locate_height
from rules.errors import RuleError
from rules.types import Phase


def check_window(ctx: Context, epoch: int, phase: Phase, closed: str) -> None:
    """Raises RuleError `epoch_wrong` for another epoch than the running one, `closed` outside the phase."""
    place = locate_height(ctx.store, ctx.height)
    if epoch != place.epoch:
        raise RuleError("epoch_wrong", f"the epoch is {place.epoch}, the message is for {epoch}", epoch=place.epoch)
    if place.phase is not phase:
        raise RuleError(closed, f"the phase is {place.phase.name}, until height {place.phase_last}")
