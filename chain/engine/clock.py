"""The time of day, for the one process that may know it: who makes blocks."""

import asyncio
import time
from datetime import timedelta
from typing import Protocol


class Clock(Protocol):
    """Unix time, and waiting."""

    def time_ns(self) -> int:
        """Unix time in nanoseconds; it may jump either way."""
        ...

    async def sleep_ns(self, duration_ns: int) -> None:
        """Wait at least `duration_ns`; others run meanwhile, also when it is 0."""
        ...


class SystemClock:
    """The machine's."""

    def time_ns(self) -> int:
        return time.time_ns()

    async def sleep_ns(self, duration_ns: int) -> None:
        await asyncio.sleep(timedelta(microseconds=duration_ns // 1000).total_seconds())
