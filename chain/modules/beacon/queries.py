"""What gonka.beacon.v1 answers."""

from chain.modules.beacon.state import get_beacon_key, get_group, get_seed, scan_commitments, scan_deals
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from rules.addresses import decode_address
from rules.types import Host, Round
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


def show_group(snapshot: Snapshot, request: pb.QueryGroupRequest) -> pb.QueryGroupResponse:
    """Who signs the seeds of an epoch, and what they dealt; empty where no group was formed, or it is not kept."""
    deals = scan_deals(snapshot.store, request.epoch)
    return pb.QueryGroupResponse(group=get_group(snapshot.store, request.epoch), deals=deals)


def show_beacon_key(snapshot: Snapshot, request: pb.QueryBeaconKeyRequest) -> pb.QueryBeaconKeyResponse:
    """The key that a host's shares are encrypted to.  Raises: RuleError `address_invalid`."""
    key = get_beacon_key(snapshot.store, Host(decode_address(request.host)))
    return pb.QueryBeaconKeyResponse(beacon_key=key)


QUERIES = (
    Query("gonka.beacon.v1.Query.Params", get_params),
    Query("gonka.beacon.v1.Query.Seeds", get_seeds),
    Query("gonka.beacon.v1.Query.Group", show_group),
    Query("gonka.beacon.v1.Query.BeaconKey", show_beacon_key),
)
