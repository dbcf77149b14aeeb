import pytest

from chain.api.node import COMETBFT_VERSION, format_gas_price
from rules.presets import MINIMAL
from tests.chain.api.node import open_api
from tests.chain.ledger import CHAIN_ID

from cosmos.base.node.v1beta1.query_pb2 import ConfigRequest, ConfigResponse, StatusRequest, StatusResponse
from cosmos.base.tendermint.v1beta1.query_pb2 import GetNodeInfoRequest, GetNodeInfoResponse
from cosmos.consensus.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse


@pytest.mark.parametrize(
    ("per_kgas", "price"), [(1000, "1ngonka"), (25, "0.025ngonka"), (1500, "1.5ngonka"), (0, "0ngonka")]
)
def test_format_gas_price__is_what_wallets_parse(per_kgas: int, price: str) -> None:
    assert format_gas_price(per_kgas) == price


def test_the_node_says_which_network_and_limits_it_has() -> None:
    with open_api() as api:
        service = "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo"
        info = api.ask(service, GetNodeInfoRequest(), GetNodeInfoResponse)
        assert (info.default_node_info.network, info.default_node_info.version) == (CHAIN_ID, COMETBFT_VERSION)
        config = api.ask("/cosmos.base.node.v1beta1.Service/Config", ConfigRequest(), ConfigResponse)
        assert config.minimum_gas_price == format_gas_price(MINIMAL.auth.min_fee_ngonka_per_kgas)
        consensus = api.ask("/cosmos.consensus.v1.Query/Params", QueryParamsRequest(), QueryParamsResponse)
        assert consensus.params.block.max_gas == MINIMAL.auth.max_block_gas
        assert consensus.params.block.max_bytes == MINIMAL.auth.max_block_bytes


def test_get_status__is_the_last_block_s() -> None:
    with open_api() as api:
        logged = api.block()
        status = api.ask("/cosmos.base.node.v1beta1.Service/Status", StatusRequest(), StatusResponse)
        assert (status.height, status.app_hash) == (2, logged.result.app_hash)
        assert status.timestamp.ToNanoseconds() == logged.block.time_ns
        assert status.earliest_store_height == 1
