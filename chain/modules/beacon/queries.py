"""What gonka.beacon.v1 answers."""

from chain.modules.beacon.state import get_seed, scan_commitments
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from rules.types import Round
from wire.codec import encode_params
from wire.gonka.beacon.v1 import query_pb2 as pb


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters of the module."""
    return pb.QueryParamsResponse(params=encode_params(get_live(snapshot.store)).beacon)


def get_seeds(snapshot: Snapshot, request: pb.QuerySeedsRequest) -> pb.QuerySeedsResponse:
    """Both seeds of an epoch and the commitments for it; empty while unknown, and once no longer kept."""
    return pb.QuerySeedsResponse(
        sprint_seed=get_seed(snapshot.store, request.epoch, Round.SPRINT),
        sample_seed=get_seed(snapshot.store, request.epoch, Round.SAMPLE),
        commitments=[commitment for _, commitment in scan_commitments(snapshot.store, request.epoch)],
    )


QUERIES = (
    Query("gonka.beacon.v1.Query.Params", get_params),
    Query("gonka.beacon.v1.Query.Seeds", get_seeds),
)
