"""The machine's clock."""

import asyncio
import time

from chain.engine.clock import SystemClock


def test_time_ns__now__is_unix_time() -> None:
    before = time.time_ns()
    assert before <= SystemClock().time_ns() <= time.time_ns()


def test_sleep_ns__some_milliseconds__takes_at_least_as_long() -> None:
    start = time.monotonic_ns()
    asyncio.run(SystemClock().sleep_ns(20_000_000))
    assert time.monotonic_ns() - start >= 19_000_000


def test_sleep_ns__nothing__lets_others_run() -> None:
    async def scenario() -> list[str]:
        order: list[str] = []

        async def other() -> None:
            order.append("other")

        task = asyncio.create_task(other())
        await SystemClock().sleep_ns(0)
        order.append("sleeper")
        await task
        return order

    assert asyncio.run(scenario()) == ["other", "sleeper"]
