from chain.modules.params import queries
from rules.presets import MINIMAL
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import Ledger
from wire.codec import decode_params
from wire.gonka.params.v1.query_pb2 import QueryParamsRequest


def test_get_params__a_new_chain__has_the_genesis_s_live_and_frozen() -> None:
    ledger = Ledger()
    ledger.block()
    answer = queries.get_params(snapshot_of(ledger), QueryParamsRequest())
    assert decode_params(answer.params) == decode_params(answer.frozen) == MINIMAL
