"""Who may work now, who waits, and who is sent away: one gate for each model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from wire.openai.errors import ApiError

LONGEST_RETRY_S = 30


class Gate:
    """`capacity` answers are worked on at a time, in the order they came; `queue` more may wait."""

    def __init__(self, capacity: int, queue: int) -> None:
        self.capacity = capacity
        self._queue = queue
        self._slots = asyncio.Semaphore(max(1, capacity))
        self._admitted = 0
        self.running = 0

    @property
    def waiting(self) -> int:
        """Answers admitted and not begun."""
        return self._admitted - self.running

    @contextmanager
    def admit(self, answers: int) -> Iterator[None]:
        """Room for a request of so many answers.  Raises ApiError queue_full, with a time to wait.

        A request that finds nobody here is always admitted.
        """
        if self._admitted and self._admitted + answers > self.capacity + self._queue:
            wait_s = min(LONGEST_RETRY_S, 1 + self.waiting // max(1, self.capacity))
            raise ApiError("queue_full", f"{self.waiting} answers wait already", retry_after_s=wait_s)
        self._admitted += answers
        try:
            yield
        finally:
            self._admitted -= answers

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """One of the places at work."""
        async with self._slots:
            self.running += 1
            try:
                yield
            finally:
                self.running -= 1
