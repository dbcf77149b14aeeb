"""What a process does again and again for as long as it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from chain_client.errors import ClientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """A loop that goes on whatever fails.

    The event `failed` tells the code of a failure, at once and whenever it is another; `again` that it works again.
    """

    log: Any
    failed: str
    again: str
    after_failure_s: float
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def go_on(self, do: Callable[[], Awaitable[float]]) -> None:
        """Do it for ever; `do` returns the seconds until the next time, and raises ClientError."""
        failing = ""
        while True:
            wait_s = self.after_failure_s
            try:
                wait_s = await do()
                if failing:
                    self.log.info(self.again, after=failing)
                failing = ""
            except ClientError as error:
                if error.code != failing:
                    self.log.warning(self.failed, code=error.code, detail=error.detail)
                failing = error.code
            await self.pause(wait_s)
