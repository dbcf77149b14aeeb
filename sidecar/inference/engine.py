"""What an engine is to the sidecar: one model on one device, whoever computes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sidecar.inference.manifest import Manifest
from sidecar.inference.sampler import Sampling
from sidecar.inference.tasks import GenerateTask, Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """A model in its folder, the device by torch's name, CPU threads, and the most requests at a time."""

    folder: Path
    manifest: Manifest
    device: str
    threads: int
    max_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What an engine can: draw by the defined sampler, and score by it; make embeddings."""

    kind: str
    defined_sampler: bool
    embeds: bool


class Engine(Protocol):
    """Opened once; `run` keeps it up.  Requests are named by a number that is never used twice."""

    spec: EngineSpec
    abilities: Abilities

    @property
    def is_ready(self) -> bool:
        """Whether its model is loaded."""

    @property
    def running(self) -> int:
        """Requests under way, waiting ones too."""

    @property
    def wants_device(self) -> bool:
        """Whether a request could go on now."""

    async def open(self) -> None:
        """Load the model.  Raises what is wrong with it, WorkerDiedError."""

    async def run(self) -> None:
        """Until cancelled; after a crash the model is loaded again."""

    async def close(self) -> None:
        """Unload it; requests under way end with sidecar_stopping."""

    def generate(self, key: int, task: GenerateTask) -> AsyncIterator[Progress]:
        """An answer as it grows.  Raises engine_starting, engine_busy, engine_died, engine_out_of_memory."""

    async def allow(self, key: int, allowance: int) -> None:
        """Raise a request's allowance; a smaller one changes nothing."""

    async def render(self, *, chat: str | None, text: str) -> tuple[int, ...]:
        """The tokens of a conversation (JSON), or of a text where there is none.  Raises chat_invalid."""

    async def score(self, prompt: Sequence[int], answer: Sequence[int], sampling: Sampling) -> list[tuple[int, int]]:
        """(expected token, gap in thousandths) for each of the answer's tokens.  Raises scoring_unsupported."""

    async def embed(self, tokens: Sequence[int]) -> list[float]:
        """A vector of length 1.  Raises embedding_unsupported."""

    def hold(self) -> Awaitable[None]:
        """From now on no new step begins, until each `hold` had its `resume`; await it for the end of the last step."""

    def resume(self) -> None:
        """Go on."""
