"""`gnk params`: the network's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands.call import Call, reads
from commands.output import Json
from commands.reading import read_params

if TYPE_CHECKING:
    from google.protobuf.message import Message


@click.group()
def group() -> None:
    """The network's parameters, live and frozen."""


@group.command()
@click.argument("name", required=False, metavar="[MODULE[.FIELD]]")
@reads
def show(call: Call, name: str | None) -> None:
    """Live parameters, and the running epoch's where they differ.

    A passed proposal changes the live value; it acts from the next epoch's first block.
    """
    answer = read_params(call)
    live, frozen = flatten(answer.params), flatten(answer.frozen)
    chosen = {
        path: value for path, value in live.items() if name is None or path == name or path.startswith(f"{name}.")
    }
    if not chosen:
        raise_unknown(str(name), live)
    rows: list[Json] = [
        {"name": path, "value": value, "this_epoch": frozen.get(path) if frozen.get(path) != value else "same"}
        for path, value in chosen.items()
    ]
    call.emit(rows)


def flatten(message: Message, prefix: str = "") -> dict[str, int | str | bool]:
    """Every parameter by its path, such as `stake.unbonding_epochs`."""
    values: dict[str, int | str | bool] = {}
    for f in message.DESCRIPTOR.fields:
        value = getattr(message, f.name)
        if f.message_type is not None:
            values |= flatten(value, f"{prefix}{f.name}.")
        else:
            values[f"{prefix}{f.name}"] = value
    return values


def raise_unknown(name: str, known: dict[str, int | str | bool]) -> None:
    """Raises RuleError `params_field_unknown` with the nearest names there are."""
    from difflib import get_close_matches

    from rules.errors import RuleError

    near = get_close_matches(name, known, n=3, cutoff=0.4)
    raise RuleError("params_field_unknown", f"there is no {name}" + (f"; near: {', '.join(near)}" if near else ""))
