"""What the interfaces over HTTP share: where they listen, what they refuse, and that any web page may ask them.

Wallets are web pages of others, so every origin is let in: nothing here knows who asks, and nothing is kept for them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from grpc import StatusCode

MAX_BODY_BYTES: Final = 1 << 20
MAX_CONNECTIONS: Final = 512
"""Of one interface, within what is accepted in one go; further ones are closed at once, so that no crowd takes the
process's files."""
_ALLOWED: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, x-cosmos-block-height",
    "Access-Control-Expose-Headers": "x-cosmos-block-height",
    "Access-Control-Max-Age": "86400",
}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger(__name__)


class HttpServer:
    """An HTTP server that is listening.  Open it with `open`."""

    def __init__(self, runner: web.AppRunner, listener: asyncio.Server, address: str) -> None:
        self._runner = runner
        self._listener = listener
        self.address = address

    @classmethod
    async def open(cls, answer: Answer, *, address: str) -> "HttpServer":
        """Listen on `address` (host:port, port 0 for a free one) and answer every request by `answer`.

        OSError: the address cannot be had.
        """
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", _admitting(answer))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        host, _, port = address.rpartition(":")
        try:
            loop = asyncio.get_running_loop()
            listener = await loop.create_server(_bounding(runner), host.strip("[]"), int(port), reuse_address=True)
        except (OSError, OverflowError, ValueError) as error:
            await runner.cleanup()
            raise OSError(f"cannot listen on {address}") from error
        return cls(runner, listener, f"{host}:{listener.sockets[0].getsockname()[1]}")

    async def close(self) -> None:
        """Take no more requests, and end those that run."""
        self._listener.close()
        await self._runner.cleanup()


class _Closed(asyncio.Protocol):
    """A connection for which there is no room."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _bounding(runner: web.AppRunner) -> Callable[[], asyncio.BaseProtocol]:
    """What serves a new connection."""
    server = runner.server
    if server is None:
        raise AssertionError("the runner is set up")
    return lambda: server() if len(server.connections) < MAX_CONNECTIONS else _Closed()


def _admitting(answer: Answer) -> Answer:
    async def admit(request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=204, headers=_ALLOWED)
        try:
            response = await answer(request)
        except web.HTTPException as error:  # aiohttp's own, such as a body over the limit
            response = _refuse(StatusCode.INVALID_ARGUMENT, error.reason, error.status)
        except Exception:  # the edge of the process: one bad request must not take the node down
            log.exception("request_failed", path=request.path[:200])
            response = _refuse(StatusCode.INTERNAL, "internal", 500)
        if not response.prepared:
            response.headers.update(_ALLOWED)
        return response

    return admit


def _refuse(status: StatusCode, message: str, http_status: int) -> web.Response:
    return web.json_response({"code": status.value[0], "message": message, "details": []}, status=http_status)
