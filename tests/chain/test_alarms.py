"""What an operator's log says of blocks."""

import asyncio
import contextlib

import structlog

from chain.alarms import tell_alarms
from chain.engine.application import Block, BlockResult, Event, TxResult
from chain.engine.blocklog import LoggedBlock

LATE = Event(type="round_delayed", attributes=(("epoch", "7"), ("round", "sprint"), ("blocks", "2")))
REFUTED = Event(type="deal_refuted", attributes=(("epoch", "8"), ("dealer", "gonka1x"), ("accused_by", "gonka1y")))
TRANSFER = Event(type="transfer", attributes=(("amount", "1ngonka"),))


def make_block(*events: Event, of_tx: tuple[Event, ...] = ()) -> LoggedBlock:
    result = TxResult(code=0, codespace="", log="", data=b"", gas_wanted=0, gas_used=0, events=of_tx)
    return LoggedBlock(
        block=Block(height=9, time_ns=1, hash=b"h" * 32, last_hash=b"", proposer=b"", txs=(b"x",)),
        result=BlockResult(tx_results=(result,), events=events, app_hash=b"a" * 32, validator_updates=()),
    )


def test_tell_alarms__a_round_that_is_late_and_a_deal_refuted__are_logged_and_nothing_else() -> None:
    async def follow() -> None:
        blocks: asyncio.Queue[LoggedBlock] = asyncio.Queue()
        blocks.put_nowait(make_block(TRANSFER))
        blocks.put_nowait(make_block(LATE, TRANSFER, of_tx=(TRANSFER, REFUTED)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await tell_alarms(blocks)

    with structlog.testing.capture_logs() as logs:
        asyncio.run(follow())
    assert [line["event"] for line in logs] == ["round_delayed", "deal_refuted"]
    assert logs[0] == {
        "event": "round_delayed",
        "log_level": "warning",
        "at_height": 9,
        "epoch": "7",
        "round": "sprint",
        "blocks": "2",
    }
