"""Each model's vocabulary, read once from the sidecar that counts prompts; until it is there, bytes bound answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from chain_client.errors import ClientError, PermanentError
from gateway.spelling import Vocabulary
from wire.gonka.sidecar.v1 import inference_pb2 as pb

log = structlog.get_logger("gateway")

DEADLINE_S: Final = 1.0
"""Requests wait for a vocabulary that is being read until so long after its first was asked for, and no longer."""
AGAIN_S: Final = 30.0
"""After a failure it is not asked for for so long."""


class Sidecar(Protocol):
    """What is asked of a sidecar; raises ClientError only."""

    async def read_vocabulary(self, content_hash: bytes, first: int) -> pb.VocabularyResponse:
        """What tokens add to an answer's text, as many as come in one message."""
        ...


class Vocabularies:
    """By the models' content hashes; `now_s` is monotonic."""

    def __init__(self, sidecar: Sidecar, now_s: Callable[[], float]) -> None:
        self._sidecar = sidecar
        self._now_s = now_s
        self._found: dict[bytes, Vocabulary] = {}
        self._reading: dict[bytes, tuple[asyncio.Task[None], float]] = {}
        self._failed_s: dict[bytes, float] = {}

    async def find(self, model: pb.LoadedModel) -> Vocabulary | None:
        """A model's vocabulary; None where it cannot be had in time."""
        key = model.content_hash
        if key not in self._found and self._now_s() - self._failed_s.get(key, -AGAIN_S) >= AGAIN_S:
            if key not in self._reading:
                self._reading[key] = asyncio.create_task(self._read(model)), self._now_s()
            reading, began_s = self._reading[key]
            await asyncio.wait([reading], timeout=max(0.0, began_s + DEADLINE_S - self._now_s()))
        return self._found.get(key)

    def close(self) -> None:
        """Read no more."""
        for reading, _ in self._reading.values():
            reading.cancel()

    async def _read(self, model: pb.LoadedModel) -> None:
        key = model.content_hash
        try:
            self._found[key] = await read_vocabulary(self._sidecar, model)
        except ClientError as error:
            self._failed_s[key] = self._now_s()
            told = str(error.fields.get("sidecar_code") or error.code)
            log.warning("answers_not_counted", model=model.name, code=told, detail=error.detail)
        else:
            log.info("answers_counted", model=model.name, tokens=model.vocabulary)
        finally:
            del self._reading[key]


async def read_vocabulary(sidecar: Sidecar, model: pb.LoadedModel) -> Vocabulary:
    """All of it, piece by piece.  Raises ClientError."""
    texts: list[bytes] = []
    ends: frozenset[int] = frozenset()
    while len(texts) < model.vocabulary:
        piece = await sidecar.read_vocabulary(model.content_hash, len(texts))
        if not piece.texts:
            raise PermanentError("sidecar_refused", f"{len(texts)} tokens of a vocabulary of {model.vocabulary}")
        texts += piece.texts
        ends = frozenset(piece.ends)
    return await asyncio.to_thread(Vocabulary, texts, ends)
