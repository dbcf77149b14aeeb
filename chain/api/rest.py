"""The registry over REST, as wallets and explorers of Cosmos chains ask for it."""

import json
from typing import Final, Protocol

from aiohttp import web
from grpc import StatusCode

from chain.api.http_rules import build_request, find_rule, read_rules
from chain.api.registry import Registry
from chain.api.server import HEIGHT_HEADER, parse_height
from chain.modules.query import Snapshot
from rules.errors import RuleError
from wire.errors import status_of
from wire.rest_json import write_message

_HTTP_STATUS: Final = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
}
_UNIMPLEMENTED: Final = {"code": StatusCode.UNIMPLEMENTED.value[0], "message": "Not Implemented", "details": []}


class Chain(Protocol):
    """What is read."""

    def snapshot(self, height: int) -> Snapshot:
        """The state committed at `height`, 0 for the latest.  RuleError height_not_kept."""
        ...


class Rest:
    """Answers HTTP requests by the methods of `registry`, read from `chain`."""

    def __init__(self, registry: Registry, chain: Chain) -> None:
        self._chain = chain
        self._rules = read_rules(registry.methods)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The response in JSON, or {code, message, details}."""
        found = find_rule(self._rules, request.method, request.rel_url.raw_path)
        if found is None:
            return web.json_response(_UNIMPLEMENTED, status=501)
        rule, parts = found
        body = await request.read()
        try:
            message = build_request(rule, parts, [*request.query.items()], body if rule.verb == "POST" else b"")
            snapshot = self._chain.snapshot(parse_height(request.headers.get(HEIGHT_HEADER, "0")))
            answer = await rule.method.ask(message, snapshot)
        except RuleError as error:
            return _refuse(error)
        text = json.dumps(write_message(answer), separators=(",", ":"))
        headers = {HEIGHT_HEADER: str(snapshot.height)}
        return web.Response(text=text, content_type="application/json", headers=headers)


def _refuse(error: RuleError) -> web.Response:
    status = status_of(error.code)
    value = {"code": status.value[0], "message": str(error), "details": []}
    return web.json_response(value, status=_HTTP_STATUS[status])
