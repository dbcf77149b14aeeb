"""`gnk escrow`: deposits that pay hosts for inference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import Call, reads, writes
from commands.market import (
    PER_MILLION,
    describe_escrow,
    find_chain_model,
    find_price,
    parse_public_key,
    read_escrow,
    read_escrows,
    read_market_params,
    read_models,
)
from commands.output import Json
from commands.writing import Draft, acting_address, submit

if TYPE_CHECKING:
    from wire.gonka.inference.v1.inference_pb2 import Escrow, Reserve

ESCROW_ID = click.argument("escrow_id", type=click.IntRange(1, 2**63 - 1), metavar="ID")


@click.group()
def group() -> None:
    """Lock GNK for one model; hosts earn it by vouchers, the rest returns."""


@group.command("open", short_help="Open an escrow; its hosts are drawn by weight.")
@click.option("--model", required=True, metavar="NAME", help="A model of `gnk model price`.")
@click.option("--deposit", required=True, metavar="AMOUNT", help="What hosts can earn, such as 10GNK.")
@click.option("--voucher-key", required=True, metavar="KEY", help="Who signs vouchers: a key's name, or 66 hex digits.")
@click.option("--region", "regions", multiple=True, metavar="CC", help="Only hosts of this country; again for more.")
@click.option("--host", "hosts", multiple=True, metavar="ADDRESS", help="Only this host; again for more.")
@click.option("--max-price-in", metavar="AMOUNT", help="Most for 10^6 tokens read [price + one step].")
@click.option("--max-price-out", metavar="AMOUNT", help="Most for 10^6 tokens written [price + one step].")
@writes
def open_(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call,
    model: str,
    deposit: str,
    voucher_key: str,
    regions: tuple[str, ...],
    hosts: tuple[str, ...],
    max_price_in: str | None,
    max_price_out: str | None,
) -> None:
    """Open an escrow: a group of hosts is drawn by weight, the price is fixed.

    The gateway opens its own; this is for those who sign vouchers themselves.
    """
    from rules.params import MILLION
    from wire.gonka.inference.v1.inference_pb2 import Policy
    from wire.gonka.inference.v1.tx_pb2 import MsgOpenEscrow

    params, found, ngonka = read_market_params(call), find_chain_model(read_models(call), model), parse_amount(deposit)
    price = find_price(found)
    raised = MILLION + params.price_step_ppm
    most_in = parse_amount(max_price_in) if max_price_in else price.in_ngonka * raised // MILLION
    most_out = parse_amount(max_price_out) if max_price_out else price.out_ngonka * raised // MILLION
    message = MsgOpenEscrow(
        developer=acting_address(call),
        model_id=found.model_id,
        deposit_ngonka=ngonka,
        voucher_pubkey=parse_public_key(call, voucher_key),
        policy=Policy(regions=[region.upper() for region in regions], hosts=hosts),
        max_price_in_ngonka=most_in,
        max_price_out_ngonka=most_out,
    )
    draft = Draft(
        what=f"open an escrow of {format_gnk(ngonka)} for {found.name}",
        messages=(message,),
        effects=(
            f"{format_gnk(ngonka)} are reserved in equal parts for at most {params.group_size} hosts, drawn by weight",
            f"the price now is {format_gnk(price.in_ngonka)} in and {format_gnk(price.out_ngonka)} out {PER_MILLION}",
            f"it is fixed when it opens, at most {format_gnk(most_in)} and {format_gnk(most_out)}",
            f"what is not earned returns {params.close_epochs} epochs after `gnk escrow close`",
        ),
        warnings=(
            "whoever has the voucher key can promise the whole deposit to its hosts",
            f"a host can take up to {params.credit_tokens} tokens' worth that it did not deliver",
        ),
    )
    submit(call, draft, describe=lambda result: {"escrow_id": _find_number(result.events)})


@group.command("list")
@click.option("--developer", metavar="ADDRESS", help="Whose escrows [yours, unless --host is given].")
@click.option("--host", metavar="ADDRESS", help="Those not closed whose group has this host.")
@reads
def list_(call: Call, developer: str | None, host: str | None) -> None:
    """Escrows of a developer or of a host, newest first."""
    names = {model.model_id: model.name for model in read_models(call)}
    owner = developer or ("" if host else acting_address(call))
    call.emit([describe_escrow(escrow, names) for escrow in read_escrows(call, owner, host or "")])


@group.command()
@ESCROW_ID
@reads
def show(call: Call, escrow_id: int) -> None:
    """One escrow, with what each host was paid."""
    names = {model.model_id: model.name for model in read_models(call)}
    escrow = read_escrow(call, escrow_id)
    value: dict[str, Json] = {
        **describe_escrow(escrow, names),
        "model_id": escrow.model_id.hex(),
        "developer": escrow.developer,
        "voucher_key": escrow.voucher_pubkey.hex(),
        "price_in": f"{format_gnk(escrow.price_in_ngonka)} {PER_MILLION}",
        "price_out": f"{format_gnk(escrow.price_out_ngonka)} {PER_MILLION}",
        "price_in_ngonka": escrow.price_in_ngonka,
        "price_out_ngonka": escrow.price_out_ngonka,
        "regions": list(escrow.policy.regions),
        "allowed_hosts": list(escrow.policy.hosts),
        "opened_epoch": escrow.opened_epoch,
        "closes_epoch": escrow.closes_epoch or None,
        "refunded": format_gnk(escrow.refunded_ngonka),
        "hosts": [_describe_reserve(reserve) for reserve in escrow.reserves],
    }
    call.emit(value)


@group.command("top-up")
@ESCROW_ID
@click.argument("amount")
@writes
def top_up(call: Call, escrow_id: int, amount: str) -> None:
    """Add AMOUNT to the escrow ID, in equal parts for its hosts."""
    from wire.gonka.inference.v1.tx_pb2 import MsgTopUpEscrow

    escrow, ngonka = read_escrow(call, escrow_id), parse_amount(amount)
    message = MsgTopUpEscrow(developer=acting_address(call), escrow_id=escrow_id, amount_ngonka=ngonka)
    draft = Draft(
        what=f"add {format_gnk(ngonka)} to escrow {escrow_id}",
        messages=(message,),
        effects=(
            f"its deposit becomes {format_gnk(escrow.deposit_ngonka + ngonka)}, for {len(escrow.reserves)} hosts",
            "its price stays what it was when it opened",
        ),
    )
    submit(call, draft)


@group.command()
@ESCROW_ID
@writes
def close(call: Call, escrow_id: int) -> None:
    """Close the escrow ID; what its hosts have not earned returns."""
    from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow

    escrow, params = read_escrow(call, escrow_id), read_market_params(call)
    draft = Draft(
        what=f"close escrow {escrow_id}",
        messages=(MsgCloseEscrow(developer=acting_address(call), escrow_id=escrow_id),),
        effects=(
            f"at most {format_gnk(_count_left(escrow))} return at the SETTLE {params.close_epochs} epochs from now",
            "its hosts settle the vouchers they hold until then",
        ),
        warnings=("it cannot be opened again, and takes no more money",),
    )
    submit(call, draft)


def _count_left(escrow: Escrow) -> int:
    return int(escrow.deposit_ngonka) - sum(int(reserve.paid_ngonka) for reserve in escrow.reserves)


def _describe_reserve(reserve: Reserve) -> dict[str, Json]:
    return {
        "host": reserve.host,
        "reserve": format_gnk(reserve.reserve_ngonka),
        "paid": format_gnk(reserve.paid_ngonka),
        "tokens_in": reserve.tokens_in,
        "tokens_out": reserve.tokens_out,
        "serial": reserve.serial,
    }


def _find_number(events: tuple[object, ...]) -> int | None:
    """The number in the event of an escrow that opened."""
    for event in events:
        for name, value in getattr(event, "attributes", ()):
            if name == "escrow_id":
                return int(value)
    return None
