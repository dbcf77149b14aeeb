"""The HTTP application: routes, what is done around every request, and going down in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from serving.api import Api, add_routes
from serving.catalogue import Catalogue
from serving.metrics import Metrics
from wire.openai.errors import ApiError
from wire.openai.limits import BODY_BYTES
from wire.openai.notes import STATUS_PATH, VOUCHERS_PATH
from wire.openai.openapi import PATH, build_openapi
from wire.openai.web import Handler, answer_errors, build_error, make_runner

VERSION: Final = "1"
CLOSE_S: Final = 1.0
log = structlog.get_logger("serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


class Traffic:
    """Requests under way.  Once closed, new ones are refused and `drained` is set when the last has ended."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._open = 0
        self.is_closed = False
        self.drained = asyncio.Event()

    def close(self) -> None:
        """Let nobody in any more."""
        self.is_closed = True
        self._check()

    def _check(self) -> None:
        if self.is_closed and not self._open:
            self.drained.set()

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count, time and log each request.  aiohttp's middleware."""
        resource = request.match_info.route.resource
        path = resource.canonical if resource else "other"
        began_s = time.monotonic()
        if self.is_closed and path != VOUCHERS_PATH:  # running answers go on, and want to be paid
            answer = build_error(ApiError("server_stopping", retry_after_s=1))
            answer.force_close()
            return answer
        self._open += 1
        status = 499  # nginx's number for a client that left; no answer goes out
        try:
            answered = await handler(request)
            status = answered.status
            return answered
        finally:
            self._open -= 1
            self._check()
            seconds = time.monotonic() - began_s
            self._metrics.count_request(path, status, seconds)
            log.info("request_ended", method=request.method, path=path, status=status, seconds=round(seconds, 3))


def build_application(
    api: Api, traffic: Traffic, *, catalogue: Catalogue, describe: Callable[[], Mapping[str, object]]
) -> web.Application:
    """The application; `describe` adds to what the status path tells."""
    app = web.Application(middlewares=[traffic.watch, answer_errors], client_max_size=BODY_BYTES)

    async def get_openapi(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - a handler's shape
        return web.json_response(description)

    async def get_health(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - the same
        await catalogue.all()
        return web.json_response({"status": "ok"})

    async def get_status(request: web.Request) -> web.StreamResponse:  # noqa: ARG001 - the same
        models = await catalogue.all()
        told: dict[str, object] = {
            "models": [{"name": m.loaded.name, "content_hash": m.loaded.content_hash.hex()} for m in models],
            "queue": sum(m.gate.waiting for m in models),
            "running": sum(m.gate.running for m in models),
            "capacity": sum(m.gate.capacity for m in models),
        }
        return web.json_response({**told, **describe()})

    description = build_openapi("Inference of a gonka host", VERSION)
    add_routes(app, api)
    app.add_routes([web.get(PATH, get_openapi), web.get("/health", get_health), web.get(STATUS_PATH, get_status)])
    return app


async def listen(app: web.Application, at: Listen) -> tuple[web.AppRunner, str]:
    """Begin to serve; the runner to clean up, and the URL.  Raises OSError."""
    runner = make_runner(app, close_s=CLOSE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, at.host, at.port).start()
    except BaseException:
        await runner.cleanup()
        raise
    host, port = runner.addresses[0][:2]
    return runner, f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def drain(traffic: Traffic, runner: web.AppRunner, *, patience_s: float) -> None:
    """Refuse new requests, wait for those under way, then cut what is left."""
    traffic.close()
    try:
        async with asyncio.timeout(patience_s):
            await traffic.drained.wait()
    except TimeoutError:
        log.warning("drain_timed_out", seconds=patience_s)
    await runner.cleanup()
