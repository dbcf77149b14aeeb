"""Requests without tickets, for who owns the machine: on loopback only, and nothing is owed for them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from serving.answers import Growing
from serving.sampling import seed_of_number
from serving.work import Unlimited
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError

_OURS: Final = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?", re.IGNORECASE)


class OpenPermit(Unlimited):
    """A request of the owner's."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy

    @property
    def headers(self) -> dict[str, str]:
        """None."""
        return {}

    def check_model(self, model: pb.LoadedModel) -> None:
        """Any model."""

    def open(self, seed: int | None) -> bytes:
        """The same tokens for the same `seed`, others each time without one."""
        return self._entropy(32) if seed is None else seed_of_number(seed)

    def note_tokens(self, place: int, tokens: Sequence[int]) -> None:
        """Nobody counts them."""

    def progress(self) -> bytes:
        """Nobody waits for it."""
        return b""

    async def wait_for_news(self) -> None:
        """There is none."""
        await asyncio.Event().wait()

    async def cover(self, tokens: int) -> None:
        """Nothing is owed."""

    def close(self, choices: Sequence[Growing]) -> bytes:  # noqa: ARG002 - nothing is kept
        """Nothing is kept."""
        return b""

    def release(self) -> None:
        """Nothing is owed."""


class OpenDoor:
    """Lets everybody in who can reach it."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy

    async def admit(self, request: web.Request, body: bytes) -> OpenPermit:  # noqa: ARG002 - all alike
        """A permit for anything.  Raises ApiError host_foreign.

        A page in a browser may have its own name looked up as 127.0.0.1, but cannot change the Host header.
        """
        if not _OURS.fullmatch(request.host):
            raise ApiError("host_foreign", f"Host is {request.host[:80]!r}")
        return OpenPermit(self._entropy)
