"""The engine in a child: kills, holds, ends."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import SidecarError
from sidecar.inference import embedded
from sidecar.inference.embedded import EmbeddedEngine
from sidecar.inference.engine import EngineSpec
from sidecar.inference.manifest import read_manifest
from sidecar.inference.roster import Roster
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask
from tests.sidecar.inference.tiny import END, make_tiny_model

SAMPLING = Sampling(
    temperature_milli=0,
    top_k=0,
    top_p_ppm=0,
    frequency_penalty_milli=0,
    presence_penalty_milli=0,
    bias=((END, -100_000),),
    seed=bytes(32),
)
TASK = GenerateTask(
    prompt=(1, 2, 3), sampling=SAMPLING, max_tokens=10, stop=(), logprobs=False, top_logprobs=0, allowance=1 << 40
)
ENDLESS = replace(TASK, max_tokens=1000)


@asynccontextmanager
async def open_engine(models: Path) -> AsyncIterator[EmbeddedEngine]:
    manifest = read_manifest(models / "tiny")
    spec = EngineSpec(folder=models / "tiny", manifest=manifest, device="cpu", threads=1, max_requests=4)
    engine = EmbeddedEngine(spec, lambda: None)
    await engine.open()
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.close()
        running.cancel()
        await asyncio.wait([running])


def run(program: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(200):
            await program()

    asyncio.run(limited())


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - what changes in another process sets no event here
        await asyncio.sleep(0.01)


async def list_tokens(engine: EmbeddedEngine, key: int, task: GenerateTask = TASK) -> list[int]:
    return [token.token async for progress in engine.generate(key, task) for token in progress.tokens]


def test_kill__in_the_middle_of_answers__each_ends_with_a_code_and_the_next_child_answers(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            whole = await list_tokens(engine, 1)
            first = asyncio.Event()

            async def read(key: int) -> str:
                try:
                    async for _ in engine.generate(key, ENDLESS):
                        first.set()
                except SidecarError as error:
                    return error.code
                return "ended"

            readers = [asyncio.create_task(read(key)) for key in (2, 3)]
            await first.wait()
            assert engine._process is not None
            os.kill(engine._process.pid, signal.SIGKILL)
            assert [await reader for reader in readers] == ["engine_died", "engine_died"]
            assert engine.running == 0
            await until(lambda: engine.is_ready)
            assert await list_tokens(engine, 4) == whole

    run(program)


def test_generate__while_no_child_is_there__is_refused_as_starting(models: Path) -> None:
    async def program() -> None:
        spec = EngineSpec(
            folder=models / "tiny", manifest=read_manifest(models / "tiny"), device="cpu", threads=1, max_requests=4
        )
        with pytest.raises(SidecarError) as refused:
            await list_tokens(EmbeddedEngine(spec, lambda: None), 1)
        assert refused.value.code == "engine_starting"

    run(program)


def test_open__a_model_with_a_pickle__is_refused_with_the_models_code(tmp_path: Path) -> None:
    async def program() -> None:
        folder = make_tiny_model(tmp_path)
        manifest = read_manifest(folder)
        (folder / "pytorch_model.bin").write_bytes(b"x")
        engine = EmbeddedEngine(
            EngineSpec(folder=folder, manifest=manifest, device="cpu", threads=1, max_requests=4), lambda: None
        )
        with pytest.raises(SidecarError) as refused:
            await engine.open()
        assert refused.value.code == "model_has_pickle"

    run(program)


def test_hold__while_an_answer_grows__it_stands_still_until_the_last_resume(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            got: list[int] = []

            async def read() -> None:
                async for progress in engine.generate(1, ENDLESS):
                    got.extend(token.token for token in progress.tokens)

            reader = asyncio.create_task(read())
            await until(lambda: bool(got))
            assert engine.wants_device
            await asyncio.gather(engine.hold(), engine.hold())
            await asyncio.sleep(0.1)
            held = len(got)
            engine.resume()
            await asyncio.sleep(0.2)
            assert len(got) == held
            engine.resume()
            await until(lambda: len(got) > held)
            reader.cancel()
            await asyncio.wait([reader])

    run(program)


def test_wants_device__an_answer_that_waits_for_its_allowance__does_not(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            stream = engine.generate(1, replace(TASK, allowance=3 + 2))
            got = 0
            async for progress in stream:
                got += len(progress.tokens)
                if got == 2:
                    break
            assert not engine.wants_device
            await engine.allow(1, 100)
            assert engine.wants_device
            await stream.aclose()  # type: ignore[attr-defined]
            assert engine.running == 0

    run(program)


def test_close__with_an_answer_under_way__it_ends_as_stopping(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            reader = asyncio.create_task(list_tokens(engine, 1, ENDLESS))
            await until(lambda: engine.running > 0)
            await engine.close()
            with pytest.raises(SidecarError) as refused:
                await reader
            assert refused.value.code == "sidecar_stopping"

    run(program)


def test_held__longer_than_it_may_be__the_answer_goes_on_within(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            reader = asyncio.create_task(list_tokens(engine, 1, ENDLESS))
            await until(lambda: engine.running > 0)
            async with Roster([engine]).held("cpu", 0.2):
                await reader
            assert await list_tokens(engine, 2)

    run(program)


def test_held__cancelled_while_it_waits__the_engine_goes_on(models: Path) -> None:
    async def program() -> None:
        async with open_engine(models) as engine:
            roster = Roster([engine])

            async def hold() -> None:
                async with roster.held("cpu", 100):
                    await asyncio.sleep(100)

            for pause_s in (0, 0, 0.001, 0.1):
                holding = asyncio.create_task(hold())
                await asyncio.sleep(pause_s)
                holding.cancel()
                await asyncio.wait([holding])
            assert await list_tokens(engine, 1)

    run(program)


def test_run__a_child_that_hangs__is_replaced(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        monkeypatch.setattr(embedded, "SILENCE_S", 0.5)
        async with open_engine(models) as engine:
            assert engine._process is not None
            os.kill(engine._process.pid, signal.SIGSTOP)
            with pytest.raises(SidecarError) as refused:
                await list_tokens(engine, 1)
            assert refused.value.code == "engine_died"
            monkeypatch.setattr(embedded, "SILENCE_S", 300)
            await until(lambda: engine.is_ready)
            assert await list_tokens(engine, 2)

    run(program)
