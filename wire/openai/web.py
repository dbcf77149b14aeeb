"""The edge of an aiohttp application that speaks OpenAI's API: bounded bodies in, errors in OpenAI's form out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from wire.openai.errors import ApiError
from wire.openai.limits import BODY_BYTES, BODY_TIMEOUT_S

JSON: Final = "application/json"
HEADER_BYTES: Final = 16 << 10
KEEP_ALIVE_S: Final = 75.0
"""How long a connection may stand without a whole request, from its beginning on."""
QUIET: Final = logging.getLogger("gonka.strangers")
"""What is wrong with a stranger's bytes is told to the stranger, and fills no log."""
QUIET.setLevel(logging.CRITICAL + 1)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
log = structlog.get_logger("http")


def make_runner(app: web.Application, *, close_s: float) -> web.AppRunner:
    """What serves an application to strangers; who is under way when it closes has `close_s` seconds.

    A client that closes its side, or only half of it, cancels its request.  Bodies are taken as they come: one that
    unpacks to a thousand times its size would be unpacked even for who is refused.
    """
    return web.AppRunner(
        app,
        handler_cancellation=True,
        access_log=None,
        logger=QUIET,
        keepalive_timeout=KEEP_ALIVE_S,
        shutdown_timeout=close_s,
        max_line_size=HEADER_BYTES,
        max_field_size=HEADER_BYTES,
        auto_decompress=False,
    )


def check_plain(request: web.Request, content_type: str) -> None:
    """Raises ApiError content_type_invalid for a body of another type, or a packed one."""
    if request.content_type != content_type:
        raise ApiError("content_type_invalid", f"the body must be {content_type}, not {request.content_type}")
    packed = request.headers.get("Content-Encoding", "identity")
    if packed.lower() != "identity":
        raise ApiError("content_type_invalid", f"the body must come as it is, without Content-Encoding {packed[:20]}")


def build_error(error: ApiError) -> web.Response:
    """The answer that tells of an error."""
    return web.Response(status=error.status, text=error.encode(), content_type=JSON, headers=error.headers())


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal and failure in OpenAI's form.  A handler that began a stream ends it by itself."""
    try:
        return await handler(request)
    except ApiError as error:
        return build_error(error)
    except web.HTTPMethodNotAllowed as error:
        answer = build_error(ApiError("method_not_allowed", f"{request.path} takes {', '.join(error.allowed_methods)}"))
        answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except web.HTTPNotFound:
        return build_error(ApiError("unknown_url", f"nothing at {request.path[:200]}"))
    except web.HTTPException as error:
        return build_error(ApiError("request_invalid", error.reason))
    except Exception:  # the edge of the process: the next request may succeed
        log.exception("request_failed", method=request.method, path=request.path)
        return build_error(ApiError("internal"))


async def read_body(request: web.Request, content_type: str = JSON, limit: int = BODY_BYTES) -> bytes:
    """The body.  Raises ApiError: content_type_invalid, body_too_large, body_timed_out, request_invalid.

    A page in a browser cannot send JSON to another site unasked, so the content type is insisted on.
    """
    check_plain(request, content_type)
    if (request.content_length or 0) > limit:
        raise ApiError("body_too_large", f"more than {limit} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > limit:
                    raise ApiError("body_too_large", f"more than {limit} bytes")
    except TimeoutError as error:
        raise ApiError("body_timed_out", f"no whole body within {BODY_TIMEOUT_S:.0f} s") from error
    except (web.HTTPException, web.RequestPayloadError) as error:
        raise ApiError("request_invalid", f"the body cannot be read: {error}") from error
    return bytes(body)
