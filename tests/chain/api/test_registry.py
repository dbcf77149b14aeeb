import pytest

from chain.api.methods import QUERIES
from chain.api.registry import Registry
from chain.modules.query import Query, Snapshot
from chain.store.store import Store
from rules.errors import RuleError
from wire.gonka.params.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse

PARAMS = "gonka.params.v1.Query.Params"


def answer(_snapshot: Snapshot, _request: QueryParamsRequest) -> QueryParamsResponse:
    return QueryParamsResponse()


def snapshot() -> Snapshot:
    store = Store.in_memory().latest
    return Snapshot(store=store, records=store.records, height=1, time_ns=0, chain_id="test-1")


def test_find__a_path_of_the_registry__gives_its_method_and_any_other_none() -> None:
    registry = Registry.build([Query(PARAMS, answer)])
    method = registry.find("/gonka.params.v1.Query/Params")
    assert method is not None
    assert method.request is QueryParamsRequest
    assert registry.find("/gonka.params.v1.Query/Nothing") is None
    assert registry.services == ("gonka.params.v1.Query",)


def test_build__a_method_answered_twice__is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="answered twice"):
        Registry.build([Query(PARAMS, answer), Query(PARAMS, answer)])


def test_build__a_method_that_no_service_has__is_our_mistake() -> None:
    with pytest.raises(KeyError):
        Registry.build([Query("gonka.params.v1.Query.Nothing", answer)])


@pytest.mark.parametrize("request_bytes", [b"\xff", b"\x0a\xff", b"\x0a\x05abc"])
def test_answer__bytes_that_are_no_such_message__are_refused(request_bytes: bytes) -> None:
    method = Registry.build(QUERIES).find("/gonka.sprint.v1.Query/View")
    assert method is not None
    with pytest.raises(RuleError) as caught:
        method.answer(request_bytes, snapshot())
    assert caught.value.code == "request_invalid"
