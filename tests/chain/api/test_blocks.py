import pytest

from rules.errors import RuleError
from tests.chain.api.node import open_api
from tests.chain.ledger import ANN, BOB, CHAIN_ID

from cosmos.base.tendermint.v1beta1 import query_pb2 as pb

SERVICE = "/cosmos.base.tendermint.v1beta1.Service"


def test_get_latest__is_the_last_block_with_its_hashes_and_transactions() -> None:
    with open_api() as api:
        before = api.node.store.app_hash
        tx = api.send(ANN, BOB, 1)
        logged = api.block()
        answer = api.ask(f"{SERVICE}/GetLatestBlock", pb.GetLatestBlockRequest(), pb.GetLatestBlockResponse)
        header = answer.block.header
        assert (header.chain_id, header.height, header.app_hash) == (CHAIN_ID, 2, before)
        assert header.last_block_id.hash == logged.block.last_hash
        assert header.time.ToNanoseconds() == logged.block.time_ns
        assert answer.block_id.hash == logged.block.hash
        assert list(answer.block.data.txs) == [tx]
        assert answer.sdk_block.header.height == 2


@pytest.mark.parametrize("height", [-1, 0, 2, 2**62])
def test_get_by_height__a_block_that_is_not_there__is_not_found(height: int) -> None:
    request = pb.GetBlockByHeightRequest(height=height)
    with open_api() as api, pytest.raises(RuleError) as caught:
        api.ask(f"{SERVICE}/GetBlockByHeight", request, pb.GetBlockByHeightResponse)
    assert caught.value.code == "not_found"


def test_get_by_height__at_an_older_snapshot__does_not_see_newer_blocks() -> None:
    with open_api() as api:
        api.block()
        request = pb.GetBlockByHeightRequest(height=2)
        assert api.ask(f"{SERVICE}/GetBlockByHeight", request, pb.GetBlockByHeightResponse).block.header.height == 2
        with pytest.raises(RuleError, match="block 2 not found"):
            api.ask(f"{SERVICE}/GetBlockByHeight", request, pb.GetBlockByHeightResponse, height=1)


def test_get_validator_set__without_consensus_keys__is_empty_at_the_latest_height() -> None:
    with open_api() as api:
        request = pb.GetLatestValidatorSetRequest()
        answer = api.ask(f"{SERVICE}/GetLatestValidatorSet", request, pb.GetLatestValidatorSetResponse)
        assert (answer.block_height, list(answer.validators)) == (1, [])
