"""JSON-RPC by POST: good calls, and everything that is none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.api.rpc_server import MAX_CALLS
from tests.chain.api.asking import Answer, ask
from tests.chain.api.running import run_interfaces


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as addresses:
        yield f"http://{addresses['rpc']}"


def post(url: str, value: Any) -> Answer:
    return ask(url, value if isinstance(value, bytes) else json.dumps(value).encode())


@pytest.mark.parametrize("call_id", [0, -1, 5, "x", ""])
def test_an_answer_has_the_id_of_its_call(url: str, call_id: object) -> None:
    assert post(url, {"jsonrpc": "2.0", "id": call_id, "method": "health"}).json == {
        "jsonrpc": "2.0",
        "id": call_id,
        "result": {},
    }


def test_a_call_without_id_is_not_answered(url: str) -> None:
    assert post(url, {"jsonrpc": "2.0", "method": "health"}).body == b""
    assert post(url, {"jsonrpc": "2.0", "method": "nothing"}).body == b""
    assert post(url, []).body == b""


def test_a_batch_is_answered_in_order_without_its_notices(url: str) -> None:
    calls = [{"id": 1, "method": "health"}, {"method": "health"}, {"id": 2, "method": "nothing"}, 5]
    answers = post(url, calls).json
    assert [answer["id"] for answer in answers] == [1, 2, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32601, -32600]


def test_a_batch_that_is_too_long_is_refused_whole(url: str) -> None:
    answer = post(url, [{"id": number, "method": "health"} for number in range(MAX_CALLS + 1)]).json
    assert answer["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 200_000, -32700),
        (b'{"a":' * 100_000, -32700),
        (b"9" * 10_000, -32700),
        (b"NaN", -32600),
        (b'"x"', -32600),
        (b"{}", -32600),
        (b'{"id": 1, "method": 5}', -32600),
        (b'{"id": {}, "method": "health"}', -32600),
        (b'{"id": true, "method": "health"}', -32600),
        (b'{"id": 1, "method": "block", "params": "x"}', -32602),
        (b'{"id": 1, "method": "block", "params": [1, 2, 3]}', -32602),
        (b'{"id": 1, "method": "__class__"}', -32601),
    ],
)
def test_garbage_is_answered_with_a_code_and_the_node_lives(url: str, value: bytes, code: int) -> None:
    assert post(url, value).json["error"]["code"] == code
    assert post(url, {"id": 1, "method": "health"}).json["result"] == {}


def test_a_body_over_the_limit_is_refused_and_the_node_lives(url: str) -> None:
    assert post(url, b"[" + b" " * (3 << 20)).status == 413
    assert post(url, {"id": 1, "method": "health"}).json["result"] == {}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD"])
def test_another_verb_is_refused(url: str, method: str) -> None:
    assert ask(url, method=method).status == 405


def test_any_web_page_may_call(url: str) -> None:
    assert ask(url, method="OPTIONS").headers["Access-Control-Allow-Origin"] == "*"
    assert post(url, {"id": 1, "method": "health"}).headers["Access-Control-Allow-Origin"] == "*"
    assert post(url, b"{").headers["Access-Control-Allow-Origin"] == "*"
