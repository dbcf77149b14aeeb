"""`gnk stake`: GNK behind compute units."""

from __future__ import annotations

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import Call, reads, writes
from commands.output import Json
from commands.reading import format_wait, read_epoch, read_host
from commands.writing import Draft, acting_address, submit


@click.group()
def group() -> None:
    """Stake GNK behind your compute units.

    Units count in full only with stake behind them; stake without compute counts for nothing.
    """


@group.command()
@click.argument("amount")
@writes
def add(call: Call, amount: str) -> None:
    """Stake AMOUNT, such as 100GNK."""
    from wire.gonka.stake.v1.tx_pb2 import MsgStake

    ngonka = parse_amount(amount)
    address = acting_address(call)
    draft = Draft(
        what=f"stake {format_gnk(ngonka)}",
        messages=(MsgStake(host=address, amount_ngonka=ngonka),),
        effects=(
            f"{format_gnk(ngonka)} moves from the balance of {address} to its stake",
            "it counts in a Sprint whose CLAIM has not closed yet",
        ),
        warnings=("stake can be slashed while it stands and while it unbonds",),
    )
    submit(call, draft)


@group.command()
@click.argument("amount")
@writes
def remove(call: Call, amount: str) -> None:
    """Unstake AMOUNT; it is released after the unbonding epochs."""
    from wire.gonka.stake.v1.tx_pb2 import MsgUnstake

    ngonka = parse_amount(amount)
    address = acting_address(call)
    epochs = read_epoch(call).stake_params.unbonding_epochs
    draft = Draft(
        what=f"unstake {format_gnk(ngonka)}",
        messages=(MsgUnstake(host=address, amount_ngonka=ngonka),),
        effects=(
            f"{format_gnk(ngonka)} stops backing units at once",
            f"it returns to the balance at the SETTLE {epochs} epochs from now",
        ),
        warnings=("it can be slashed until it is released",),
    )
    submit(call, draft)


@group.command()
@click.argument("address", required=False)
@reads
def show(call: Call, address: str | None) -> None:
    """Stake, unbonding stake and units of a host; yours without ADDRESS."""
    answer = read_host(call, address or acting_address(call))
    status = read_epoch(call)
    host, entry = answer.host, answer.entry
    needed = entry.units * status.stake_params.stake_per_unit_ngonka
    value: dict[str, Json] = {
        "address": host.address,
        "stake_ngonka": host.stake_ngonka,
        "stake": format_gnk(host.stake_ngonka),
        "unbonding": [
            {"amount": format_gnk(u.amount_ngonka), "amount_ngonka": u.amount_ngonka, "release_epoch": u.release_epoch}
            for u in answer.unbonding
        ],
        "units": entry.units,
        "effective_units": entry.effective_units,
        "stake_for_all_units": format_gnk(needed * (10**6 - status.stake_params.base_ratio_ppm) // 10**6),
        "slashed": format_gnk(host.slashed_ngonka),
        "rewards": format_gnk(host.reward_ngonka),
        "epoch": status.epoch,
        "epoch_ends_in": format_wait(status.last_height - status.height, status.block_ms),
    }
    call.emit(value)
