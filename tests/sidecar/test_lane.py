"""A lane with a real worker: verification cuts in, a dead worker is replaced and nothing is lost."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from sidecar.arbiter import TARGET_MS
from sidecar.bell import Bell
from sidecar.checks import Check, Checks
from sidecar.device import DeviceSpec
from sidecar.errors import SidecarError
from sidecar.inference.embedded import EmbeddedEngine
from sidecar.inference.engine import EngineSpec
from sidecar.inference.manifest import read_manifest
from sidecar.inference.roster import Roster
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask
from sidecar.jobs import SprintJob, Work
from sidecar.journal import Journal
from sidecar.lane import Floor, Lane, Meter
from sidecar.sprints import Sprints
from tests.sidecar.inference.tiny import END, make_tiny_model

WORK = Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=169589409868286240)
JOB = SprintJob(job_id="net-1", work=WORK, host=b"h" * 20, deadline_ms=2**60)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def build_check(count: int) -> Check:
    """Wrong tags all: only that it is answered matters."""
    return Check(
        work=WORK,
        host=b"i" * 20,
        nonces=tuple(range(count)),
        tags=(b"t" * 8,) * count,
        stop_after=0,
        deadline_ms=now_ms() + 20_000,
    )


def build_floor(sprints: Sprints, bell: Bell) -> Floor:
    return Floor(
        sprints=sprints, checks=Checks(bell, now_ms), roster=Roster(()), bell=bell, meter=Meter(), now_ms=now_ms
    )


@asynccontextmanager
async def open_lane(state_dir: Path) -> AsyncIterator[tuple[Lane, Floor]]:
    journal, bell = Journal.open(state_dir), Bell()
    sprints = Sprints.open(journal, bell, now_ms)
    floor = build_floor(sprints, bell)
    lane = Lane(DeviceSpec(index=1, name="cpu", threads=1, profiles=("tiny",)), floor)
    await lane.open()
    running = asyncio.create_task(lane.run())
    try:
        yield lane, floor
    finally:
        running.cancel()
        await asyncio.wait([running])
        sprints.close()
        journal.close()


def run(program: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(120):
            await program()

    asyncio.run(limited())


async def read_nonces(sprints: Sprints, count: int) -> list[int]:
    nonces: list[int] = []
    async for progress in sprints.stream("net-1", 0):
        nonces += [p.proof.nonce for p in progress.proofs]
        if len(nonces) >= count:
            break
    return nonces


def test_run__a_check_during_a_job__is_answered_first_and_soon(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_lane(tmp_path) as (_, floor):
            await floor.sprints.start(JOB, 0)
            await read_nonces(floor.sprints, 200)
            started = time.monotonic()
            outcome = await floor.checks.ask(build_check(3))
            assert time.monotonic() - started < 1
            assert outcome.mismatched == (0, 1, 2)
            meter = floor.meter
            assert meter.verify_s > 0
            assert meter.proof_s > 0
            assert (meter.verified, meter.searched >= floor.sprints.get("net-1").evaluated) == (3, True)

    run(program)


def test_run__a_job__takes_nonces_of_its_device_in_batches_of_bounded_time(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_lane(tmp_path) as (_, floor):
            await floor.sprints.start(JOB, 0)
            nonces = await read_nonces(floor.sprints, 500)
            assert {nonce >> 48 for nonce in nonces} == {1}
            assert len(set(nonces)) == len(nonces)
            stopping = time.monotonic()
            await floor.sprints.stop("net-1")
            assert time.monotonic() - stopping < 1 + TARGET_MS / 1000

    run(program)


def test_run__the_worker_is_killed__another_goes_on_and_no_nonce_is_left_out(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_lane(tmp_path) as (lane, floor):
            await floor.sprints.start(JOB, 0)
            before = await read_nonces(floor.sprints, 100)
            assert lane.device is not None
            os.kill(lane.device.pid, signal.SIGKILL)
            outcome = await floor.checks.ask(build_check(2))
            assert outcome.mismatched == (0, 1)
            after = await read_nonces(floor.sprints, len(before) + 500)
            assert after[: len(before)] == before
            assert len(set(after)) == len(after)
            job = await floor.sprints.stop("net-1")
            assert job.offsets == (0, job.evaluated)
            assert floor.meter.workers_lost == 1

    run(program)


def test_run__the_worker_is_killed_while_it_rests__another_is_ready_before_there_is_work(tmp_path: Path) -> None:
    async def program() -> None:
        async with open_lane(tmp_path) as (lane, floor):
            await asyncio.sleep(0.1)
            assert lane.device is not None
            killed = lane.device.pid
            os.kill(killed, signal.SIGKILL)
            while lane.device is None or lane.device.pid == killed:  # noqa: ASYNC110  # a lane tells nobody of its worker
                await asyncio.sleep(0.05)
            assert floor.meter.workers_lost == 1

    run(program)


def test_open__no_backend_passes__refused_with_the_reasons(tmp_path: Path) -> None:
    async def program() -> None:
        journal, bell = Journal.open(tmp_path), Bell()
        sprints = Sprints.open(journal, bell, now_ms)
        floor = build_floor(sprints, bell)
        lane = Lane(DeviceSpec(index=0, name="cuda:77", threads=1, profiles=("tiny",)), floor)
        with pytest.raises(SidecarError) as refused:
            await lane.open()
        assert refused.value.code == "no_device_usable"
        assert "cuda:77" in refused.value.detail
        assert lane.hello is not None
        sprints.close()
        journal.close()

    run(program)


def test_run__a_user_is_answered_during_a_job__proofs_get_a_sixth_of_the_device_and_all_of_it_afterwards(
    tmp_path: Path,
) -> None:
    async def measure_share(floor: Floor, seconds: float) -> float:
        before, began = floor.meter.proof_s, time.monotonic()
        await asyncio.sleep(seconds)
        return (floor.meter.proof_s - before) / (time.monotonic() - began)

    async def program() -> None:
        spec = EngineSpec(
            folder=make_tiny_model(tmp_path / "models"),
            manifest=read_manifest(tmp_path / "models" / "tiny"),
            device="cpu",
            threads=1,
            max_requests=4,
        )
        async with open_lane(tmp_path / "state") as (lane, floor):
            engine = EmbeddedEngine(spec, floor.bell.ring)
            floor.roster.engines = (engine,)
            await engine.open()
            answering = asyncio.create_task(engine.run())
            await floor.sprints.start(JOB, 0)
            while floor.meter.proof_s == 0:  # noqa: ASYNC110 - what changes in another process sets no event here
                await asyncio.sleep(0.01)
            assert await measure_share(floor, 1.5) > 0.5
            enough = asyncio.Event()
            asking = asyncio.gather(*(ask_on(engine, key, enough) for key in range(4)))
            await asyncio.sleep(0.5)
            share = await measure_share(floor, 1.5)
            assert 0 < share < 0.3
            enough.set()
            await asking
            assert await measure_share(floor, 1.5) > 0.5
            assert lane.device is not None
            await engine.close()
            answering.cancel()

    run(program)


async def ask_on(engine: EmbeddedEngine, first_key: int, enough: asyncio.Event) -> None:
    """One answer after the other."""
    for key in count(first_key, 4):
        if enough.is_set():
            return
        await drain(engine, key)


async def drain(engine: EmbeddedEngine, key: int) -> None:
    sampling = Sampling(
        temperature_milli=0,
        top_k=0,
        top_p_ppm=0,
        frequency_penalty_milli=0,
        presence_penalty_milli=0,
        bias=((END, -100_000),),
        seed=bytes(32),
    )
    task = GenerateTask(
        prompt=(1, 2), sampling=sampling, max_tokens=1000, stop=(), logprobs=False, top_logprobs=0, allowance=1 << 40
    )
    async for _ in engine.generate(key, task):
        pass
