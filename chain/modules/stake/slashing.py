"""What verdicts cost, and what is given back."""

from __future__ import annotations

from chain.context import Context
from chain.modules.bank import state as bank
from chain.modules.sprint.state import BOND_POOL
from chain.modules.stake import state
from chain.settlement import Settlement
from rules.addresses import encode_address
from rules.types import Host, Verdict
from rules.weights import CONDEMNED
from wire.gonka.sprint.v1.sprint_pb2 import Claim


def process_slashes(ctx: Context, settlement: Settlement) -> None:
    """Burn the bonds of the condemned, then a part of the stake and unbonding stake left to them; absence costs too."""
    slashed = {host for host, (_, ruling) in settlement.cases.items() if ruling.slashed}
    for host, verdict in settlement.verdicts.items():
        if verdict in CONDEMNED:
            _burn(ctx, settlement, host, _burn_bond(ctx, host, settlement.claims[host]), "bond")
        if verdict is Verdict.VOID:
            _slash(ctx, settlement, host, settlement.params.sprint.void_slash_ppm, "void")
        elif host in slashed:
            _slash(ctx, settlement, host, settlement.params.sprint.reject_slash_ppm, "rejected")
        elif verdict is Verdict.UNREVEALED:
            _process_absence(ctx, settlement, host)


def _burn_bond(ctx: Context, host: Host, claim: Claim) -> int:
    if claim.bond_from_stake:
        return state.burn_stake(ctx.store, host, claim.bond_ngonka)
    bank.burn(ctx.store, BOND_POOL, claim.bond_ngonka)
    return claim.bond_ngonka


def _process_absence(ctx: Context, settlement: Settlement, host: Host) -> None:
    """The second claim left unrevealed within `absence_epochs` costs a part of the stake."""
    record, sprint = state.find_host(ctx.store, host), settlement.params.sprint
    again = record.absent_epoch and settlement.epoch - record.absent_epoch < sprint.absence_epochs
    record.absent_epoch = settlement.epoch
    state.set_host(ctx.store, host, record)
    if again:
        _slash(ctx, settlement, host, sprint.absence_slash_ppm, "absence")


def _slash(ctx: Context, settlement: Settlement, host: Host, part_ppm: int, cause: str) -> None:
    _burn(ctx, settlement, host, state.slash_stake(ctx.store, host, part_ppm), cause)


def _burn(ctx: Context, settlement: Settlement, host: Host, burned: int, cause: str) -> None:
    settlement.slashed[host] += burned
    address = encode_address(host)
    ctx.emit("slashed", epoch=settlement.epoch, host=address, amount_ngonka=burned, cause=cause)


def process_releases(ctx: Context, settlement: Settlement) -> None:
    """Give back the bonds that were not burned, and the unbonding stake whose epoch has come."""
    for host, claim in settlement.claims.items():
        if settlement.verdicts[host] not in CONDEMNED and not claim.bond_from_stake:
            bank.send(ctx.store, BOND_POOL, host, claim.bond_ngonka)
    for host, entry in list(state.scan_unbonding(ctx.store)):
        if entry.release_epoch <= settlement.epoch:
            bank.send(ctx.store, state.STAKE_POOL, host, entry.amount_ngonka)
            state.set_unbonding(ctx.store, host, entry.release_epoch, 0)
            ctx.emit("released", epoch=settlement.epoch, host=entry.host, amount_ngonka=entry.amount_ngonka)
