"""Sprint jobs over a real journal, with a clock of the test's own and hits made up."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rules.types import Proof
from sidecar.bell import Bell
from sidecar.errors import SidecarError
from sidecar.jobs import Batch, SprintJob, Work, build_batch
from sidecar.journal import Journal
from sidecar.sprints import MAX_JOBS, Sprints

JOB = SprintJob(
    job_id="net-1",
    work=Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=7),
    host=b"h" * 20,
    deadline_ms=10_000,
)


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1000

    def __call__(self) -> int:
        return self.now_ms


@asynccontextmanager
async def open_sprints(state_dir: Path, clock: Clock | None = None) -> AsyncIterator[Sprints]:
    journal = Journal.open(state_dir)
    sprints = Sprints.open(journal, Bell(), clock or Clock())
    try:
        yield sprints
    finally:
        sprints.close()
        journal.close()


def hits_of(batch: Batch) -> tuple[Proof, ...]:
    """Every nonce a hit."""
    return tuple(Proof(nonce=batch.first + i, tag=b"t" * 8) for i in range(batch.count))


async def work(sprints: Sprints, offset: int, count: int) -> None:
    batch = build_batch(0, offset, count)
    sprints.begin("net-1")
    await sprints.finish("net-1", batch, hits_of(batch))


async def read_all(sprints: Sprints, after: int = 0) -> list[int]:
    return [p.number async for progress in sprints.stream("net-1", after) for p in progress.proofs]


async def refused(awaitable: Awaitable[object]) -> str:
    with pytest.raises(SidecarError) as error:
        await awaitable
    return error.value.code


def run(program: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await program()

    asyncio.run(limited())


def test_stream__proofs_of_two_batches__in_order_until_the_deadline(tmp_path: Path) -> None:
    async def program() -> None:
        clock = Clock()
        async with open_sprints(tmp_path, clock) as sprints:
            await sprints.start(JOB, 0)
            reader = asyncio.create_task(read_all(sprints))
            await work(sprints, 0, 3)
            await work(sprints, 3, 2)
            clock.now_ms = JOB.deadline_ms
            assert await reader == [1, 2, 3, 4, 5]

    run(program)


def test_stream__from_a_number__earlier_proofs_are_not_sent_again(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            await work(sprints, 0, 5)
            await sprints.stop("net-1")
            assert await read_all(sprints, after=3) == [4, 5]

    run(program)


def test_stream__nothing_happens__says_so_about_once_a_second(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            signs = 0
            async for progress in sprints.stream("net-1", 0):
                assert not progress.ended
                signs += 1
                if signs == 2:
                    break

    run(program)


def test_start__again_after_a_restart__goes_on_where_the_disk_is(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            await work(sprints, 0, 4)
        async with open_sprints(tmp_path) as sprints:
            assert [bid.job_id for bid in sprints.get_bids()] == ["net-1"]
            assert sprints.get("net-1").offsets == (4,)
            await sprints.start(JOB, 4)
            await work(sprints, 4, 1)
            await sprints.stop("net-1")
            assert await read_all(sprints, after=4) == [5]

    run(program)


@pytest.mark.parametrize(
    ("asked", "after", "code"),
    [
        pytest.param(replace(JOB, host=b"i" * 20), 0, "job_differs", id="another host"),
        pytest.param(replace(JOB, work=replace(JOB.work, cos2_q64=8)), 0, "job_differs", id="another bound"),
        pytest.param(JOB, 1, "proof_number_unknown", id="a number that was never given"),
        pytest.param(replace(JOB, job_id="new", deadline_ms=999), 0, "job_deadline_passed", id="too late to begin"),
    ],
)
def test_start__not_the_job_that_is_known__refused(tmp_path: Path, asked: SprintJob, after: int, code: str) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            assert await refused(sprints.start(asked, after)) == code
            assert sprints.get_all() == (JOB,)

    run(program)


def test_start__one_more_than_can_run__refused_until_one_ends(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            for number in range(MAX_JOBS):
                await sprints.start(replace(JOB, job_id=f"net-{number}"), 0)
            more = replace(JOB, job_id="more")
            assert await refused(sprints.start(more, 0)) == "jobs_full"
            await sprints.stop("net-0")
            await sprints.start(more, 0)

    run(program)


def test_ack__proofs_on_the_clients_disk__are_not_streamed_again(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            await work(sprints, 0, 5)
            await sprints.ack("net-1", 4)
            await sprints.stop("net-1")
            assert await read_all(sprints) == [5]
            assert await refused(sprints.ack("net-1", 6)) == "proof_number_unknown"
            assert await refused(sprints.ack("other", 1)) == "job_unknown"

    run(program)


def test_stop__a_batch_in_hand__its_hits_count(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            sprints.begin("net-1")
            stopping = asyncio.create_task(sprints.stop("net-1"))
            await asyncio.sleep(0.05)
            assert sprints.get_bids() == []
            batch = build_batch(0, 0, 3)
            await sprints.finish("net-1", batch, hits_of(batch))
            assert (await stopping).last_number == 3
            assert await read_all(sprints) == [1, 2, 3]

    run(program)


def test_stop__a_batch_that_takes_too_long__ends_within_a_second_and_later_hits_do_not_count(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            await work(sprints, 0, 2)
            sprints.begin("net-1")
            async with asyncio.timeout(1):
                job = await sprints.stop("net-1")
            batch = build_batch(0, 2, 3)
            await sprints.finish("net-1", batch, hits_of(batch))
            assert sprints.get("net-1") == job
            assert await read_all(sprints) == [1, 2]
            assert await refused(sprints.stop("other")) == "job_unknown"

    run(program)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 8 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_finish__the_disk_is_full__streams_are_told_and_the_batch_waits_for_room(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            reader = asyncio.create_task(read_all(sprints))
            with full_disk():
                writing = asyncio.create_task(work(sprints, 0, 500))
                assert await refused(reader) == "journal_write_failed"
                assert await refused(sprints.start(JOB, 0)) == "journal_write_failed"
                assert sprints.get("net-1").last_number == 0
            await writing
            assert sprints.fault is None
            await sprints.stop("net-1")
            assert await read_all(sprints) == list(range(1, 501))

    run(program)


def test_stop__before_the_batch_that_waits_for_room_is_written__the_next_job_can_start(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            with full_disk():
                writing = asyncio.create_task(work(sprints, 0, 500))
                assert await refused(read_all(sprints)) == "journal_write_failed"
            assert (await sprints.stop("net-1")).last_number in {0, 500}
            await writing
            await sprints.start(replace(JOB, job_id="net-2"), 0)

    run(program)


def test_refuse__open_streams__end_with_a_code(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_sprints(tmp_path) as sprints:
            await sprints.start(JOB, 0)
            reader = asyncio.create_task(read_all(sprints))
            await asyncio.sleep(0.05)
            sprints.refuse()
            assert await refused(reader) == "sidecar_stopping"
            assert await refused(sprints.start(JOB, 0)) == "sidecar_stopping"

    run(program)
