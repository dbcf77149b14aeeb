"""Who works, who waits, who is sent away."""

import asyncio

import pytest

from serving.gate import LONGEST_RETRY_S, Gate
from wire.openai.errors import ApiError


def test_admit__beyond_capacity_and_queue__is_sent_away_with_a_time() -> None:
    gate = Gate(2, queue=3)
    with gate.admit(5):
        assert gate.waiting == 5
        with pytest.raises(ApiError, match="queue_full") as caught, gate.admit(1):
            pass
    assert caught.value.retry_after_s == 3
    with gate.admit(5):
        pass


def test_admit__more_than_there_is_room_for__is_let_in_where_nobody_is() -> None:
    gate = Gate(1, queue=0)
    with gate.admit(8), pytest.raises(ApiError), gate.admit(1):
        pass


def test_admit__a_long_queue__is_asked_back_within_half_a_minute() -> None:
    gate = Gate(1, queue=1_000)
    with gate.admit(1_001), pytest.raises(ApiError) as caught, gate.admit(1):
        pass
    assert caught.value.retry_after_s == LONGEST_RETRY_S


def test_slot__answers__are_worked_on_as_many_as_fit() -> None:
    async def run() -> list[int]:
        gate, seen = Gate(2, queue=9), []

        async def work() -> None:
            async with gate.slot():
                seen.append(gate.running)
                await asyncio.sleep(0)

        with gate.admit(6):
            await asyncio.gather(*(work() for _ in range(6)))
        assert (gate.running, gate.waiting) == (0, 0)
        return seen

    assert max(asyncio.run(run())) == 2
