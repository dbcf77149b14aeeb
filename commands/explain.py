"""`gnk explain CODE`: what an error code means, and what to do."""

from __future__ import annotations

from difflib import get_close_matches

import click

from commands.call import Call, local
from commands.output import Json


@click.command()
@click.argument("code", required=False)
@local
def command(call: Call, code: str | None) -> None:
    """What an error CODE means, and what to do.  Without CODE, all of them."""
    from chain.store.errors import STORE_FAULTS, StoreFault
    from chain_client.errors import CLIENT_FAULTS, ClientFault, PermanentError
    from rules.errors import CATALOGUE, Fault
    from sidecar.errors import SIDECAR_FAULTS, SidecarFault

    faults: dict[str, Fault | ClientFault | SidecarFault | StoreFault] = {
        **STORE_FAULTS,
        **SIDECAR_FAULTS,
        **CLIENT_FAULTS,
        **CATALOGUE,
    }
    if code is None:
        call.emit([{"code": name, "means": fault.title} for name, fault in sorted(faults.items())])
        return
    by_number = {str(fault.number): name for name, fault in CATALOGUE.items()}
    name = by_number.get(code, code.lower().replace("-", "_"))
    if name not in faults:
        near = get_close_matches(name, faults, n=3, cutoff=0.5)
        raise PermanentError(
            "code_unknown", f"{code} is no code of ours" + (f"; near: {', '.join(near)}" if near else "")
        )
    fault = faults[name]
    answer: dict[str, Json] = {"code": name, "means": fault.title, "next": fault.next_step}
    if name in CATALOGUE:
        answer["abci_code"] = CATALOGUE[name].number
    call.emit(answer)
