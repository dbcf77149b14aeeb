"""`gnk host offer` and `gnk host serving-key`: what a host serves, where, and with which key."""

from __future__ import annotations

import click

from commands.amounts import format_gnk
from commands.call import Call, writes
from commands.market import PER_MILLION, find_chain_model, find_offer, find_price, parse_public_key, read_models
from commands.writing import Draft, acting_address, submit


@click.command(short_help="Say which models you serve, and where.")
@click.option("--model", "names", multiple=True, metavar="NAME", help="A model of `gnk model price`; again for more.")
@click.option("--endpoint", metavar="URL", default="", help="Where `gnk host serve` is reached, such as https://...")
@click.option("--region", metavar="CC", default="", help="The country it stands in, such as DE [none].")
@click.option("--withdraw", is_flag=True, help="Offer nothing any more.")
@writes
def offer(call: Call, names: tuple[str, ...], endpoint: str, region: str, withdraw: bool) -> None:
    """Say which models you serve, and where; it replaces what you offered.

    Escrows draw you by weight once you offer a model and have a serving key.
    """
    from rules.errors import RuleError
    from wire.gonka.inference.v1.tx_pb2 import MsgSetOffer

    if withdraw == bool(names):
        raise RuleError("offer_invalid", "name models with --model, or give --withdraw")
    known, address = read_models(call), acting_address(call)
    models = sorted((find_chain_model(known, name) for name in set(names)), key=lambda model: model.model_id)
    before = find_offer(call, address)
    message = MsgSetOffer(
        host=address,
        model_ids=[model.model_id for model in models],
        endpoint=endpoint.rstrip("/"),
        region=region.upper(),
    )
    effects = [f"{address} offers nothing to escrows opened from now on"] if withdraw else []
    for model in models:
        price = find_price(model)
        prices = f"{format_gnk(price.in_ngonka)} in and {format_gnk(price.out_ngonka)} out {PER_MILLION}"
        effects.append(f"it serves {model.name} at {message.endpoint}; the price now is {prices}")
    warnings = ["escrows that have you in their group go on; go on serving them, or you earn nothing there"]
    if not withdraw and not (before and before.serving_pubkey):
        warnings.append("no escrow draws you before `gnk host serving-key`")
    draft = Draft(
        what="withdraw the offer" if withdraw else f"offer {', '.join(model.name for model in models)}",
        messages=(message,),
        effects=tuple(effects),
        warnings=tuple(warnings),
    )
    submit(call, draft)


@click.command("serving-key", short_help="Name the hot KEY of the serving process.")
@click.argument("serving", metavar="KEY")
@writes
def serving_key(call: Call, serving: str) -> None:
    """Name the hot KEY of the serving process: a key's name, or 66 hex digits.

    It signs answers and settles vouchers; it moves no money of yours.
    """
    from rules.addresses import address_from_pubkey, encode_address
    from wire.gonka.inference.v1.tx_pb2 import MsgSetServingKey

    address, public_key = acting_address(call), parse_public_key(call, serving)
    before = find_offer(call, address)
    account = encode_address(address_from_pubkey(public_key))
    warnings = ["what it signs counts as yours: keep it where only the serving process reads it"]
    if account == address:
        warnings.append("this is the account's own key: use one of its own, which can be lost without loss")
    if before and before.serving_pubkey not in {b"", public_key}:
        warnings.append("the key before it can settle nothing any more")
    draft = Draft(
        what=f"serve with the key {public_key.hex()}",
        messages=(MsgSetServingKey(host=address, serving_pubkey=public_key),),
        effects=(f"{account} settles vouchers for {address}, free of fees; what they pay goes to {address}",),
        warnings=tuple(warnings),
    )
    submit(call, draft)
