"""A node over its RPC: what it answers is read, and what is no answer has a code."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from chain_client.errors import ClientError, PermanentError
from chain_client.light import find_fault
from chain_client.rpc import MAX_ANSWER_BYTES, RpcNode
from tests.chain_client.light_network import LightNetwork, make_set
from wire.headers_json import write_commit, write_header, write_validators

MANY = dict.fromkeys(range(1, 129), 10)
NETWORK = LightNetwork({1: MANY, 9: {1: 10}})
VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "cometbft.json").read_text())


def serve(answer: Callable[[dict[str, Any]], Any], use: Callable[[RpcNode], Awaitable[Any]]) -> Any:
    """What `use` returns of a node whose results `answer` makes of the calls."""

    async def respond(request: web.Request) -> web.Response:
        result = answer(await request.json())
        return web.Response(body=result) if isinstance(result, bytes) else web.json_response(result)

    async def run() -> Any:
        runner = web.AppRunner(web.Application(client_max_size=1 << 20))
        runner.app.router.add_post("/", respond)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with RpcNode(f"127.0.0.1:{runner.addresses[0][1]}") as node:
                return await use(node)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def answer_light(call: dict[str, Any]) -> Any:
    """The answers of a node of NETWORK, validators in pages of 100 as CometBFT gives them."""
    params = call["params"]
    height = int(params["height"])
    if call["method"] == "commit":
        signed = NETWORK.block(height).signed
        return {
            "result": {"signed_header": {"header": write_header(signed.header), "commit": write_commit(signed.commit)}}
        }
    everybody = write_validators(make_set(NETWORK.powers(height)).validators)
    page = int(params["page"])
    return {"result": {"validators": everybody[100 * page - 100 : 100 * page], "total": str(len(everybody))}}


@pytest.mark.parametrize("height", [3, 8, 9])
def test_read_block__validators_on_several_pages__are_all_read(height: int) -> None:
    block = serve(answer_light, lambda node: node.read_block(height))
    assert block == NETWORK.block(height)
    assert find_fault(block) == ""


def test_read_block__what_cometbft_answered__is_signed_by_its_validators() -> None:
    answers = {"commit": VECTOR["commit"], "validators": VECTOR["validators"]}
    block = serve(lambda call: {"result": answers[call["method"]]}, lambda node: node.read_block(52))
    assert find_fault(block) == ""


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        b"x" * (MAX_ANSWER_BYTES + 1),
        [],
        {},
        {"result": None},
        {"result": []},
        {"result": {}},
        {"result": {"sync_info": {}}},
        {"result": {"sync_info": {"earliest_block_height": "x"}}},
        {"error": {"code": 1}},
    ],
)
def test_any_other_answer__has_a_code(answer: object) -> None:
    with pytest.raises(ClientError) as caught:
        serve(lambda _: answer, lambda node: node.read_heights())
    assert caught.value.code in {"rpc_unreachable", "node_unreadable", "node_refused"}


@pytest.mark.parametrize(
    ("response", "code"),
    [
        ({"code": 5, "log": "height_not_kept: 3"}, "height_not_kept"),
        ({"code": 5, "log": "something else"}, "node_refused"),
        ({"code": 0, "log": "", "height": "3", "value": "AA==", "proofOps": None}, "node_unreadable"),
        ({"code": 0, "height": "3", "value": "!", "proofOps": {"ops": [{"data": ""}]}}, "node_unreadable"),
        ({}, "node_unreadable"),
    ],
)
def test_read_pair__no_pair__has_a_code(response: dict[str, Any], code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        serve(lambda _: {"result": {"response": response}}, lambda node: node.read_pair(b"key", 3))
    assert caught.value.code == code


def test_read_pair__an_absence__is_an_empty_value() -> None:
    response = {"code": 0, "log": "", "height": "3", "value": None, "proofOps": {"ops": [{"data": "AQI="}]}}
    found = serve(lambda _: {"result": {"response": response}}, lambda node: node.read_pair(b"key", 0))
    assert found == (3, b"", b"\x01\x02")
