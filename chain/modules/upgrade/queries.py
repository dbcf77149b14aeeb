"""What cosmos.upgrade.v1beta1 answers."""

from chain.modules.query import Query, Snapshot
from chain.modules.upgrade.state import get_done_height, get_plan

from cosmos.upgrade.v1beta1 import query_pb2 as pb


def get_current_plan(snapshot: Snapshot, _request: pb.QueryCurrentPlanRequest) -> pb.QueryCurrentPlanResponse:
    """The planned upgrade, without one an empty answer."""
    return pb.QueryCurrentPlanResponse(plan=get_plan(snapshot.store))


def get_applied_plan(snapshot: Snapshot, request: pb.QueryAppliedPlanRequest) -> pb.QueryAppliedPlanResponse:
    """The height of the block that began with an upgrade, 0 when none did."""
    return pb.QueryAppliedPlanResponse(height=get_done_height(snapshot.store, request.name))


QUERIES = (
    Query("cosmos.upgrade.v1beta1.Query.CurrentPlan", get_current_plan),
    Query("cosmos.upgrade.v1beta1.Query.AppliedPlan", get_applied_plan),
)
