"""A loop that goes on whatever fails, and says so once."""

import asyncio
from collections.abc import Iterator

import pytest
import structlog

from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.upkeep import Upkeep

AWAY = TransientError("chain_unreachable", "away")
LATE = TransientError("chain_timed_out", "late")
WRONG = PermanentError("chain_id_mismatch", "another chain")


class DoneError(Exception):
    pass


def run(told: Iterator[ClientError | float]) -> tuple[list[str], list[float]]:
    """The events logged and the pauses made, as `do` comes to each of these and then ends the loop."""
    pauses: list[float] = []

    async def do() -> float:
        one = next(told, None)
        if one is None:
            raise DoneError
        if isinstance(one, ClientError):
            raise one
        return one

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    upkeep = Upkeep(
        log=structlog.get_logger(), failed="work_failed", again="works_again", after_failure_s=7, pause=pause
    )
    with structlog.testing.capture_logs() as logs, pytest.raises(DoneError):
        asyncio.run(upkeep.go_on(do))
    return [f"{line['event']} {line.get('code', line.get('after'))}" for line in logs], pauses


def test_go_on__it_fails_for_long__says_so_once_and_when_it_is_another_failure() -> None:
    said, pauses = run(iter([1.0, AWAY, AWAY, AWAY, LATE, WRONG, 2.0, 3.0, AWAY]))
    assert said == [
        "work_failed chain_unreachable",
        "work_failed chain_timed_out",
        "work_failed chain_id_mismatch",
        "works_again chain_id_mismatch",
        "work_failed chain_unreachable",
    ]
    assert pauses == [1, 7, 7, 7, 7, 7, 2, 3, 7]


def test_go_on__a_mistake_of_ours__ends_it() -> None:
    with pytest.raises(DoneError):
        asyncio.run(Upkeep(log=None, failed="", again="", after_failure_s=0).go_on(fail))


async def fail() -> float:
    raise DoneError
