"""`gnk explain CODE`: what an error code means, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Protocol

import click

from chain.engine.errors import ENGINE_FAULTS
from chain.store.errors import STORE_FAULTS
from chain_client.errors import CLIENT_FAULTS, PermanentError
from commands.call import Call, local
from commands.output import Json
from rules.errors import CATALOGUE
from sidecar.errors import SIDECAR_FAULTS
from wire.openai.errors import API_FAULTS


class Entry(Protocol):
    """What every catalogue says of a code."""

    @property
    def title(self) -> str:
        """What it means."""

    @property
    def next_step(self) -> str:
        """What to do."""


CATALOGUES: Mapping[str, Mapping[str, Entry]] = {
    "rules": CATALOGUE,
    "client": CLIENT_FAULTS,
    "store": STORE_FAULTS,
    "engine": ENGINE_FAULTS,
    "sidecar": SIDECAR_FAULTS,
    "api": API_FAULTS,
}
"""Every code there is, by who says it; a code that two of them say means the same."""


@click.command()
@click.argument("code", required=False)
@local
def command(call: Call, code: str | None) -> None:
    """What an error CODE means, and what to do.  Without CODE, all of them.

    A transaction's ABCI code, a number, is a CODE too.
    """
    faults = {name: fault for catalogue in CATALOGUES.values() for name, fault in catalogue.items()}
    if code is None:
        call.emit([{"code": name, "means": faults[name].title} for name in sorted(faults)])
        return
    name = _find_code(code, faults)
    answer: dict[str, Json] = {
        "code": name,
        "means": faults[name].title,
        "next": faults[name].next_step,
        "said_by": ", ".join(who for who, catalogue in CATALOGUES.items() if name in catalogue),
    }
    if name in CATALOGUE:
        answer["abci_code"] = CATALOGUE[name].number
    call.emit(answer)


def _find_code(typed: str, faults: Mapping[str, Entry]) -> str:
    """The code that was meant: by its name, written with - or _, or by its ABCI number.  Raises code_unknown."""
    by_number = {str(fault.number): name for name, fault in CATALOGUE.items()}
    name = by_number.get(typed, typed.lower().replace("-", "_"))
    if name in faults:
        return name
    near = get_close_matches(name, faults, n=3, cutoff=0.5)
    hint = f"; near: {', '.join(near)}" if near else ""
    raise PermanentError("code_unknown", f"{typed} is no code of ours{hint}")
