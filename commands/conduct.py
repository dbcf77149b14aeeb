"""`gnk host conduct`: what a host's answers have come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from commands.call import Call, ask, reads
from commands.writing import acting_address

if TYPE_CHECKING:
    from commands.output import Json
    from wire.gonka.inference.v1.check_pb2 import Conduct, QueryLotsResponse


@click.command(short_help="What the answers of a host have come to.")
@click.argument("address", required=False)
@reads
def conduct(call: Call, address: str | None) -> None:
    """What the answers of a host have come to, by model; yours without ADDRESS.

    Reputation lowers the part of its answers that others open and check; the
    bet against it is a verdict at 10,000, and grows by distances above
    `null_ppm`.  Lots are those drawn last; their reports are shown from
    DISPUTE's reveal window on, until the next lots are drawn.  Receipts that a
    developer shows are placed by `gnk host serve`, or the bet grows by its
    worst round.
    """
    from wire.gonka.inference.v1.check_pb2 import (
        QueryConductRequest,
        QueryConductResponse,
        QueryLotsRequest,
        QueryLotsResponse,
    )
    from wire.gonka.inference.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse
    from wire.gonka.inference.v1.receipt_pb2 import QueryShowingsRequest, QueryShowingsResponse

    host = address or acting_address(call)
    path, shown_path = "/gonka.inference.v1.CheckQuery", "/gonka.inference.v1.ReceiptQuery/Showings"
    params_path = "/gonka.inference.v1.Query/Params"
    known = ask(call, lambda at: at.query(f"{path}/Conduct", QueryConductRequest(host=host), QueryConductResponse))
    drawn = ask(call, lambda at: at.query(f"{path}/Lots", QueryLotsRequest(host=host), QueryLotsResponse))
    shown = ask(call, lambda at: at.query(shown_path, QueryShowingsRequest(host=host), QueryShowingsResponse))
    params = ask(call, lambda at: at.query(params_path, QueryParamsRequest(), QueryParamsResponse)).params
    call.emit(
        {
            "host": host,
            "epoch": drawn.epoch,
            "null_ppm": params.answer_null_ppm,
            "models": [describe_standing(found) for found in known.conduct],
            "lots": describe_lots(drawn),
            "reports": describe_reports(drawn),
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


def describe_standing(found: Conduct) -> dict[str, Json]:
    """A host's standing with one model."""
    from rules.evidence import ONE

    return {
        "model_id": found.model_id.hex(),
        "reputation": found.reputation,
        "checked_percent": f"{found.rate_ppm / 10_000:g}",
        "bet": f"{int.from_bytes(found.wealth, 'big') / ONE:.3g}",
        "lots_judged": found.rounds,
        "verdict_epoch": found.verdict_epoch or None,
    }


def describe_lots(drawn: QueryLotsResponse) -> list[dict[str, Json]]:
    """One host's lots; the distance is what SETTLE makes of the reports that are there, null before the first."""
    from rules.evidence import settle_distance_ppm

    found = {(r.verifier, r.report.escrow_id): r.report.distance_ppm for r in drawn.revealed}
    lots: list[dict[str, Json]] = []
    for lot in drawn.lots:
        said = [found.get((seat.verifier, lot.escrow_id)) for seat in lot.seats for _ in range(seat.count)]
        reports = sum(report is not None for report in said)
        lots.append(
            {
                "escrow_id": lot.escrow_id,
                "opened": sum(len(sample.positions) for sample in lot.samples),
                "reported": f"{reports}/{len(said)}",
                "distance_ppm": settle_distance_ppm(said) if reports else None,
            }
        )
    return lots


def describe_reports(drawn: QueryLotsResponse) -> list[dict[str, Json]]:
    """Who verifies one host's lots, with how many seats, and what it found; null as long as nothing is revealed."""
    found = {(r.verifier, r.report.escrow_id): r.report for r in drawn.revealed}
    reports: list[dict[str, Json]] = []
    for lot in drawn.lots:
        for seat in lot.seats:
            report = found.get((seat.verifier, lot.escrow_id))
            reports.append(
                {
                    "escrow_id": lot.escrow_id,
                    "verifier": seat.verifier,
                    "seats": seat.count,
                    "tokens": report.tokens if report else None,
                    "distance_ppm": report.distance_ppm if report else None,
                }
            )
    return reports
