"""ABCI's Query: values with proofs that lead to the app hash, and every method by its path."""

import asyncio

import pytest

from chain.api.abci_query import AbciQuery
from chain.api.registry import Registry
from chain.engine.abci import AbciEngine
from chain.modules.bank.state import DENOM
from chain.modules.query import Query, Snapshot
from chain.store.errors import StoreError
from chain.store.proofs import check_absence, check_presence
from chain.store.store import KEPT_HEIGHTS, Store
from tests.chain.engine.abci_node import COMMIT, ask_engine, finalize, init_chain, make_validator_genesis, open_abci
from tests.chain.ledger import ANN, BALANCE, CHAIN_ID, code_of

from cosmos.bank.v1beta1.query_pb2 import QueryBalanceRequest, QueryBalanceResponse
from cosmos.tx.v1beta1.service_pb2 import BROADCAST_MODE_SYNC, BroadcastTxRequest
from tendermint.abci import types_pb2 as abci

GENESIS = make_validator_genesis()
HEIGHTS = KEPT_HEIGHTS + 4
BALANCE_PATH = "/cosmos.bank.v1beta1.Query/Balance"


@pytest.fixture(scope="module")
def node() -> tuple[AbciEngine, Store, dict[int, bytes]]:
    """An engine at HEIGHTS, its store, and the app hash of each height."""
    store = Store.in_memory()
    engine = open_abci(store, GENESIS)
    asyncio.run(engine.answer(init_chain(GENESIS)))
    hashes = {}
    for height in range(1, HEIGHTS + 1):
        response = asyncio.run(ask_engine(engine, finalize(height)))
        asyncio.run(engine.answer(COMMIT))
        hashes[height] = response.finalize_block.app_hash
    return engine, store, hashes


def query(node: tuple[AbciEngine, Store, dict[int, bytes]], **fields: object) -> abci.ResponseQuery:
    return asyncio.run(ask_engine(node[0], abci.Request(query=abci.RequestQuery(**fields)))).query


@pytest.mark.parametrize("height", [0, HEIGHTS, HEIGHTS - 3])
def test_key__one_that_is_there__comes_with_a_proof(node, height: int) -> None:
    for key, _ in list(node[1].latest.scan(b"bank/"))[:5]:
        response = query(node, path="/key", data=key, height=height, prove=True)
        assert response.height == (height or HEIGHTS)
        (op,) = response.proof_ops.ops
        app_hash = node[2][response.height]
        check_presence(op.data, app_hash=app_hash, key=key, value=response.value)
        with pytest.raises(StoreError, match="proof_invalid"):
            check_presence(op.data, app_hash=app_hash, key=key, value=response.value + b"0")


def test_key__one_that_is_not_there__comes_with_a_proof_of_absence(node) -> None:
    response = query(node, path="/key", data=b"bank/nobody", prove=True)
    assert (response.code, response.value) == (0, b"")
    check_absence(response.proof_ops.ops[0].data, app_hash=node[2][response.height], key=b"bank/nobody")


def test_key__no_proof_wanted__comes_without(node) -> None:
    key, value = next(iter(node[1].latest.scan(b"bank/")))
    response = query(node, path="/key", data=key)
    assert (response.value, response.HasField("proof_ops")) == (value, False)


def test_a_method_is_answered_by_its_path(node) -> None:
    request = QueryBalanceRequest(address=ANN.text, denom=DENOM).SerializeToString()
    response = query(node, path=BALANCE_PATH, data=request)
    assert response.height == HEIGHTS
    assert QueryBalanceResponse.FromString(response.value).balance.amount == str(BALANCE)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"path": "/nothing/Here"}, "not_found"),
        ({"path": ""}, "not_found"),
        ({"path": BALANCE_PATH, "data": b"\xff"}, "request_invalid"),
        ({"path": BALANCE_PATH, "data": b"", "prove": True}, "request_invalid"),
        ({"path": BALANCE_PATH, "height": 1}, "height_not_kept"),
        ({"path": "/key", "data": b"x", "height": 1}, "height_not_kept"),
        ({"path": "/key", "data": b"x", "height": HEIGHTS + 1}, "height_not_kept"),
        ({"path": "/key", "data": b"x", "height": -1}, "height_not_kept"),
        (
            {
                "path": "/cosmos.tx.v1beta1.Service/BroadcastTx",
                "data": BroadcastTxRequest(mode=BROADCAST_MODE_SYNC, tx_bytes=b"x").SerializeToString(),
            },
            "not_found",
        ),
    ],
)
def test_what_cannot_be_answered_has_a_code(node, fields: dict[str, object], code: str) -> None:
    response = query(node, **fields)
    assert (code_of(response), response.codespace) == (code, "gonka")
    assert response.code > 0


def test_a_method_that_fails__is_answered_and_does_not_stop_the_node(node) -> None:
    def fail(_snapshot: Snapshot, _request: QueryBalanceRequest) -> QueryBalanceResponse:
        raise ZeroDivisionError

    class Chain:
        def snapshot(self, height: int) -> Snapshot:
            view = node[1].at(height or HEIGHTS)
            return Snapshot(store=view, records=view.records, height=view.height, time_ns=0, chain_id=CHAIN_ID)

    registry = Registry.build([Query("cosmos.bank.v1beta1.Query.Balance", fail)])
    answer = AbciQuery(registry, Chain(), node[1]).answer(abci.RequestQuery(path=BALANCE_PATH))
    assert code_of(asyncio.run(answer)) == "internal"
