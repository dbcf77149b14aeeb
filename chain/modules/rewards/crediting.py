"""What an epoch earns is credited at the SETTLE after its own."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.bank import state as bank
from chain.modules.rewards import state
from chain.modules.stake import state as stake
from chain.settlement import Settlement
from rules.addresses import decode_address, encode_address
from rules.rewards import Earner, compute_minted, compute_next_subsidy, split_pot
from rules.types import Host, Verdict
from rules.verdicts import Duty
from rules.weights import compute_forfeited_units
from wire.gonka.sprint.v1.sprint_pb2 import Payout, Payouts

MAX_COUNTED: Final = 2**64 - 1
"""What a host's rewards are counted up to: fees that it pays itself come back to it again and again."""


def process_genesis_fees(ctx: Context, _epoch: int) -> None:
    """The fees of epoch 0 are the community pool's."""
    bank.send(ctx.store, state.FEE_COLLECTOR, state.COMMUNITY_POOL, bank.get_balance(ctx.store, state.FEE_COLLECTOR))


def process_credits(ctx: Context, settlement: Settlement) -> None:
    """Pay what the epoch before earned."""
    pending = state.get_pending(ctx.store)
    settlement.credited = {Host(decode_address(payout.host)): payout.amount_ngonka for payout in pending.payouts}
    for host, amount in settlement.credited.items():
        bank.send(ctx.store, state.REWARD_POOL, host, amount)
        record = stake.get_host(ctx.store, host)
        if record is not None:
            record.reward_ngonka = min(record.reward_ngonka + amount, MAX_COUNTED)
            stake.set_host(ctx.store, host, record)
        address = encode_address(host)
        ctx.emit("rewarded", epoch=settlement.epoch, host=address, amount_ngonka=amount, earned_epoch=pending.epoch)
    bank.send(ctx.store, state.REWARD_POOL, state.COMMUNITY_POOL, pending.rest_ngonka)


def process_pot(ctx: Context, settlement: Settlement) -> None:
    """Mint, add the fees, and set aside everyone's share until the next SETTLE."""
    subsidy, params = state.get_subsidy(ctx.store), settlement.params.rewards
    settlement.fees = bank.get_balance(ctx.store, state.FEE_COLLECTOR)
    room = bank.MAX_SUPPLY - bank.get_supply(ctx.store)
    minted = compute_minted(subsidy, _accepted(settlement), params)
    settlement.minted = 0 if settlement.weights.unsettled else min(minted, room)
    bank.send(ctx.store, state.FEE_COLLECTOR, state.REWARD_POOL, settlement.fees)
    bank.mint(ctx.store, state.REWARD_POOL, settlement.minted)
    pot, forfeited = settlement.minted + settlement.fees, compute_forfeited_units(settlement.standings)
    split = split_pot(pot, _list_earners(settlement), forfeited)
    settlement.pending = dict(split.shares)
    payouts = [Payout(host=encode_address(host), amount_ngonka=share) for host, share in split.shares if share]
    state.set_pending(ctx.store, Payouts(epoch=settlement.epoch, payouts=payouts, rest_ngonka=split.rest))
    state.set_subsidy(ctx.store, compute_next_subsidy(subsidy, params))


def _accepted(settlement: Settlement) -> int:
    """Units of the ACCEPTED claims."""
    table = settlement.weights.table.items()
    return sum(weight.units for host, weight in table if settlement.verdicts.get(host) is Verdict.ACCEPTED)


def _list_earners(settlement: Settlement) -> list[Earner]:
    """Nobody in an unsettled epoch."""
    if settlement.weights.unsettled:
        return []
    return [
        Earner(
            host=host,
            effective_units=weight.effective_units,
            due=settlement.duties.get(host, Duty()).due,
            wrong=settlement.duties.get(host, Duty()).wrong,
        )
        for host, weight in settlement.weights.table.items()
        if settlement.verdicts.get(host) is Verdict.ACCEPTED
    ]
