"""The models that the sidecar serves, as it last told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from chain_client.errors import ClientError
from serving.gate import Gate
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError

FRESH_S: Final = 5.0
RETRY_S: Final = 2


class ModelSource(Protocol):
    """What tells which models there are."""

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        """The models served.  Raises ClientError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model and its gate."""

    loaded: pb.LoadedModel
    gate: Gate


class Catalogue:
    """Asks again when what it knows is older than FRESH_S; `now_s` is monotonic."""

    def __init__(self, source: ModelSource, *, queue: int, now_s: Callable[[], float]) -> None:
        self._source = source
        self._queue = queue
        self._now_s = now_s
        self._turn = asyncio.Lock()
        self._asked_s: float | None = None
        self._models: dict[str, ServedModel] = {}

    async def all(self) -> tuple[ServedModel, ...]:
        """All models, by name.  Raises ApiError sidecar_unavailable."""
        await self._refresh()
        return tuple(self._models[name] for name in sorted(self._models))

    async def find(self, name: str) -> ServedModel:
        """The model of a name.  Raises ApiError: model_not_found, sidecar_unavailable."""
        await self._refresh()
        if name not in self._models:
            raise ApiError("model_not_found", f"no model {name!r} is served here", param="model")
        return self._models[name]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """The gates of the models last told of."""
        return tuple(model.gate for model in self._models.values())

    async def _refresh(self) -> None:
        async with self._turn:
            if self._asked_s is not None and self._now_s() - self._asked_s < FRESH_S:
                return
            try:
                told = await self._source.models()
            except ClientError as error:
                raise ApiError("sidecar_unavailable", error.detail, retry_after_s=RETRY_S) from error
            names = {model.name for model in told}
            self._models = {name: self._keep([model for model in told if model.name == name]) for name in names}
            self._asked_s = self._now_s()

    def _keep(self, copies: list[pb.LoadedModel]) -> ServedModel:
        """One model, on one device or more.  One known from before keeps its gate, and with it those who wait there."""
        capacity = sum(copy.max_requests for copy in copies)
        known = self._models.get(copies[0].name)
        if known is not None and known.gate.capacity == capacity:
            return ServedModel(loaded=copies[0], gate=known.gate)
        return ServedModel(loaded=copies[0], gate=Gate(capacity, self._queue))
