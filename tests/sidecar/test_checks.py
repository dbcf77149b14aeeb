"""Verifications cut into pieces and put together."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sidecar.bell import Bell
from sidecar.checks import MAX_ATTEMPTS, MAX_CHECKS, Check, Checks, Piece
from sidecar.errors import SidecarError
from sidecar.jobs import Evaluation, Outcome, Work

WORK = Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=7)


def build_check(count: int = 10, deadline_ms: int = 5000, stop_after: int = 0) -> Check:
    return Check(
        work=WORK,
        host=b"h" * 20,
        nonces=tuple(range(100, 100 + count)),
        tags=(b"t" * 8,) * count,
        stop_after=stop_after,
        deadline_ms=deadline_ms,
    )


def evaluate(piece: Piece, *, wrong: int = -1) -> list[Evaluation]:
    return [Evaluation(tag=b"t" * 8, tail=n.to_bytes(24), accepted=n != wrong) for n in piece.nonces]


def run(program: Callable[[Checks], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await program(Checks(Bell(), lambda: 0))

    asyncio.run(limited())


async def begin_all(checks: Checks, count: int) -> list[Piece]:
    await asyncio.sleep(0)
    pieces = []
    while bids := checks.get_bids():
        pieces.append(checks.begin(bids[0].key, count))
    return pieces


async def refused(answer: Awaitable[Outcome]) -> str:
    with pytest.raises(SidecarError) as error:
        await answer
    return error.value.code


def test_ask__pieces_answered_in_any_order__one_outcome_in_the_order_of_nonces() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check()))
        pieces = await begin_all(checks, 4)
        assert [list(p.nonces) for p in pieces] == [[*range(100, 104)], [*range(104, 108)], [108, 109]]
        for piece in reversed(pieces):
            checks.finish(piece, evaluate(piece, wrong=105))
        outcome = await asked
        assert outcome.mismatched == (5,)
        assert outcome.digest_tails == b"".join(n.to_bytes(24) for n in range(100, 110))

    run(program)


def test_ask__enough_mismatches__answers_before_the_rest_is_done() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check(stop_after=1)))
        first, *_ = await begin_all(checks, 4)
        checks.finish(first, evaluate(first, wrong=102))
        assert await asked == Outcome(mismatched=(2,), digest_tails=b"")

    run(program)


def test_ask__the_deadline_passes__late_and_nothing_is_left() -> None:
    async def program(checks: Checks) -> None:
        assert await refused(checks.ask(build_check(deadline_ms=20))) == "verification_late"
        assert checks.get_bids() == []

    run(program)


def test_ask__more_than_can_wait__refused() -> None:
    async def program(checks: Checks) -> None:
        waiting = [asyncio.create_task(checks.ask(build_check())) for _ in range(MAX_CHECKS)]
        await asyncio.sleep(0)
        assert await refused(checks.ask(build_check())) == "verifications_full"
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)

    run(program)


def test_abandon__a_worker_dies_once__another_takes_the_piece() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check(count=3)))
        (lost,) = await begin_all(checks, 8)
        checks.abandon(lost)
        (piece,) = await begin_all(checks, 8)
        assert piece == lost
        checks.finish(piece, evaluate(piece))
        assert (await asked).mismatched == ()

    run(program)


def test_abandon__again_and_again__the_check_is_given_up() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check()))
        for _ in range(MAX_ATTEMPTS):
            checks.abandon((await begin_all(checks, 10))[0])
        assert await refused(asked) == "device_failed"

    run(program)


def test_finish__the_client_has_gone__nothing_happens() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check()))
        (piece,) = await begin_all(checks, 10)
        asked.cancel()
        await asyncio.wait([asked])
        checks.finish(piece, evaluate(piece))
        checks.abandon(piece)
        assert checks.get_bids() == []

    run(program)


def test_refuse__what_is_under_way__ends_with_a_code() -> None:
    async def program(checks: Checks) -> None:
        asked = asyncio.create_task(checks.ask(build_check()))
        await asyncio.sleep(0)
        checks.refuse()
        assert await refused(asked) == "sidecar_stopping"

    run(program)
