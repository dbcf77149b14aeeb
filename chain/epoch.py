"""The life of an epoch: phases open with their first block and close with their last.

What happens at a close is a list of named steps; SETTLE's order is the protocol's.  Source: docs/protocol.md,
"An epoch".
"""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.beacon.rounds import close_round, open_round, plan_rounds, release_bonds
from chain.modules.beacon.threshold.dealing import begin_dealing, end_dealing
from chain.modules.inference.checks import process_checks, process_lots
from chain.modules.inference.settling import process_forgetting, process_prices, process_refunds
from chain.modules.params.state import freeze
from chain.modules.rewards.crediting import process_credits, process_genesis_fees, process_pot
from chain.modules.sprint.judgement import process_verdicts
from chain.modules.sprint.seating import process_disputes, process_seats
from chain.modules.sprint.state import get_epoch_start, locate_height, set_epoch_start
from chain.modules.sprint.summary import process_pruning, process_summary
from chain.modules.stake.slashing import process_releases, process_slashes
from chain.modules.stake.weighing import (
    process_departures,
    process_power,
    process_weights,
    record_stake_at_claim,
)
from chain.settlement import Settlement
from rules.schedule import EpochStart
from rules.types import Phase, Round

SETTLE_STEPS: Final = (
    process_verdicts,
    process_slashes,
    process_checks,
    process_releases,
    process_weights,
    process_power,
    process_credits,
    process_pot,
    process_summary,
    process_departures,
    process_pruning,
    process_refunds,
    process_prices,
    process_forgetting,
)


def process_settle(ctx: Context, epoch: int) -> None:
    """Settle the epoch, step by step."""
    settlement = Settlement.open(ctx, epoch)
    for step in SETTLE_STEPS:
        step(ctx, settlement)


def close_sprint_round(ctx: Context, epoch: int) -> None:
    """SEED is over, unless its round is late: the Sprint's seed is known."""
    close_round(ctx, epoch, Round.SPRINT)


def close_sample_round(ctx: Context, epoch: int) -> None:
    """BEACON2 is over, unless its round is late: the sample's seed is known, and no bond is needed any more."""
    if close_round(ctx, epoch, Round.SAMPLE):
        release_bonds(ctx, epoch)
        process_lots(ctx, epoch)


CLOSINGS: Final = {
    Phase.GENESIS: process_genesis_fees,
    Phase.SEED: close_sprint_round,
    Phase.CLAIM: record_stake_at_claim,
    Phase.BEACON2: close_sample_round,
    Phase.REVEAL: process_seats,
    Phase.ROWS_REVEAL: process_disputes,
    Phase.SETTLE: process_settle,
}
"""What happens at the end of a phase's last block."""


def begin_block(ctx: Context, last_block_hash: bytes) -> None:
    """Begin the next epoch after the last block of one, and a round and a dealing with their first blocks."""
    ctx.last_block_hash = last_block_hash
    if ctx.height > locate_last_height(ctx):
        start = EpochStart(epoch=get_epoch_start(ctx.store).epoch + 1, first_height=ctx.height)
        freeze(ctx.store)
        set_epoch_start(ctx.store, plan_rounds(ctx, start))
        ctx.emit("epoch_begun", epoch=start.epoch, height=ctx.height)
    place = locate_height(ctx.store, ctx.height)
    if ctx.height == place.phase_first and place.phase in {Phase.SEED, Phase.BEACON2}:
        open_round(ctx, last_block_hash)
    begin_dealing(ctx)


def locate_last_height(ctx: Context) -> int:
    """The last height of the epoch that the state stands in."""
    return locate_height(ctx.store, get_epoch_start(ctx.store).first_height).epoch_last


def end_block(ctx: Context) -> None:
    """Close the phase with its last block."""
    end_dealing(ctx)
    place = locate_height(ctx.store, ctx.height)
    closing = CLOSINGS.get(place.phase)
    if closing is not None and ctx.height == place.phase_last:
        closing(ctx, place.epoch)
