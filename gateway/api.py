"""The gateway's HTTP API: OpenAI's, for any OpenAI client."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog
from aiohttp import web

from chain_client.errors import ClientError
from gateway.assembly import CHAT_PATH, COMPLETION_PATH, EMBEDDING_PATH
from gateway.counting import Request as ApiRequest
from gateway.desk import Desk
from gateway.errands import Errand
from gateway.keys import ApiKey
from gateway.money import UsdPrice, format_musd
from gateway.relay import CallerGone, Relay
from wire.openai.documents import parse_request
from wire.openai.errors import ApiError
from wire.openai.limits import BODY_BYTES
from wire.openai.openapi import PATH as OPENAPI_PATH
from wire.openai.openapi import build_openapi
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest
from wire.openai.responses import Model, Models
from wire.openai.sse import CONTENT_TYPE, DONE_TEXT, encode_data
from wire.openai.web import JSON, Handler, check_plain

log = structlog.get_logger("gateway")

BODY_TIMEOUT_S: Final = 30.0
WRITE_TIMEOUT_S: Final = 60.0
"""An application that takes nothing for so long is gone."""
HEALTH_PATH: Final = "/healthz"


class Pricing(Model):
    """A model with its price: exact decimals of USD for 10^6 tokens, read and written, and its context in tokens."""

    max_context: int
    pricing: dict[str, str]


class PricedModels(Models):
    """The answer of GET /v1/models."""

    data: list[Pricing]  # type: ignore[assignment]  # a Pricing is a Model, and nobody adds to the list


class GatewayApi:
    """Handlers over a desk; `most_requests` is how many run at a time."""

    def __init__(self, desk: Desk, relay: Relay, *, version: str, most_requests: int) -> None:
        self._desk = desk
        self._relay = relay
        self._description = build_openapi("gonka gateway", version)
        self._most_requests = most_requests
        self.running = 0
        self.answered: dict[str, int] = {}

    def build(self) -> web.Application:
        """The application, to be served with handlers that are cancelled when their caller goes."""
        application = web.Application(middlewares=[self._tell_errors], client_max_size=BODY_BYTES)
        application.router.add_get(HEALTH_PATH, self._tell_health)
        application.router.add_get(OPENAPI_PATH, self._describe)
        application.router.add_get("/v1/models", self._list_models)
        application.router.add_get("/v1/models/{model}", self._show_model)
        application.router.add_post(CHAT_PATH, self._answer(ChatRequest))
        application.router.add_post(COMPLETION_PATH, self._answer(CompletionRequest))
        application.router.add_post(EMBEDDING_PATH, self._answer(EmbeddingRequest))
        return application

    @web.middleware
    async def _tell_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ApiError as error:
            response = make_refusal(error)
        except web.HTTPNotFound:
            response = make_refusal(ApiError("unknown_url"))
        except web.HTTPMethodNotAllowed as error:
            response = make_refusal(ApiError("method_not_allowed"), {"Allow": error.headers["Allow"]})
        except CallerGone:
            response = web.Response(status=499)
        except ClientError as error:
            log.warning("ledger_failed", code=error.code, detail=error.detail)
            response = make_refusal(ApiError("ledger_unavailable"))
        except Exception:
            log.exception("gateway_wrong", path=request.path)
            response = make_refusal(ApiError("internal"))
        outcome = str(response.status)
        self.answered[outcome] = self.answered.get(outcome, 0) + 1
        return response

    async def _tell_health(self, _request: web.Request) -> web.Response:
        market = self._desk.market
        ready = market is not None
        told = {"status": "ok" if ready else "starting", "height": market.height if market else 0}
        return web.json_response(told | {"running": self.running}, status=200 if ready else 503)

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response(self._description)

    async def _list_models(self, request: web.Request) -> web.Response:
        key = self._desk.authenticate(request.headers.get("Authorization", ""))
        found = [self._describe_model(name, price) for name, price in self._desk.list_models(key).items()]
        return web.Response(text=PricedModels(data=found).encode(), content_type=JSON)

    async def _show_model(self, request: web.Request) -> web.Response:
        key = self._desk.authenticate(request.headers.get("Authorization", ""))
        name = request.match_info["model"]
        price = self._desk.list_models(key).get(name)
        if price is None:
            raise ApiError("model_not_found", f"{name[:80]!r} is not sold here")
        return web.Response(text=self._describe_model(name, price).encode(), content_type=JSON)

    def _describe_model(self, name: str, price: UsdPrice) -> Pricing:
        market = self._desk.market
        return Pricing(
            id=name,
            max_context=market.models[name].max_context if market else 0,
            pricing={
                "usd_per_million_input_tokens": format_musd(price.in_musd),
                "usd_per_million_output_tokens": format_musd(price.out_musd),
            },
        )

    # ---- requests --------------------------------------------------------------------------------------------------

    def _answer(self, kind: type[ChatRequest] | type[CompletionRequest] | type[EmbeddingRequest]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            key = self._desk.authenticate(request.headers.get("Authorization", ""))
            check_plain(request, JSON)
            asked = parse_request(await read_body(request), kind)
            if self.running >= self._most_requests:
                raise ApiError("gateway_full", retry_after_s=1)
            self.running += 1
            try:
                return await self._run(request, key, asked)
            finally:
                self.running -= 1

        return answer

    async def _run(self, request: web.Request, key: ApiKey, asked: ApiRequest) -> web.StreamResponse:
        request_id = f"req_{self._desk.chance.entropy(12).hex()}"
        errand = await self._desk.prepare(key, asked, request_id)
        headers = {"X-Request-Id": request_id}
        if isinstance(asked, EmbeddingRequest):
            embeddings = await self._relay.fetch(errand)
            return web.Response(text=embeddings.encode(), content_type=JSON, headers=headers)
        if asked.stream:
            return await self._stream(request, errand, headers)
        return await self._collect(errand, headers)

    async def _stream(self, request: web.Request, errand: Errand, headers: dict[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers | {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-cache"})

        async def send(piece: bytes) -> None:
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_S):
                    if not response.prepared:
                        await response.prepare(request)
                    await response.write(piece)
            except (OSError, TimeoutError) as error:
                if request.transport is not None:
                    request.transport.abort()  # nothing that waits to be written would ever be taken
                raise CallerGone from error

        try:
            await self._relay.stream(errand, lambda text: send(encode_data(text)))
        except ApiError as error:
            if not response.prepared:
                raise
            with contextlib.suppress(CallerGone):
                await send(encode_data(error.encode()))
        with contextlib.suppress(OSError):
            await response.write_eof()
        return response

    async def _collect(self, errand: Errand, headers: dict[str, str]) -> web.Response:
        answers: list[str] = []

        async def keep(text: str) -> None:
            if text != DONE_TEXT:
                answers.append(text)

        await self._relay.stream(errand, keep)
        return web.Response(text=answers[0], content_type=JSON, headers=headers)


async def read_body(request: web.Request) -> bytes:
    """The body within the limits of size and time.  Raises ApiError `body_too_large`, `body_timed_out`."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise ApiError("body_too_large", f"more than {BODY_BYTES} bytes") from error
    except TimeoutError as error:
        raise ApiError("body_timed_out") from error


def make_refusal(error: ApiError, headers: dict[str, str] | None = None) -> web.Response:
    """An error in OpenAI's form.  What money alone can mend is marked as not worth trying again."""
    told = dict(headers or {}) | error.headers()
    if error.fault.type == "insufficient_quota":
        told["X-Should-Retry"] = "false"
    return web.Response(status=error.status, text=error.encode(), content_type=JSON, headers=told)
