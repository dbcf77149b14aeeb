"""What an operator should look at among a block's events, as lines of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import structlog

from chain.engine.application import Event
from chain.engine.blocklog import LoggedBlock

ALARMS: Final = frozenset({"round_delayed", "dealing_failed", "deal_refuted", "validator_down", "double_signed"})
"""The kinds of event that say that a validator, or too many of them, did not do its part."""

log = structlog.get_logger("chain")


def list_alarms(logged: LoggedBlock) -> Iterator[Event]:
    """The alarms of a block, its transactions' too."""
    for events in (logged.result.events, *(result.events for result in logged.result.tx_results)):
        yield from (event for event in events if event.type in ALARMS)


async def tell_alarms(blocks: asyncio.Queue[LoggedBlock]) -> None:
    """Log the alarms of blocks as they come, for ever."""
    while True:
        logged = await blocks.get()
        for event in list_alarms(logged):
            log.warning(event.type, at_height=logged.block.height, **dict(event.attributes))
