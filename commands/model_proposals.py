"""`gnk gov propose add-model`: an imported model put to the vote."""

from __future__ import annotations

import click

from commands.amounts import format_gnk, parse_amount
from commands.call import Call, writes
from commands.genesis_models import build_model
from commands.market import PER_MILLION, find_price
from commands.proposing import DEPOSIT, EXPEDITED, SUMMARY, Text, submit_proposal


@click.command("add-model", short_help="Let hosts offer an imported model.")
@click.argument("name")
@click.option("--units-in", type=click.IntRange(1), default=1, show_default=True, help="Units of a token read.")
@click.option("--units-out", type=click.IntRange(1), default=1, show_default=True, help="Units of a token written.")
@click.option("--base-price", required=True, metavar="AMOUNT", help="Price of 10^6 units, such as 0.01GNK.")
@click.option("--models", metavar="DIR", help="The folder of models [HOME/models].")
@click.option("--title", help="What voters read first [Add model NAME].")
@SUMMARY
@DEPOSIT
@EXPEDITED
@writes
def propose_model(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call,
    name: str,
    units_in: int,
    units_out: int,
    base_price: str,
    models: str | None,
    title: str | None,
    summary: str,
    deposit: str | None,
    expedited: bool,
) -> None:
    """Let hosts offer the model NAME, which `gnk model import` brought here.

    Its hashes are those of the manifest; what a token weighs decides its price and how it counts as volume.
    """
    from commands.model import get_models_folder
    from rules.addresses import encode_address, module_address
    from sidecar.inference.manifest import check_name
    from wire.gonka.inference.v1.tx_pb2 import MsgAddModel

    folder = get_models_folder(call, models) / check_name(name)
    model = build_model(folder, (units_in, units_out), parse_amount(base_price))
    message = MsgAddModel(
        authority=encode_address(module_address("gov")),
        name=model.name,
        content_hash=model.content_hash,
        tokenizer_hash=model.tokenizer_hash,
        units_per_token_in=model.units_per_token_in,
        units_per_token_out=model.units_per_token_out,
        max_context=model.max_context,
        base_price_ngonka=model.base_price_ngonka,
    )
    price = find_price(model)
    headline = title or f"Add model {model.name}"
    submit_proposal(
        call,
        Text(title=headline, summary=summary or headline, deposit=deposit, expedited=expedited),
        (message,),
        (
            f"hosts may offer {model.name}, contents {model.content_hash.hex()}",
            f"at first {format_gnk(price.in_ngonka)} in and {format_gnk(price.out_ngonka)} out {PER_MILLION}",
        ),
    )
