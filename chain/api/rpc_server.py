"""CometBFT's RPC over HTTP: JSON-RPC 2.0 by POST, its methods as URIs by GET, and subscriptions over WebSocket.

Source: CometBFT 0.38, RPC; JSON-RPC 2.0.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web

from chain.api.http import Answer
from chain.api.rpc_json import Json
from chain.api.rpc_methods import RpcMethods
from chain.api.rpc_params import Params
from rules.errors import RuleError

MAX_CALLS: Final = 32
"""Calls in one batch."""
MAX_ANSWER_BYTES: Final = 32 << 20
"""Of the answers to one batch."""
_PARSE_ERROR: Final = {"code": -32700, "message": "Parse error. Invalid JSON"}
_INVALID_REQUEST: Final = {"code": -32600, "message": "Invalid Request"}
_UNKNOWN_METHOD: Final = {"code": -32601, "message": "Method not found"}
_INVALID_PARAMS: Final = {"code": -32602, "message": "Invalid params"}
_INTERNAL: Final = {"code": -32603, "message": "Internal error"}
_URI_ID: Final = -1

log = structlog.get_logger(__name__)


class CallError(Exception):
    """A call that has no result: `error` is what JSON-RPC says of it."""

    def __init__(self, error: Json, data: str = "") -> None:
        self.error = error | ({"data": data} if data else {})
        super().__init__(str(self.error))


def read_json(text: str | bytes) -> Any:
    """The value in a text.  CallError for what is no JSON, or nested too deep."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CallError(_PARSE_ERROR, str(error)[:200]) from error


def read_call(value: Any) -> tuple[Any, str, Any]:
    """Id, method and params of a call; the id is None where no answer is wanted.  CallError."""
    if not isinstance(value, dict) or not isinstance(value.get("method"), str):
        raise CallError(_INVALID_REQUEST, "a call is an object with a method")
    call_id = value.get("id")
    if not isinstance(call_id, str | int | None) or isinstance(call_id, bool):
        raise CallError(_INVALID_REQUEST, "an id is a text or a whole number")
    return call_id, value["method"], value.get("params")


def write_result(call_id: Any, result: Json) -> Json:
    """The answer with a result."""
    return {"jsonrpc": "2.0", "id": call_id, "result": result}


def write_error(call_id: Any, error: Json) -> Json:
    """The answer with an error."""
    return {"jsonrpc": "2.0", "id": call_id, "error": error}


async def call_method(methods: RpcMethods, name: str, params: Any) -> Json:
    """The result of a method; `params` as in JSON-RPC, or Params from a URI.  CallError."""
    found = methods.table.get(name)
    if found is None:
        raise CallError(_UNKNOWN_METHOD)
    method, names = found
    try:
        answer = method(params if isinstance(params, Params) else Params.of_json(params, names))
        return await answer if isinstance(answer, Awaitable) else answer
    except RuleError as error:
        raise CallError(_INVALID_PARAMS if error.code == "request_invalid" else _INTERNAL, str(error)) from error
    except TimeoutError as error:
        raise CallError(_INTERNAL, "timed out waiting for tx to be included in a block") from error
    except Exception as error:  # the edge of the process: one bad call must not take the node down
        log.exception("call_failed", method=name)
        raise CallError(_INTERNAL) from error


class RpcServer:
    """Answers HTTP requests by `methods`; what asks for a WebSocket is handed to `converse`."""

    def __init__(self, methods: RpcMethods, converse: Answer) -> None:
        self._methods = methods
        self._converse = converse

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The response, always JSON but on the WebSocket."""
        if request.path == "/websocket":
            return await self._converse(request)
        if request.method == "POST":
            return await self._answer_post(request)
        if request.method == "GET":
            return await self._answer_get(request)
        return web.json_response(write_error(None, _INVALID_REQUEST), status=405)

    async def _answer_post(self, request: web.Request) -> web.Response:
        try:
            value = read_json(await request.read())
        except CallError as error:
            return web.json_response(write_error(None, error.error), status=500)
        if not isinstance(value, list):
            answer = await self._answer_call(value)
            return web.Response() if answer is None else _respond(answer)
        return await self._answer_batch(value)

    async def _answer_batch(self, calls: list[Any]) -> web.Response:
        if len(calls) > MAX_CALLS:
            error = _INVALID_REQUEST | {"data": f"a batch has at most {MAX_CALLS} calls"}
            return web.json_response(write_error(None, error))
        texts: list[str] = []
        for one in calls:
            answer = await self._answer_call(one)
            if answer is not None:
                texts.append(_write(answer))
            if sum(map(len, texts)) > MAX_ANSWER_BYTES:
                error = _INTERNAL | {"data": f"the answers together have more than {MAX_ANSWER_BYTES} bytes"}
                return web.json_response(write_error(None, error))
        return web.Response(text=f"[{','.join(texts)}]" if texts else None, content_type="application/json")

    async def _answer_call(self, value: Any) -> Json | None:
        """The answer to one call, None where none is wanted."""
        call_id = None
        try:
            call_id, method, params = read_call(value)
            result = await call_method(self._methods, method, params)
        except CallError as error:
            is_notice = isinstance(value, dict) and isinstance(value.get("method"), str) and "id" not in value
            return None if is_notice else write_error(call_id, error.error)
        return None if call_id is None else write_result(call_id, result)

    async def _answer_get(self, request: web.Request) -> web.Response:
        name = request.path.strip("/")
        if not name:
            return web.json_response({"methods": sorted(self._methods.table)})
        if name not in self._methods.table:
            return web.json_response(write_error(_URI_ID, _UNKNOWN_METHOD), status=404)
        params: Mapping[str, str] = {**request.query}
        try:
            result = await call_method(self._methods, name, Params(params, quoted=True))
        except CallError as error:
            return web.json_response(write_error(_URI_ID, error.error), status=500)
        return _respond(write_result(_URI_ID, result))


def _respond(value: Json) -> web.Response:
    return web.Response(text=_write(value), content_type="application/json")


def _write(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
