"""What gonka.params.v1 answers."""

from chain.modules.params.state import get_frozen, get_live
from chain.modules.query import Query, Snapshot
from wire.codec import encode_params
from wire.gonka.params.v1 import query_pb2 as pb


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """Every module's parameters: live, and as the running epoch reads them."""
    live, frozen = get_live(snapshot.store), get_frozen(snapshot.store)
    return pb.QueryParamsResponse(params=encode_params(live), frozen=encode_params(frozen))


QUERIES = (Query("gonka.params.v1.Query.Params", get_params),)
