import asyncio

import pytest

from chain.api.local_chain import TRIED_PART
from chain.store.store import KEPT_HEIGHTS
from rules.errors import RuleError
from rules.presets import MINIMAL
from tests.chain.api.node import open_api


def test_snapshot__zero_is_the_latest_and_older_heights_are_kept_for_a_while() -> None:
    with open_api() as api:
        for _ in range(KEPT_HEIGHTS):
            api.block()
        latest = api.node.engine.height
        assert api.chain.snapshot(0).height == api.chain.snapshot(latest).height == latest
        old = api.chain.snapshot(latest - KEPT_HEIGHTS + 1)
        assert old.height == latest - KEPT_HEIGHTS + 1
        assert old.time_ns < api.chain.snapshot(0).time_ns
        for gone in (latest - KEPT_HEIGHTS, latest + 1):
            with pytest.raises(RuleError) as caught:
                api.chain.snapshot(gone)
            assert caught.value.code == "height_not_kept"


def test_wait_above__comes_at_once_for_an_older_height_and_with_the_next_block_otherwise() -> None:
    async def wait() -> None:
        with open_api() as api:
            async with asyncio.timeout(5):
                notice = await api.chain.wait_above(0)
            assert notice.height == 1
            waiting = asyncio.create_task(api.chain.wait_above(1))
            await asyncio.sleep(0)
            assert not waiting.done()
            logged = api.block()
            async with asyncio.timeout(5):
                notice = await waiting
            assert (notice.height, notice.hash) == (2, logged.block.hash)
            assert notice.time_unix_ms == logged.block.time_ns // 10**6

    asyncio.run(wait())


def test_simulate__more_than_a_block_holds_between_two_blocks__is_refused_until_the_next() -> None:
    with open_api() as api:
        garbage = bytes(MINIMAL.auth.max_tx_bytes)
        cost = len(garbage) * MINIMAL.auth.gas_per_byte
        for _ in range(-(-MINIMAL.auth.max_block_gas // TRIED_PART // cost)):
            assert api.chain.simulate(garbage).code != 0
        with pytest.raises(RuleError, match="node_busy"):
            api.chain.simulate(garbage)
        api.block()
        assert api.chain.simulate(garbage).code != 0
