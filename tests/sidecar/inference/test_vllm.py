"""The engine vLLM, over a real child that speaks its dialect."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sidecar.device import WorkerDiedError
from sidecar.errors import SidecarError
from sidecar.inference.engine import EngineSpec
from sidecar.inference.manifest import read_manifest
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask, Progress
from sidecar.inference.vllm import VllmEngine, _build_environ, read_tokens

DIALECT = Path(__file__).with_name("dialect.py")
SAMPLING = Sampling(
    temperature_milli=700,
    top_k=5,
    top_p_ppm=900_000,
    frequency_penalty_milli=100,
    presence_penalty_milli=-200,
    bias=((7, 1500),),
    seed=bytes(32),
)
TASK = GenerateTask(
    prompt=(1, 2, 3), sampling=SAMPLING, max_tokens=10, stop=(), logprobs=False, top_logprobs=0, allowance=1 << 40
)


def expect(prompt: tuple[int, ...], count: int) -> list[int]:
    context = list(prompt)
    for _ in range(count):
        context.append((7 * len(context) + context[-1]) % 251)
    return context[len(prompt) :]


def write_python(folder: Path, program: str) -> Path:
    """An interpreter in whose environment `vllm.entrypoints.openai.api_server` is the dialect."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    return path


@asynccontextmanager
async def open_engine(models: Path, folder: Path) -> AsyncIterator[VllmEngine]:
    python = write_python(folder, f'shift 2\nexec {sys.executable} {DIALECT} "$@"')
    engine = VllmEngine(build_spec(models), python, lambda: None)
    await engine.open()
    running = asyncio.create_task(engine.run())
    try:
        yield engine
    finally:
        await engine.close()
        running.cancel()
        await asyncio.wait([running])


def build_spec(models: Path) -> EngineSpec:
    manifest = read_manifest(models / "tiny")
    return EngineSpec(folder=models / "tiny", manifest=manifest, device="cpu", threads=1, max_requests=4)


def run(program: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(200):
            await program()

    asyncio.run(limited())


async def read(engine: VllmEngine, key: int, task: GenerateTask = TASK) -> list[Progress]:
    return [progress async for progress in engine.generate(key, task)]


def list_tokens(answer: list[Progress]) -> list[int]:
    return [token.token for progress in answer for token in progress.tokens]


def test_generate__an_answer__has_its_tokens_text_and_reason(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            answer = await read(engine, 1)
            assert list_tokens(answer) == expect((1, 2, 3), 10)
            text = "".join(progress.text for progress in answer)
            assert text == bytes(expect((1, 2, 3), 10)).decode(errors="replace")
            assert (answer[-1].finish_reason, answer[-1].prompt_done) == ("length", 3)
            assert engine.running == 0

    run(program)


def test_generate__allowance_in_steps__the_same_answer_in_slices(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            reader = asyncio.create_task(read(engine, 1, replace(TASK, allowance=0)))
            for allowance in (3, 5, 4, 9, 1000):
                await asyncio.sleep(0.1)
                assert not engine.wants_device
                await engine.allow(1, allowance)
            assert list_tokens(await reader) == expect((1, 2, 3), 10)

    run(program)


def test_generate__a_stop_string_over_two_slices__cuts_the_text(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            prompt = (60,)
            whole = bytes(expect(prompt, 10)).decode(errors="replace")
            task = replace(TASK, prompt=prompt, stop=(whole[3:6],), allowance=1 + 4)
            reader = asyncio.create_task(read(engine, 1, task))
            await asyncio.sleep(0.2)
            await engine.allow(1, 1000)
            answer = await reader
            assert "".join(progress.text for progress in answer) == whole[:3]
            assert answer[-1].finish_reason == "stop"

    run(program)


def test_generate__the_child_dies_in_the_middle__a_code_and_the_next_child_answers(
    models: Path, tmp_path: Path
) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            waiting = asyncio.create_task(read(engine, 9, replace(TASK, allowance=0)))
            await asyncio.sleep(0.1)
            with pytest.raises(SidecarError) as refused:
                await read(engine, 1, replace(TASK, prompt=(255,)))
            assert refused.value.code == "engine_died"
            with pytest.raises(SidecarError) as refused:
                await waiting
            assert refused.value.code == "engine_died"
            while not engine.is_ready:  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.05)
            assert list_tokens(await read(engine, 2)) == expect((1, 2, 3), 10)

    run(program)


def test_generate__the_child_refuses__coded(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            with pytest.raises(SidecarError) as refused:
                await read(engine, 1, replace(TASK, prompt=(254,)))
            assert (refused.value.code, "400" in refused.value.detail) == ("engine_refused", True)

    run(program)


def test_generate__with_logprobs__told_by_token(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            answer = await read(engine, 1, replace(TASK, logprobs=True, top_logprobs=2))
            first = answer[0].tokens[0]
            assert first.logprob_micro == -500_000
            assert [(a.token, a.logprob_micro) for a in first.top] == [(first.token, -500_000), (9, -1_250_000)]

    run(program)


def test_render__conversation_and_text__by_the_child(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            chat = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})
            assert bytes(await engine.render(chat=chat, text="")) == b"<user>Hi"
            assert bytes(await engine.render(chat=None, text="Hi")) == b"Hi"
            for bad in ("{", json.dumps({"messages": [{"role": "user", "content": "refuse"}]})):
                with pytest.raises(SidecarError) as refused:
                    await engine.render(chat=bad, text="")
                assert refused.value.code == "chat_invalid"

    run(program)


def test_open__a_child__listens_on_a_socket_that_others_cannot_reach_and_dies_with_us(
    models: Path, tmp_path: Path
) -> None:
    async def program() -> None:
        async with open_engine(models, tmp_path) as engine:
            folder = engine._folder.name
            assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700  # noqa: PTH116 - waits for nothing
            assert engine._process is not None
            pid = engine._process.pid
            assert not list_tcp_listeners(pid)
        assert not os.access(folder, os.F_OK)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    run(program)


def list_tcp_listeners(pid: int) -> list[str]:
    """Listening TCP sockets that the process holds."""
    held = {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in held]


def test_open__a_child_that_ends_at_once__is_told(models: Path, tmp_path: Path) -> None:
    async def program() -> None:
        engine = VllmEngine(build_spec(models), write_python(tmp_path, "exit 3"), lambda: None)
        with pytest.raises(WorkerDiedError, match="status 3"):
            await engine.open()
        await engine.close()

    run(program)


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param({"token_ids": ["x"]}, id="no numbers"),
        pytest.param(
            {"token_ids": [1, 2], "logprobs": {"token_logprobs": [-1.0], "top_logprobs": [None]}}, id="too few"
        ),
        pytest.param(
            {"token_ids": [1], "logprobs": {"token_logprobs": [-1.0], "top_logprobs": [{"a": -1.0}]}}, id="text"
        ),
    ],
)
def test_read_tokens__another_dialect__is_no_answer(choice: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the caller turns into a code
        read_tokens(choice, lambda _: b"")


@pytest.mark.parametrize(("device", "sees"), [("cuda:1", "5"), ("cuda:0", "4"), ("cpu", None)])
def test_build_environ__some_cards_are_hidden__its_own_is_one_that_may_be_seen(
    device: str, sees: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    assert _build_environ(device).get("CUDA_VISIBLE_DEVICES") == sees
