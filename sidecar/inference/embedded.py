"""The engine of our own: a child process, `sidecar.inference.process`, that is replaced when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from itertools import count
from typing import Any, Final

import structlog

from sidecar.device import WorkerDiedError, end, get_input, spawn
from sidecar.errors import SidecarError
from sidecar.inference.batching import Standing, is_waiting
from sidecar.inference.engine import Abilities, EngineSpec
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import (
    GenerateTask,
    Hello,
    Progress,
    decode_error,
    decode_progress,
    encode_generate,
    encode_line,
)
from sidecar.visibility import narrow

LOAD_TIMEOUT_S: Final = 1800
"""Hashing and loading the largest model from a slow disk."""
SILENCE_S: Final = 300.0
"""A child that says nothing for so long, twice, while requests could go on, hangs."""
HOLD_S: Final = 5.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 30.0
FIT_S: Final = 5.0

log = structlog.get_logger("sidecar")


class Stream:
    """A request under way: what it was told so far, and what its reader has not taken yet."""

    def __init__(self, task: GenerateTask) -> None:
        self.news: asyncio.Queue[Progress | SidecarError] = asyncio.Queue()
        self._task = task
        self._allowance = task.allowance
        self._prompt_done = 0
        self._drawn = 0

    def tell(self, progress: Progress) -> None:
        """Take in what the child said."""
        self._prompt_done = progress.prompt_done
        self._drawn += len(progress.tokens)
        self.news.put_nowait(progress)

    def allow(self, allowance: int) -> None:
        """Raise the allowance."""
        self._allowance = max(self._allowance, allowance)

    @property
    def is_waiting(self) -> bool:
        """Whether it can do nothing until its allowance is raised."""
        prompt = len(self._task.prompt)
        return is_waiting(
            Standing(
                key=0,
                prompt=prompt,
                known=prompt + self._drawn,
                computed=self._prompt_done + max(0, self._drawn - 1),
                allowance=self._allowance,
            )
        )


class EmbeddedEngine:
    """Transformers' models under our own batching.  `changed` is called when work comes or goes."""

    abilities = Abilities(kind="transformers", defined_sampler=True, embeds=True)

    def __init__(self, spec: EngineSpec, changed: Callable[[], None]) -> None:
        self.spec = spec
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._streams: dict[int, Stream] = {}
        self._questions: dict[int, asyncio.Future[Any]] = {}
        self._keys = count(start=-1, step=-1)
        self._held: asyncio.Future[None] | None = None
        self._holders = 0
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether its model is loaded."""
        return self._process is not None

    @property
    def running(self) -> int:
        """Requests under way, waiting ones too."""
        return len(self._streams) + len(self._questions)

    @property
    def wants_device(self) -> bool:
        """Whether a request could go on now."""
        return bool(self._questions) or any(not stream.is_waiting for stream in self._streams.values())

    async def open(self) -> None:
        """Start a child and wait until it has loaded.  Raises what is wrong with the model, WorkerDiedError."""
        spec = self.spec
        seen, variables = narrow(spec.device, os.environ)
        words = (str(spec.folder), seen)
        process = await spawn("sidecar.inference.process", *words, threads=spec.threads, variables=variables)
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                said = await _read_line(process)
            if "refused" in said:
                raise decode_error(said["refused"])
            hello = Hello(**said["hello"])
        except BaseException:
            await end(process)
            raise
        self._process = process
        log.info("engine_ready", model=spec.manifest.name, device=spec.device, pid=process.pid, **asdict(hello))

    async def run(self) -> None:
        """Until cancelled; with a new child, after a growing pause, whenever one is lost."""
        pause_s = FIRST_PAUSE_S
        while True:
            opened = float("inf")
            try:
                if self._process is None:
                    await self.open()
                opened = time.monotonic()
                await self._listen()
            except (WorkerDiedError, SidecarError, TimeoutError) as error:
                if self._is_closed:
                    return
                log.warning("engine_lost", model=self.spec.manifest.name, device=self.spec.device, reason=str(error))
            finally:
                await self._drop(SidecarError("engine_died", self.spec.manifest.name))
            pause_s = FIRST_PAUSE_S if time.monotonic() - opened > FIT_S else pause_s * 2
            await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))

    async def close(self) -> None:
        """End the child; requests under way end with sidecar_stopping."""
        self._is_closed = True
        await self._drop(SidecarError("sidecar_stopping"))

    async def generate(self, key: int, task: GenerateTask) -> AsyncIterator[Progress]:
        """An answer as it grows.  Raises engine_starting, engine_busy, engine_died, engine_out_of_memory."""
        self._check_room()
        self._streams[key] = stream = Stream(task)
        is_over = False
        try:
            await self._send({"do": "generate", "key": key, "task": encode_generate(task)})
            self._changed()
            while not is_over:
                news = await stream.news.get()
                if isinstance(news, SidecarError):
                    is_over = True
                    raise news
                is_over = bool(news.finish_reason)
                yield news
        finally:
            del self._streams[key]
            self._changed()
            if not is_over:
                self._post({"do": "cancel", "key": key})

    async def allow(self, key: int, allowance: int) -> None:
        """Raise a request's allowance; a smaller one changes nothing."""
        if key in self._streams:
            self._streams[key].allow(allowance)
            self._post({"do": "allow", "key": key, "allowance": allowance})
            self._changed()

    async def render(self, *, chat: str | None, text: str) -> tuple[int, ...]:
        """The tokens of a conversation (JSON), or of a text where there is none.  Raises chat_invalid."""
        asked = {"text": text} if chat is None else {"chat": chat}
        return tuple(await self._ask({"do": "render", **asked}))

    async def score(self, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling) -> list[tuple[int, int]]:
        """(expected token, gap in thousandths) for each of the answer's tokens."""
        drawn = asdict(sampling) | {"seed": sampling.seed.hex()}
        found = await self._ask({"do": "score", "prompt": [*prompt], "answer": [*answer], "sampling": drawn})
        return [(expected, gap_milli) for expected, gap_milli in found]

    async def embed(self, tokens: Sequence[int]) -> list[float]:
        """The mean of the last layer's outputs, scaled to length 1."""
        values: list[float] = await self._ask({"do": "embed", "tokens": [*tokens]})
        return values

    def hold(self) -> Awaitable[None]:
        """No new step begins until `resume`; await it for the child's word that it rests, HOLD_S at most."""
        self._holders += 1
        if self._holders == 1 and self._process is not None:
            self._held = asyncio.get_running_loop().create_future()
            self._post({"do": "hold"})
        return self._wait_held()

    def resume(self) -> None:
        """Go on, unless another still holds."""
        self._holders -= 1
        if self._holders == 0:
            self._held = None
            self._post({"do": "resume"})

    # ---- inside ----------------------------------------------------------------------------------------------------

    async def _wait_held(self) -> None:
        if self._held is not None:
            await asyncio.wait((self._held,), timeout=HOLD_S)

    def _check_room(self) -> None:
        if self._process is None:
            raise SidecarError("engine_starting", self.spec.manifest.name)
        limit = self.spec.max_requests
        if self.running >= limit:
            raise SidecarError("engine_busy", f"{limit} requests", limit=limit)

    async def _ask(self, asked: dict[str, Any]) -> Any:
        self._check_room()
        key = next(self._keys)
        self._questions[key] = answer = asyncio.get_running_loop().create_future()
        try:
            await self._send(asked | {"key": key})
            self._changed()
            return await answer
        finally:
            del self._questions[key]
            self._changed()
            if not answer.done() or answer.cancelled():
                self._post({"do": "cancel", "key": key})

    async def _send(self, asked: dict[str, Any]) -> None:
        if self._process is None:
            raise SidecarError("engine_died", self.spec.manifest.name)
        pipe = get_input(self._process)
        try:
            pipe.write(encode_line(asked))
            await pipe.drain()
        except ConnectionError as error:
            raise SidecarError("engine_died", self.spec.manifest.name) from error

    def _post(self, asked: dict[str, Any]) -> None:
        """Send without waiting: these lines are short."""
        if self._process is not None:
            with contextlib.suppress(ConnectionError):
                get_input(self._process).write(encode_line(asked))

    async def _listen(self) -> None:
        """Take in what the child says.  Raises WorkerDiedError."""
        if self._process is None:
            raise AssertionError("an engine listens after open")
        while True:
            said = await self._hear(self._process)
            for key, progress in said.get("steps", ()):
                if key in self._streams:
                    self._streams[key].tell(decode_progress(progress))
            if "held" in said and self._held is not None and not self._held.done():
                self._held.set_result(None)
            if "key" in said:
                self._settle(said)

    async def _hear(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        """The child's next line.  Raises WorkerDiedError when it ended, or says nothing while it has work."""
        silent = 0
        while silent < 2:
            try:
                async with asyncio.timeout(SILENCE_S):
                    return await _read_line(process)
            except TimeoutError:
                silent = silent + 1 if self.wants_device and not self._holders else 0
        raise WorkerDiedError(f"no step in {SILENCE_S} s")

    def _settle(self, said: dict[str, Any]) -> None:
        key, error = said["key"], decode_error(said["error"]) if "error" in said else None
        if key in self._streams and error is not None:
            self._streams[key].news.put_nowait(error)
        elif key in self._questions and not self._questions[key].done():
            question = self._questions[key]
            question.set_result(said["answer"]) if error is None else question.set_exception(error)

    async def _drop(self, error: SidecarError) -> None:
        process, self._process = self._process, None
        for stream in self._streams.values():
            stream.news.put_nowait(error)
        for question in self._questions.values():
            if not question.done():
                question.set_exception(error)
        if self._held is not None and not self._held.done():
            self._held.set_result(None)
        if process is not None:
            await end(process)


async def _read_line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    if process.stdout is None:
        raise AssertionError("a child is started with pipes")
    try:
        line = await process.stdout.readline()
        if not line:
            raise WorkerDiedError("the engine ended")
        said: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise WorkerDiedError("the engine's line cannot be read") from error
    return said
