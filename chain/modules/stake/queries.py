"""What gonka.stake.v1 answers."""

from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from chain.modules.stake.state import find_host, get_table, scan_hosts, scan_unbonding, table_epoch
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.types import Host
from wire.codec import encode_params
from wire.gonka.stake.v1 import query_pb2 as pb


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters of the module."""
    return pb.QueryParamsResponse(params=encode_params(get_live(snapshot.store)).stake)


def get_one(snapshot: Snapshot, request: pb.QueryHostRequest) -> pb.QueryHostResponse:
    """A host, its unbonding stake and its line in the table in force.  RuleError host_unknown."""
    host = Host(decode_address(request.address))
    return pb.QueryHostResponse(
        host=find_host(snapshot.store, host),
        unbonding=[entry for _, entry in scan_unbonding(snapshot.store, host)],
        entry=get_table(snapshot.store, table_epoch(snapshot.store)).get(host),
    )


def list_all(snapshot: Snapshot, _request: pb.QueryHostsRequest) -> pb.QueryHostsResponse:
    """Every host, in address order."""
    return pb.QueryHostsResponse(hosts=[record for _, record in scan_hosts(snapshot.store)])


def get_entries(snapshot: Snapshot, request: pb.QueryTableRequest) -> pb.QueryTableResponse:
    """The table written at the SETTLE of an epoch, 0 for the one in force.  RuleError not_found."""
    epoch = request.epoch or table_epoch(snapshot.store)
    table = get_table(snapshot.store, epoch)
    if request.epoch and not table:
        raise RuleError("not_found", f"table of epoch {epoch} not found", epoch=epoch)
    return pb.QueryTableResponse(epoch=epoch, entries=table.values())


QUERIES = (
    Query("gonka.stake.v1.Query.Params", get_params),
    Query("gonka.stake.v1.Query.Host", get_one),
    Query("gonka.stake.v1.Query.Hosts", list_all),
    Query("gonka.stake.v1.Query.Table", get_entries),
)
