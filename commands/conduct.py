"""`gnk host conduct`: what a host's answers have come to."""

from __future__ import annotations

import click

from commands.call import Call, ask, reads
from commands.writing import acting_address


@click.command(short_help="What the answers of a host have come to.")
@click.argument("address", required=False)
@reads
def conduct(call: Call, address: str | None) -> None:
    """What the answers of a host have come to, by model; yours without ADDRESS.

    Reputation lowers the part of its answers that others open and check; the
    bet against it is a verdict at 10,000.  Receipts that a developer shows
    are placed by `gnk host serve`, or the bet grows by its worst round.
    """
    from rules.evidence import ONE
    from wire.gonka.inference.v1.check_pb2 import (
        QueryConductRequest,
        QueryConductResponse,
        QueryLotsRequest,
        QueryLotsResponse,
    )
    from wire.gonka.inference.v1.receipt_pb2 import QueryShowingsRequest, QueryShowingsResponse

    host = address or acting_address(call)
    path, shown_path = "/gonka.inference.v1.CheckQuery", "/gonka.inference.v1.ReceiptQuery/Showings"
    known = ask(call, lambda at: at.query(f"{path}/Conduct", QueryConductRequest(host=host), QueryConductResponse))
    drawn = ask(call, lambda at: at.query(f"{path}/Lots", QueryLotsRequest(host=host), QueryLotsResponse))
    shown = ask(call, lambda at: at.query(shown_path, QueryShowingsRequest(host=host), QueryShowingsResponse))
    call.emit(
        {
            "host": host,
            "models": [
                {
                    "model_id": found.model_id.hex(),
                    "reputation": found.reputation,
                    "checked_percent": f"{found.rate_ppm / 10_000:g}",
                    "bet": f"{int.from_bytes(found.wealth, 'big') / ONE:.3g}",
                    "lots_judged": found.rounds,
                    "verdict_epoch": found.verdict_epoch or None,
                }
                for found in known.conduct
            ],
            "lots": [
                {
                    "escrow_id": lot.escrow_id,
                    "opened": sum(len(sample.positions) for sample in lot.samples),
                    "verifiers": [seat.verifier for seat in lot.seats],
                }
                for lot in drawn.lots
            ],
            "receipts_shown": [
                {
                    "escrow_id": showing.receipt.escrow_id,
                    "request": showing.receipt.request,
                    "placed": showing.placed,
                    "judged_epoch": showing.epoch + 1,
                }
                for showing in shown.showings
            ],
        }
    )
