"""What the interfaces over HTTP share: where they listen, what they refuse, and that any web page may ask them.

Wallets are web pages of others, so every origin is let in: nothing here knows who asks, and nothing is kept for them.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web
from grpc import StatusCode

MAX_BODY_BYTES: Final = 1 << 20
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

    def __init__(self, runner: web.AppRunner, address: str) -> None:
        self._runner = runner
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
            site = web.TCPSite(runner, host.strip("[]"), int(port), reuse_address=True)
            await site.start()
        except (OSError, OverflowError, ValueError) as error:
            await runner.cleanup()
            raise OSError(f"cannot listen on {address}") from error
        return cls(runner, f"{host}:{runner.addresses[0][1]}")

    async def close(self) -> None:
        """Take no more requests, and end those that run."""
        await self._runner.cleanup()


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
