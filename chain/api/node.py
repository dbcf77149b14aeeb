"""What a node says of itself: its network, its version, its limits."""

from google.protobuf.timestamp_pb2 import Timestamp

from chain.engine.blocklog import read_block
from chain.modules.bank.state import DENOM
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from chain.store.store import KEPT_HEIGHTS

from cosmos.base.node.v1beta1 import query_pb2 as node_pb
from cosmos.base.tendermint.v1beta1 import query_pb2 as tendermint_pb
from cosmos.consensus.v1 import query_pb2 as consensus_pb
from tendermint.p2p.types_pb2 import DefaultNodeInfo, ProtocolVersion
from tendermint.types.params_pb2 import BlockParams, ConsensusParams, ValidatorParams

VERSION = "0.1.0"
COMETBFT_VERSION = "0.38.25"
"""The CometBFT whose wire this node speaks; wallets choose their client by it."""
SDK_VERSION = "v0.53.0"
"""The Cosmos SDK whose messages this node takes."""
BLOCK_PROTOCOL = 11
P2P_PROTOCOL = 8


def get_node_info(snapshot: Snapshot, _request: tendermint_pb.GetNodeInfoRequest) -> tendermint_pb.GetNodeInfoResponse:
    """Network and versions."""
    return tendermint_pb.GetNodeInfoResponse(
        default_node_info=DefaultNodeInfo(
            protocol_version=ProtocolVersion(p2p=P2P_PROTOCOL, block=BLOCK_PROTOCOL),
            network=snapshot.chain_id,
            version=COMETBFT_VERSION,
            moniker="gnk",
        ),
        application_version=tendermint_pb.VersionInfo(
            name="gonka", app_name="gnk", version=VERSION, cosmos_sdk_version=SDK_VERSION
        ),
    )


def get_syncing(_snapshot: Snapshot, _request: tendermint_pb.GetSyncingRequest) -> tendermint_pb.GetSyncingResponse:
    """False: a node that makes every block has no other to follow."""
    return tendermint_pb.GetSyncingResponse(syncing=False)


def get_config(snapshot: Snapshot, _request: node_pb.ConfigRequest) -> node_pb.ConfigResponse:
    """The least gas price and how many heights can be read."""
    return node_pb.ConfigResponse(
        minimum_gas_price=format_gas_price(get_live(snapshot.store).auth.min_fee_ngonka_per_kgas),
        pruning_keep_recent=str(KEPT_HEIGHTS),
    )


def get_status(snapshot: Snapshot, _request: node_pb.StatusRequest) -> node_pb.StatusResponse:
    """The latest block: height, time, app hash."""
    logged = read_block(snapshot.records, snapshot.height)
    return node_pb.StatusResponse(
        earliest_store_height=max(1, snapshot.height - KEPT_HEIGHTS + 1),
        height=snapshot.height,
        timestamp=timestamp_of(snapshot.time_ns),
        app_hash=logged.result.app_hash if logged else b"",
    )


def get_consensus_params(
    snapshot: Snapshot, _request: consensus_pb.QueryParamsRequest
) -> consensus_pb.QueryParamsResponse:
    """The bounds of a block, as CometBFT names them."""
    live = get_live(snapshot.store).auth
    params = ConsensusParams(
        block=BlockParams(max_bytes=live.max_block_bytes, max_gas=live.max_block_gas),
        validator=ValidatorParams(pub_key_types=["ed25519"]),
    )
    return consensus_pb.QueryParamsResponse(params=params)


def format_gas_price(ngonka_per_kgas: int) -> str:
    """The price of one gas as wallets read it, such as 1ngonka or 0.025ngonka."""
    whole, thousandths = divmod(ngonka_per_kgas, 1000)
    decimals = f".{thousandths:03d}".rstrip("0") if thousandths else ""
    return f"{whole}{decimals}{DENOM}"


def timestamp_of(time_ns: int) -> Timestamp:
    """Unix nanoseconds as a message."""
    seconds, nanos = divmod(time_ns, 10**9)
    return Timestamp(seconds=seconds, nanos=nanos)


QUERIES = (
    Query("cosmos.base.tendermint.v1beta1.Service.GetNodeInfo", get_node_info),
    Query("cosmos.base.tendermint.v1beta1.Service.GetSyncing", get_syncing),
    Query("cosmos.base.node.v1beta1.Service.Config", get_config),
    Query("cosmos.base.node.v1beta1.Service.Status", get_status),
    Query("cosmos.consensus.v1.Query.Params", get_consensus_params),
)
