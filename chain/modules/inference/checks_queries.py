"""What gonka.inference.v1.CheckQuery answers."""

from collections.abc import Iterator
from typing import Final

from chain.modules.inference import checks_state as state
from chain.modules.query import Query, Snapshot
from chain.modules.sprint.state import get_epoch_start
from rules.addresses import decode_address
from rules.reputation import compute_rate_ppm
from rules.types import Host
from wire.gonka.inference.v1 import check_pb2 as pb


def list_lots(snapshot: Snapshot, request: pb.QueryLotsRequest) -> pb.QueryLotsResponse:
    """The lots that were drawn last: of a host, of a verifier's seats, or all; kept until the next BEACON2 is over."""
    verifier = Host(decode_address(request.verifier)) if request.verifier else None
    found = state.scan_lots(snapshot.store) if verifier is None else state.scan_seated(snapshot.store, verifier)
    lots = [lot for lot in found if not request.host or lot.host == request.host]
    response = pb.QueryLotsResponse(
        epoch=get_epoch_start(snapshot.store).epoch,
        lots=lots,
        revealed=_list_revealed(snapshot, lots),
    )
    if verifier is not None:
        reports = state.get_reports(snapshot.store, verifier)
        response.reports.CopyFrom(reports or pb.ReportSet())
    return response


def _list_revealed(snapshot: Snapshot, lots: list[pb.Lot]) -> Iterator[pb.RevealedReport]:
    wanted = {(lot.escrow_id, lot.host) for lot in lots}
    for verifier, sent in state.scan_reports(snapshot.store):
        for report in sent.reports:
            if (report.escrow_id, report.host) in wanted:
                yield pb.RevealedReport(verifier=verifier, report=report)


def get_conduct(snapshot: Snapshot, request: pb.QueryConductRequest) -> pb.QueryConductResponse:
    """What a host's answers have come to, by model; none for one whose answers were never checked."""
    response = pb.QueryConductResponse()
    for conduct in state.scan_conduct(snapshot.store, Host(decode_address(request.host))):
        conduct.rate_ppm = compute_rate_ppm(conduct.reputation)
        response.conduct.append(conduct)
    return response


QUERIES: Final = (
    Query("gonka.inference.v1.CheckQuery.Lots", list_lots),
    Query("gonka.inference.v1.CheckQuery.Conduct", get_conduct),
)
