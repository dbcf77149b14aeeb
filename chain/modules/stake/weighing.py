"""The table of an epoch."""

from __future__ import annotations

from chain.context import Context
from chain.modules.stake import state
from chain.modules.stake.power import process_power as change_power
from chain.settlement import Settlement
from rules.addresses import encode_address
from rules.types import Host
from rules.verdicts import Duty
from rules.weights import Standing, compute_claimed_units, compute_weights
from wire.gonka.stake.v1.stake_pb2 import Host as HostRecord
from wire.gonka.stake.v1.stake_pb2 import TableEntry


def record_stake_at_claim(ctx: Context, _epoch: int) -> None:
    """Write down every host's stake as CLAIM closes: no more than it backs the units claimed."""
    for host, record in list(state.scan_hosts(ctx.store)):
        record.stake_at_claim_ngonka = record.stake_ngonka
        state.set_host(ctx.store, host, record)


def process_weights(ctx: Context, settlement: Settlement) -> None:
    """Weigh every host, write the table and put it in force."""
    total, hosts = sum(settlement.table.values()), state.scan_hosts(ctx.store)
    settlement.standings = tuple([_find_standing(settlement, host, record, total) for host, record in hosts])
    settlement.weights = compute_weights(settlement.standings, settlement.params.stake)
    table = {
        host: TableEntry(host=encode_address(host), units=weight.units, effective_units=weight.effective_units)
        for host, weight in settlement.weights.table.items()
        if weight.units
    }
    state.set_table(ctx.store, settlement.epoch, table)


def _find_standing(settlement: Settlement, host: Host, record: HostRecord, total: int) -> Standing:
    claim, entry = settlement.claims.get(host), settlement.before.get(host)
    return Standing(
        host=host,
        claimed_units=compute_claimed_units(claim.count, settlement.params.sprint) if claim else 0,
        verdict=settlement.verdicts.get(host),
        units_before=entry.units if entry else 0,
        verifiable=total > settlement.table.get(host, 0),
        idle=settlement.duties.get(host, Duty()).is_idle,
        backing_ngonka=min(record.stake_at_claim_ngonka, record.stake_ngonka),
        barred=0 < record.left_epoch <= settlement.epoch or record.jailed_until_epoch > settlement.epoch,
    )


def process_power(ctx: Context, settlement: Settlement) -> None:
    """Let the table give consensus power."""
    change_power(ctx, settlement.epoch)


def process_departures(ctx: Context, settlement: Settlement) -> None:
    """Forget the hosts that have left, once nothing of theirs is unbonding and no weight is theirs."""
    weighty = {host for host, weight in settlement.weights.table.items() if weight.units}
    waiting = weighty | {host for host, _ in state.scan_unbonding(ctx.store)}
    for host, record in list(state.scan_hosts(ctx.store)):
        if 0 < record.left_epoch <= settlement.epoch and host not in waiting:
            state.delete_host(ctx.store, host)
