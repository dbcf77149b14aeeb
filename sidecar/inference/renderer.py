"""The engine of a sidecar that only renders: a tokenizer and a template, checked against the model's hashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from sidecar.errors import SidecarError
from sidecar.inference.engine import Abilities, EngineSpec
from sidecar.inference.manifest import verify_rendering
from sidecar.inference.rendering import Tokenizer
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask, Progress

NO_DEVICE: Final = "none"

log = structlog.get_logger("sidecar")


class RenderingEngine:
    """Renders in a thread of its own, one request after another: a tokenizer is not made for several at a time."""

    abilities = Abilities(kind="renderer", defined_sampler=False, embeds=False)
    wants_device = False

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.running = 0
        self._tokenizer: Tokenizer | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="renderer")
        self._is_closed = False

    @property
    def is_ready(self) -> bool:
        """Whether its tokenizer is loaded."""
        return self._tokenizer is not None

    async def open(self) -> None:
        """Check the files and load the tokenizer.  Raises what is wrong with them."""
        self._tokenizer = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        log.info("engine_ready", model=self.spec.manifest.name, device=NO_DEVICE)

    async def run(self) -> None:
        """Nothing of it can be lost; until cancelled."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """End the thread; requests that wait end with sidecar_stopping."""
        self._is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def render(self, *, chat: str | None, text: str) -> tuple[int, ...]:
        """The tokens of a conversation (JSON), or of a text where there is none.

        Raises chat_invalid, engine_starting, engine_busy, sidecar_stopping.
        """
        tokenizer, limit = self._tokenizer, self.spec.max_requests
        if self._is_closed:
            raise SidecarError("sidecar_stopping")
        if tokenizer is None:
            raise SidecarError("engine_starting", self.spec.manifest.name)
        if self.running >= limit:
            raise SidecarError("engine_busy", f"{limit} requests", limit=limit)
        encode, asked = (tokenizer.encode, text) if chat is None else (tokenizer.encode_chat, chat)
        self.running += 1
        try:
            return tuple(await asyncio.get_running_loop().run_in_executor(self._thread, encode, asked))
        except asyncio.CancelledError:
            if self._is_closed:
                raise SidecarError("sidecar_stopping") from None
            raise
        finally:
            self.running -= 1

    async def generate(self, key: int, task: GenerateTask) -> AsyncIterator[Progress]:  # noqa: ARG002 - as every engine
        """Raises generating_unsupported."""
        raise SidecarError("generating_unsupported", self.spec.manifest.name)
        yield  # type: ignore[unreachable]  # makes it a generator

    async def allow(self, key: int, allowance: int) -> None:
        """No request runs here."""

    async def score(self, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling) -> list[tuple[int, int]]:  # noqa: ARG002 - as every engine
        """Raises scoring_unsupported."""
        raise SidecarError("scoring_unsupported", self.abilities.kind)

    async def embed(self, tokens: Sequence[int]) -> list[float]:  # noqa: ARG002 - as every engine
        """Raises embedding_unsupported."""
        raise SidecarError("embedding_unsupported", self.abilities.kind)

    def hold(self) -> Awaitable[None]:
        """There are no steps to hold."""
        return asyncio.sleep(0)

    def resume(self) -> None:
        """Go on."""

    def _load(self) -> Tokenizer:
        verify_rendering(self.spec.folder)
        return Tokenizer.open(self.spec.folder)
