"""Waking those who wait."""

import asyncio
import time

from sidecar.bell import Bell, wait_for


def test_ring__between_listening_and_waiting__is_not_missed() -> None:
    async def program() -> None:
        bell = Bell()
        news = bell.listen()
        bell.ring()
        async with asyncio.timeout(1):
            await news.wait()
        assert not bell.listen().is_set()

    asyncio.run(program())


def test_wait_for__no_ring__returns_when_the_time_is_over() -> None:
    started = time.monotonic()
    asyncio.run(wait_for(asyncio.Event(), 0.05))
    assert 0.04 < time.monotonic() - started < 5
