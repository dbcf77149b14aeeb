"""Events to one client, who may be slow, or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from wire.openai.errors import ApiError
from wire.openai.sse import CONTENT_TYPE, encode_data

WRITE_S: Final = 20.0
"""After so long without room for more, a client is taken for gone.  What waits for it is bounded by aiohttp: 64 KiB."""


class ClientGoneError(Exception):
    """Nobody reads the answer any more."""


class EventStream:
    """An answer in events.  Its status is sent with the first, so that what fails before has a status of its own."""

    def __init__(self, request: web.Request, headers: Mapping[str, str]) -> None:
        self._request = request
        self._turn = asyncio.Lock()
        self.response = web.StreamResponse(
            headers={**headers, "Content-Type": CONTENT_TYPE, "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        )

    @property
    def began(self) -> bool:
        """Whether a status is out."""
        return self.response.prepared

    async def send(self, data: bytes) -> None:
        """Write, and wait until there is room for more.  Raises ClientGoneError."""
        if not data:
            return
        try:
            async with self._turn, asyncio.timeout(WRITE_S):
                if not self.began:
                    await self.response.prepare(self._request)
                await self.response.write(data)
        except (TimeoutError, ConnectionError) as error:
            self.abort()
            raise ClientGoneError from error

    async def end(self, data: bytes) -> web.StreamResponse:
        """Write the last of it.  Raises ClientGoneError."""
        await self.send(data)
        try:
            async with asyncio.timeout(WRITE_S):
                await self.response.write_eof()
        except (TimeoutError, ConnectionError) as error:
            self.abort()
            raise ClientGoneError from error
        return self.response

    async def fail(self, error: ApiError) -> web.StreamResponse:
        """End with an error instead, and close: no [DONE] follows.  Raises ClientGoneError."""
        self.response.force_close()
        return await self.end(encode_data(error.encode()))

    def abort(self) -> None:
        """Close at once, whatever waits to be written."""
        if self._request.transport is not None:
            self._request.transport.abort()
