"""The engines of a sidecar: which models they run, and which of them takes a request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from sidecar.config import SidecarConfig
from sidecar.device import WorkerDiedError
from sidecar.errors import SidecarError
from sidecar.inference.embedded import EmbeddedEngine
from sidecar.inference.engine import Engine, EngineSpec
from sidecar.inference.manifest import find_models
from sidecar.inference.renderer import NO_DEVICE, RenderingEngine
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask, Progress

CPU_REQUESTS: Final = 64
CARD_REQUESTS: Final = 256
"""Requests that an engine takes; all of them are worked on together as far as memory goes."""


def build_engines(
    config: SidecarConfig, devices: Sequence[str], threads: int, changed: Callable[[], None]
) -> list[Engine]:
    """An engine for each model that is to be served and each device; none where the operator names no models.

    One that only renders has no device.

    Raises model_missing, model_manifest_invalid, model_path_unsafe.
    """
    if config.models is None:
        return []
    manifests = {manifest.name: manifest for manifest in find_models(config.models)}
    names = config.model or tuple(manifests)
    if not names or not {*names} <= {*manifests}:
        missing = ", ".join(sorted({*names} - {*manifests})) or "any model"
        raise SidecarError("model_missing", f"{config.models} has not {missing}")
    specs = [
        EngineSpec(
            folder=config.models / name,
            manifest=manifests[name],
            device=device,
            threads=threads,
            max_requests=CPU_REQUESTS if device in {"cpu", NO_DEVICE} else CARD_REQUESTS,
        )
        for name in names
        for device in ([NO_DEVICE] if config.render_only else dict.fromkeys(devices))
    ]
    if config.render_only:
        return [RenderingEngine(spec) for spec in specs]
    if config.vllm is None:
        return [EmbeddedEngine(spec, changed) for spec in specs]
    from sidecar.inference.vllm import VllmEngine

    return [VllmEngine(spec, config.vllm, changed) for spec in specs]


@dataclass(slots=True, kw_only=True)
class Tally:
    """Tokens since start."""

    prompt_tokens: int = 0
    answer_tokens: int = 0


class Roster:
    """All engines, several for a model where there are several devices."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self.engines = tuple(engines)
        self.tally = Tally()
        self._requests: dict[str, tuple[Engine, int]] = {}
        self._keys = count(start=1)

    async def open(self) -> None:
        """Load all models.  Raises what is wrong with one that cannot be loaded, engine_died."""
        results = await asyncio.gather(*(engine.open() for engine in self.engines), return_exceptions=True)
        for engine, result in zip(self.engines, results, strict=True):
            if isinstance(result, WorkerDiedError):
                raise SidecarError("engine_died", f"{engine.spec.manifest.name}: {result}") from result
            if result is not None:
                raise result

    async def close(self) -> None:
        """Unload all."""
        await asyncio.gather(*(engine.close() for engine in self.engines))

    def wants_device(self, device: str) -> bool:
        """Whether a request could go on now on a device."""
        return any(engine.wants_device for engine in self.engines if engine.spec.device == device)

    @asynccontextmanager
    async def held(self, device: str, at_most_s: float) -> AsyncIterator[None]:
        """Within it no engine works on a device, unless it lasts too long: users wait for nothing that hangs."""
        engines = [engine for engine in self.engines if engine.spec.device == device]
        rests = [engine.hold() for engine in engines]

        def release() -> None:
            while engines:
                engines.pop().resume()

        timer = asyncio.get_running_loop().call_later(at_most_s, release)
        try:
            await asyncio.gather(*rests)
            yield
        finally:
            timer.cancel()
            release()

    def find(self, content_hash: bytes) -> Engine:
        """The engine with the fewest requests of those that run the model.  Raises model_not_served."""
        able = [engine for engine in self.engines if engine.spec.manifest.content_hash == content_hash]
        if not able:
            raise SidecarError("model_not_served", content_hash.hex()[:64])
        return min(able, key=lambda engine: (not engine.is_ready, engine.running))

    async def generate(self, request_id: str, content_hash: bytes, task: GenerateTask) -> AsyncIterator[Progress]:
        """An answer as it grows.  Raises model_not_served, request_id_taken, and what the engine raises."""
        engine = self.find(content_hash)
        if request_id in self._requests:
            raise SidecarError("request_id_taken", request_id)
        key = next(self._keys)
        self._requests[request_id] = engine, key
        stream, prompt_done = engine.generate(key, task), 0
        try:
            async for progress in stream:
                self.tally.prompt_tokens += progress.prompt_done - prompt_done
                self.tally.answer_tokens += len(progress.tokens)
                prompt_done = progress.prompt_done
                yield progress
        finally:
            del self._requests[request_id]
            await stream.aclose()  # type: ignore[attr-defined]  # a generator: what it holds is freed now

    async def allow(self, request_id: str, allowance: int) -> None:
        """Raise a running request's allowance.  Raises request_unknown."""
        if request_id not in self._requests:
            raise SidecarError("request_unknown", request_id)
        engine, key = self._requests[request_id]
        await engine.allow(key, allowance)

    async def score(
        self, content_hash: bytes, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling
    ) -> list[tuple[int, int]]:
        """(expected token, gap in thousandths) of each of the answer's tokens.  Raises scoring_unsupported."""
        return await self.find(content_hash).score(prompt, answer, sampling)

    async def embed(self, content_hash: bytes, tokens: Sequence[int]) -> list[float]:
        """A vector of length 1.  Raises embedding_unsupported."""
        return await self.find(content_hash).embed(tokens)
