"""Waking those who wait for something to change, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib


class Bell:
    """Listen before you look, look, then wait: no change in between is missed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def listen(self) -> asyncio.Event:
        """An event that is set by the next ring."""
        return self._next

    def ring(self) -> None:
        """Wake everyone who listened before."""
        self._next.set()
        self._next = asyncio.Event()


async def wait_for(event: asyncio.Event, timeout_s: float) -> None:
    """Return when the event is set or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
