"""The engine vLLM: a child process with an environment of its own, asked over a unix socket that only we can open.

It draws by its own sampler and cannot pause, so an answer is asked for in slices that end at the allowance; its cache
of prefixes makes the next slice cheap.  Text, stop strings and ends are ours: only tokens are taken from it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog

from sidecar.device import WorkerDiedError
from sidecar.errors import SidecarError
from sidecar.inference.answers import Answer
from sidecar.inference.engine import Abilities, EngineSpec
from sidecar.inference.manifest import read_ends, verify_model
from sidecar.inference.rendering import Pieces, prepare_messages
from sidecar.inference.sampler import MILLION, Sampling
from sidecar.inference.tasks import Alternative, DrawnToken, GenerateTask, Progress
from sidecar.visibility import narrow

LOAD_TIMEOUT_S: Final = 1800
ASK_TIMEOUT_S: Final = 60
POLL_S: Final = 0.2
END_S: Final = 10
PAUSE_S: Final = 1.0
MEMORY_SHARE: Final = "0.8"
"""Of a card's memory; the rest is for proofs."""
BASE: Final = "http://vllm"

log = structlog.get_logger("sidecar")


class VllmEngine:
    """One model under vLLM.  `python` is the interpreter of its environment; `changed` is called when work comes."""

    abilities = Abilities(kind="vllm", defined_sampler=False, embeds=False)

    def __init__(self, spec: EngineSpec, python: Path, changed: Callable[[], None]) -> None:
        self.spec = spec
        self._python = python
        self._changed = changed
        self._pieces = Pieces.open(spec.folder)
        self._ends = read_ends(spec.folder)
        self._folder = tempfile.TemporaryDirectory(prefix="gnk-vllm-")
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._answers: dict[int, Answer] = {}
        self._allowed = asyncio.Condition()
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether its model is loaded."""
        return self._session is not None

    @property
    def running(self) -> int:
        """Requests under way, waiting ones too."""
        return len(self._answers)

    @property
    def wants_device(self) -> bool:
        """Whether a request could go on now."""
        return any(_get_slice(answer) > 0 for answer in self._answers.values())

    async def open(self) -> None:
        """Verify the model, start a child and wait until it answers.  Raises what is wrong, WorkerDiedError."""
        await asyncio.to_thread(verify_model, self.spec.folder)
        socket = str(Path(self._folder.name, "socket"))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(socket)  # noqa: PTH108 - a call that does not wait
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "sidecar.child", *self._build_words(socket)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=2,
            env=os.environ | _build_environ(self.spec.device),
            start_new_session=True,
        )
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket, limit=0))
        try:
            await _await_health(session, process)
        except BaseException:
            await session.close()
            await self._end()
            raise
        self._session = session
        log.info("engine_ready", model=self.spec.manifest.name, device=self.spec.device, pid=process.pid, kind="vllm")

    async def run(self) -> None:
        """Until closed or cancelled; with a new child whenever one is lost."""
        while not self._is_closed:
            reason = "vLLM ended"
            try:
                if self._process is None:
                    await self.open()
                if self._process is not None:
                    await self._process.wait()
            except (WorkerDiedError, SidecarError) as error:
                reason = str(error)
            if not self._is_closed:
                log.warning("engine_lost", model=self.spec.manifest.name, device=self.spec.device, reason=reason)
                await self._end()
                await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        """End the child."""
        self._is_closed = True
        await self._end()
        self._folder.cleanup()

    async def generate(self, key: int, task: GenerateTask) -> AsyncIterator[Progress]:
        """An answer as it grows.  Raises engine_starting, engine_busy, engine_died, engine_refused."""
        if self._session is None:
            raise SidecarError("engine_starting", self.spec.manifest.name)
        if self.running >= self.spec.max_requests:
            raise SidecarError("engine_busy", f"{self.running} requests", limit=self.running)
        self._answers[key] = answer = Answer(key, task, self._ends, self.spec.manifest.max_context)
        self._changed()
        try:
            while not answer.finish_reason:
                async with self._allowed:
                    await self._allowed.wait_for(lambda: _get_slice(answer) > 0 or self._session is None)
                if self._session is None:
                    raise SidecarError("engine_died", self.spec.manifest.name)
                async with contextlib.aclosing(self._complete(answer)) as slices:
                    async for progress in slices:
                        yield progress
        finally:
            del self._answers[key]
            self._changed()

    async def allow(self, key: int, allowance: int) -> None:
        """Raise a request's allowance; a smaller one changes nothing."""
        if key in self._answers:
            self._answers[key].allowance = max(self._answers[key].allowance, allowance)
            async with self._allowed:
                self._allowed.notify_all()
            self._changed()

    async def render(self, *, chat: str | None, text: str) -> tuple[int, ...]:
        """The tokens of a conversation (JSON), or of a text where there is none.  Raises chat_invalid."""
        asked: dict[str, Any] = {"model": self.spec.manifest.name, "prompt": text}
        if chat is not None:
            try:
                request = json.loads(chat)
                messages = prepare_messages(request, has_tools=True)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise SidecarError("chat_invalid", f"{type(error).__name__}: {error}"[:500]) from error
            asked = {"model": self.spec.manifest.name, "messages": messages, "add_generation_prompt": True}
            asked |= {"tools": request["tools"]} if request.get("tools") else {}
        try:
            async with self._post("/tokenize", asked, ASK_TIMEOUT_S) as response:
                found: list[int] = (await response.json())["tokens"]
        except SidecarError as error:
            if error.code != "engine_refused":
                raise
            raise SidecarError("chat_invalid", error.detail) from error
        return tuple(found)

    async def score(
        self,
        prompt: Sequence[int],  # noqa: ARG002 - the Protocol's shape, here and below
        answer: Sequence[int],  # noqa: ARG002
        sampling: Sampling,  # noqa: ARG002
    ) -> list[tuple[int, int]]:
        """Not by this engine."""
        raise SidecarError("scoring_unsupported", self.abilities.kind)

    async def embed(self, tokens: Sequence[int]) -> list[float]:  # noqa: ARG002
        """Not by this engine."""
        raise SidecarError("embedding_unsupported", self.abilities.kind)

    def hold(self) -> Awaitable[None]:
        """It cannot be held: card and driver share the time, and proofs keep to their batches and rests."""
        return asyncio.sleep(0)

    def resume(self) -> None:
        """Nothing was held."""

    # ---- inside ----------------------------------------------------------------------------------------------------

    async def _complete(self, answer: Answer) -> AsyncGenerator[Progress, None]:
        """One slice.  When the child ended the answer, so is ours."""
        async with self._post("/v1/completions", build_completion(self.spec.manifest.name, answer)) as response:
            async for line in response.content:
                data = line.removeprefix(b"data:").strip()
                if not line.startswith(b"data:") or data == b"[DONE]":
                    continue
                for choice in json.loads(data).get("choices", ()):
                    for progress in self._take(answer, choice):
                        yield progress
                    if answer.finish_reason:
                        return

    def _take(self, answer: Answer, choice: Mapping[str, Any]) -> list[Progress]:
        drawn = read_tokens(choice, self._pieces.get_bytes)
        told = []
        for token in drawn:
            text = answer.add(token.token, token.text)
            told.append(_build_progress(answer, (token,), text))
            if answer.finish_reason:
                return told
        if choice.get("finish_reason") == "stop":
            told.append(_build_progress(answer, (), answer.end()))
        return told

    @contextlib.asynccontextmanager
    async def _post(
        self, path: str, asked: Mapping[str, Any], timeout_s: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise SidecarError("engine_starting", self.spec.manifest.name)
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with self._session.post(BASE + path, json=asked, timeout=timeout) as response:
                if response.status != 200:
                    raise SidecarError("engine_refused", f"{response.status}: {(await response.text())[:300]}")
                yield response
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SidecarError("engine_died", f"{self.spec.manifest.name}: {error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SidecarError("engine_refused", f"not vLLM's dialect: {error!r}"[:300]) from error

    def _build_words(self, socket: str) -> list[str]:
        manifest = self.spec.manifest
        return [
            *(str(self._python), "-m", "vllm.entrypoints.openai.api_server", "--uds", socket),
            *("--model", str(self.spec.folder), "--served-model-name", manifest.name),
            *("--load-format", "safetensors", "--generation-config", "vllm", "--enable-prefix-caching"),
            *("--max-model-len", str(manifest.max_context), "--max-num-seqs", str(self.spec.max_requests)),
            *("--gpu-memory-utilization", MEMORY_SHARE, "--disable-uvicorn-access-log"),
        ]

    async def _end(self) -> None:
        process, self._process = self._process, None
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        async with self._allowed:
            self._allowed.notify_all()
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await process.wait()


def build_completion(model: str, answer: Answer) -> dict[str, Any]:
    """The request, in OpenAI's dialect with vLLM's additions, for an answer's next slice."""
    task, sampling = answer.task, answer.task.sampling
    place = len(answer.drawn)
    seed = sha256(sampling.seed + place.to_bytes(8, "little")).digest()
    asked: dict[str, Any] = {
        "model": model,
        "prompt": [*task.prompt, *answer.drawn],
        "max_tokens": _get_slice(answer),
        "stream": True,
        "temperature": sampling.temperature_milli / 1000,
        "top_p": sampling.top_p_ppm / MILLION if sampling.top_p_ppm else 1.0,
        "top_k": sampling.top_k or -1,
        "frequency_penalty": sampling.frequency_penalty_milli / 1000,
        "presence_penalty": sampling.presence_penalty_milli / 1000,
        "logit_bias": {str(token): milli / 1000 for token, milli in sampling.bias},
        "seed": int.from_bytes(seed[:8], "little") >> 1,
        "return_token_ids": True,
    }
    if task.logprobs:
        asked |= {"logprobs": task.top_logprobs, "return_tokens_as_token_ids": True}
    return asked


def read_tokens(choice: Mapping[str, Any], get_bytes: Callable[[int], bytes]) -> tuple[DrawnToken, ...]:
    """The tokens of a streamed choice; with log-probabilities where it has them.  ValueError for other dialects."""
    tokens, logprobs = choice.get("token_ids") or (), choice.get("logprobs")
    if not all(isinstance(token, int) for token in tokens):
        raise ValueError("token_ids are no numbers")
    if not logprobs:
        return tuple(DrawnToken(token=token, text=get_bytes(token)) for token in tokens)
    rows = zip(tokens, logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True)
    return tuple(
        DrawnToken(
            token=token,
            text=get_bytes(token),
            logprob_micro=_to_micro(logprob),
            top=tuple(
                Alternative(token=other, logprob_micro=_to_micro(value), text=get_bytes(other))
                for other, value in sorted(_read_top(top), key=lambda pair: (-pair[1], pair[0]))
            ),
        )
        for token, logprob, top in rows
    )


def _read_top(top: Mapping[str, float] | None) -> list[tuple[int, float]]:
    return [(int(name.removeprefix("token_id:")), value) for name, value in (top or {}).items()]


def _to_micro(logprob: float) -> int:
    return min(0, round(logprob * MILLION))


def _get_slice(answer: Answer) -> int:
    """Tokens that may be drawn now."""
    return min(answer.left, answer.allowance - len(answer.task.prompt) - len(answer.drawn))


def _build_progress(answer: Answer, tokens: tuple[DrawnToken, ...], text: str) -> Progress:
    done = len(answer.task.prompt)
    return Progress(tokens=tokens, text=text, prompt_done=done, finish_reason=answer.finish_reason)


def _build_environ(device: str) -> dict[str, str]:
    """Nothing is fetched and nobody is told; the child sees its own card only."""
    environ = {"GNK_SIDECAR_PID": str(os.getpid()), "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    _, variables = narrow(device, os.environ)
    return environ | variables


async def _await_health(session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> None:
    give_up = time.monotonic() + LOAD_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.returncode is not None:
            raise WorkerDiedError(f"vLLM ended with status {process.returncode}")
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(BASE + "/health", timeout=aiohttp.ClientTimeout(total=ASK_TIMEOUT_S)) as response:
                if response.status == 200:
                    return
        await asyncio.sleep(POLL_S)
    raise WorkerDiedError(f"vLLM does not answer after {LOAD_TIMEOUT_S} s")
