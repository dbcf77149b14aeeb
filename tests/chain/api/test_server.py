"""The port: good and bad input over a real connection; the node answers after each."""

import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from chain.api.methods import QUERIES
from chain.api.server import HEIGHT_HEADER, MAX_CALLS_OF_ONE, MAX_REQUEST_BYTES
from chain.store.store import KEPT_HEIGHTS
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN
from wire.gonka.sprint.v1.query_pb2 import FollowRequest, QueryViewRequest
from wire.gonka.sprint.v1.query_pb2_grpc import BlocksStub, QueryStub

from cosmos.staking.v1beta1.query_pb2 import QueryValidatorsRequest
from cosmos.tx.v1beta1.service_pb2 import GetTxsEventRequest

TIMEOUT_S = 10
VIEW = "/gonka.sprint.v1.Query/View"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_chain(home) as found:
        yield found


@pytest.fixture
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as found:
        yield found


def call(channel: grpc.Channel, path: str, request: bytes, height: str = "") -> bytes:
    metadata = ((HEIGHT_HEADER, height),) if height else ()
    return channel.unary_unary(path)(request, timeout=TIMEOUT_S, metadata=metadata)


def fail(channel: grpc.Channel, path: str, request: bytes, height: str = "") -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, path, request, height)
    assert_alive(channel)
    return caught.value


def assert_alive(channel: grpc.Channel) -> None:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def paths() -> list[str]:
    return [f"/{service}/{method}" for service, _, method in (query.method.rpartition(".") for query in QUERIES)]


@pytest.mark.parametrize(
    "path", [*paths(), "/cosmos.tx.v1beta1.Service/BroadcastTx", "/cosmos.tx.v1beta1.Service/GetTx"]
)
def test_garbage_for_any_method_is_refused_with_a_code(channel: grpc.Channel, path: str) -> None:
    error = fail(channel, path, b"\xff\xff\xff\xff\x01")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("request_invalid: ")


def test_a_truncated_request_is_refused_with_a_code(channel: grpc.Channel) -> None:
    whole = QueryViewRequest(host=ANN.text).SerializeToString()
    assert fail(channel, VIEW, whole[:-1]).details().startswith("request_invalid: ")


def test_an_oversized_request_is_refused(channel: grpc.Channel) -> None:
    error = fail(channel, VIEW, bytes(MAX_REQUEST_BYTES + 1))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    assert fail(channel, "/cosmos.mint.v1beta1.Query/Params", b"").code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, bytes(range(256)) * 64])
def test_bytes_that_are_no_grpc_do_not_disturb_the_node(address: str, channel: grpc.Channel, garbage: bytes) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=TIMEOUT_S) as connection:
        connection.sendall(garbage)
    assert_alive(channel)


def test_a_refusal_carries_the_code_of_its_rule(channel: grpc.Channel) -> None:
    error = fail(channel, VIEW, QueryViewRequest(host="gonka1nobody").SerializeToString())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith("address_invalid: ")


def test_an_answer_names_its_height_and_an_older_height_can_be_asked_for(channel: grpc.Channel) -> None:
    notices = BlocksStub(channel).Follow(FollowRequest(), timeout=TIMEOUT_S)
    heights = [next(notices).height for _ in range(3)]
    notices.cancel()
    assert heights == sorted(set(heights))
    request = QueryViewRequest(host=ANN.text)
    answer, live = QueryStub(channel).View.with_call(request, timeout=TIMEOUT_S)
    assert dict(live.initial_metadata())[HEIGHT_HEADER] == str(answer.status.height)
    wanted = str(heights[-1])
    answer, pinned = QueryStub(channel).View.with_call(request, timeout=TIMEOUT_S, metadata=((HEIGHT_HEADER, wanted),))
    assert dict(pinned.initial_metadata())[HEIGHT_HEADER] == wanted
    assert answer.status.height == heights[-1]


@pytest.mark.parametrize(
    ("height", "code"), [("1" * 17, "height_not_kept"), ("-1", "request_invalid"), ("x", "request_invalid")]
)
def test_a_height_that_cannot_be_read_is_refused_with_a_code(channel: grpc.Channel, height: str, code: str) -> None:
    request = QueryViewRequest(host=ANN.text).SerializeToString()
    assert fail(channel, VIEW, request, height).details().startswith(f"{code}: ")


def test_follow__after_a_height__tells_of_later_blocks_only(channel: grpc.Channel) -> None:
    first = next(BlocksStub(channel).Follow(FollowRequest(), timeout=TIMEOUT_S))
    later = next(BlocksStub(channel).Follow(FollowRequest(after_height=first.height + 2), timeout=TIMEOUT_S))
    assert later.height > first.height + 2
    assert len(later.hash) == 32
    assert later.time_unix_ms > first.time_unix_ms


def test_a_client_with_as_many_open_calls_as_one_may_have__waits_and_others_do_not(
    address: str, channel: grpc.Channel
) -> None:
    with grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as greedy:
        calls = [BlocksStub(greedy).Follow(FollowRequest()) for _ in range(MAX_CALLS_OF_ONE)]
        assert all(next(one).height for one in calls)
        with pytest.raises(grpc.RpcError) as caught:
            next(BlocksStub(greedy).Follow(FollowRequest(), timeout=1))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert_alive(channel)
        for one in calls:
            one.cancel()


def test_a_refusal_of_something_long__fits_into_its_header(channel: grpc.Channel) -> None:
    request = QueryValidatorsRequest(status="x" * 1_000_000).SerializeToString()
    refused = fail(channel, "/cosmos.staking.v1beta1.Query/Validators", request)
    assert refused.details().startswith("request_invalid: ")


def test_a_search_that_would_take_hours__is_refused_at_once(channel: grpc.Channel) -> None:
    query = "tx.height>0 " + " " * 1_000_000 + "AND tx.height>0"
    request = GetTxsEventRequest(query=query).SerializeToString()
    assert fail(channel, "/cosmos.tx.v1beta1.Service/GetTxsEvent", request).details().startswith("request_invalid: ")


def test_reflection_lists_every_service(channel: grpc.Channel) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=TIMEOUT_S)
    listed = {service.name for service in answer.list_services_response.service}
    assert {query.method.rpartition(".")[0] for query in QUERIES} < listed
    assert {"cosmos.tx.v1beta1.Service", "gonka.sprint.v1.Blocks", "grpc.health.v1.Health"} <= listed


def test_a_height_before_those_kept_is_refused(channel: grpc.Channel) -> None:
    notices = BlocksStub(channel).Follow(FollowRequest(after_height=KEPT_HEIGHTS + 1), timeout=TIMEOUT_S)
    assert next(notices).height > KEPT_HEIGHTS + 1
    notices.cancel()
    request = QueryViewRequest(host=ANN.text).SerializeToString()
    assert fail(channel, VIEW, request, "1").code() is grpc.StatusCode.OUT_OF_RANGE
