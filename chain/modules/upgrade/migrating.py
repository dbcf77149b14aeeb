"""An upgrade at its height: the state is migrated before anything else in the block, or this program stops there.

The height is the first in SERVE that the plan allows, so that no epoch's Sprint is cut in two.  A program that does
not know the upgrade stops before the block, and loses nothing: the one that does goes on from the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from chain.context import Context
from chain.engine.errors import EngineError
from chain.modules.sprint.state import get_epoch_start, locate_height
from chain.modules.upgrade.state import clear_plan, get_plan, set_done_height
from rules.errors import RuleError
from rules.types import Phase

Migration: TypeAlias = Callable[[Context], None]
"""Brings the state into the form that this program reads.  RuleError where the state is not what it must be."""

MIGRATIONS: Final[Mapping[str, Migration]] = {}
"""The migrations that this program knows, by the name of the upgrade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrades:
    """What a program can do at an upgrade: the migrations that it knows, and the upgrades that its operator skips."""

    migrations: Mapping[str, Migration] = field(default_factory=lambda: MIGRATIONS)
    skipped: frozenset[str] = frozenset()


def process_upgrade(ctx: Context, upgrades: Upgrades) -> None:
    """Make the planned upgrade when its height has come.

    EngineError `upgrade_needed` when this program does not know it, `upgrade_failed` when the state is not as it must
    be; in both cases the state stands before the block.
    """
    plan = get_plan(ctx.store)
    if plan is None or ctx.height < plan.height or not _is_serving(ctx):
        return
    clear_plan(ctx.store)
    if plan.name in upgrades.skipped:
        ctx.emit("upgrade_skipped", name=plan.name, height=ctx.height)
        return
    migration = upgrades.migrations.get(plan.name)
    if migration is None:
        info = f": {plan.info}" if plan.info else ""
        raise EngineError("upgrade_needed", f"{plan.name} begins with block {ctx.height}{info}")
    run_migration(ctx, plan.name, migration)


def run_migration(ctx: Context, name: str, migration: Migration) -> None:
    """Migrate the state and note that it was done.  EngineError `upgrade_failed`."""
    try:
        migration(ctx)
    except RuleError as error:
        raise EngineError("upgrade_failed", f"{name} at block {ctx.height}: {error}") from error
    set_done_height(ctx.store, name, ctx.height)
    ctx.emit("upgrade_made", name=name, height=ctx.height)


def _is_serving(ctx: Context) -> bool:
    first_height = get_epoch_start(ctx.store).first_height
    if ctx.height > locate_height(ctx.store, first_height).epoch_last:
        return False
    return locate_height(ctx.store, ctx.height).phase is Phase.SERVE
