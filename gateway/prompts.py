"""Prompts counted exactly, by a sidecar of the gateway's operator; where it cannot, bytes bound them as ever."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from chain_client.errors import ClientError, TransientError
from gateway.counting import Request, count_prompt
from gateway.market import OnChainModel
from gateway.spelling import Vocabulary
from gateway.vocabularies import Sidecar as Speller
from gateway.vocabularies import Vocabularies
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.prompts import Renderer, read_chat, read_prompt
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest

log = structlog.get_logger("gateway")

DEADLINE_S: Final = 1.0
"""A request waits so long for its count, and no longer."""
FRESH_S: Final = 5.0
"""So long a list of the sidecar's models holds."""
PATIENCE: Final = 3
REST_S: Final = 5.0
"""After PATIENCE failures in a row the sidecar is left alone for so long: no request waits for one that hangs."""
WRONG: Final = frozenset({"chat_invalid", "prompt_invalid"})
"""A sidecar's refusals that every host's sidecar shares: the request is wrong."""
COUNTED: Final = "exactly"
BOUNDED: Final = "by_bytes"


class Sidecar(Renderer, Speller, Protocol):
    """What is asked of a sidecar; every method raises ClientError only."""

    async def models(self) -> tuple[pb.LoadedModel, ...]:
        """The models that it has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A request's prompts in tokens, each once, how many they come to over all its choices, and the vocabulary.

    Without a vocabulary answers are held by bytes; embeddings need none.
    """

    prompts: tuple[tuple[int, ...], ...]
    tokens: int
    vocabulary: Vocabulary | None


def choose_renderer(loaded: Sequence[pb.LoadedModel], model: OnChainModel) -> pb.LoadedModel | None:
    """The sidecar's model that is the chain's, tokenizer and template too, within the shorter of both contexts."""
    wanted = (model.content_hash, model.tokenizer_hash)
    for found in loaded:
        if (found.content_hash, found.tokenizer_hash) == wanted:
            chosen = pb.LoadedModel()
            chosen.CopyFrom(found)
            chosen.max_context = min(found.max_context, model.max_context)
            return chosen
    return None


class PromptCounter:
    """Asks one sidecar; `now_s` is monotonic.  `tally` counts requests by how their prompts were counted."""

    def __init__(self, sidecar: Sidecar, now_s: Callable[[], float]) -> None:
        self.tally: Counter[str] = Counter()
        self._sidecar = sidecar
        self._now_s = now_s
        self._turn = asyncio.Lock()
        self._loaded: tuple[pb.LoadedModel, ...] = ()
        self._looked_s: float | None = None
        self._failures = 0
        self._rests_until_s = 0.0
        self._said: set[tuple[str, str]] = set()
        self._vocabularies = Vocabularies(sidecar, now_s)

    def close(self) -> None:
        """Ask for nothing more."""
        self._vocabularies.close()

    async def count(self, request: Request, model: OnChainModel) -> Counted | None:
        """A request's prompts, counted; None where the sidecar does not say in time.

        Raises ApiError for what the caller did wrong: context_length_exceeded, invalid_value.
        """
        counted = await self._ask(request, model)
        self.tally[BOUNDED if counted is None else COUNTED] += 1
        return counted

    async def _ask(self, request: Request, model: OnChainModel) -> Counted | None:
        if self._now_s() < self._rests_until_s:
            return None
        try:
            async with asyncio.timeout(DEADLINE_S):
                chosen = choose_renderer(await self._look(), model)
                if chosen is None:
                    self._say(model, "model_not_rendered", "the sidecar has no model of these hashes")
                    return None
                prompts = await _render(self._sidecar, chosen, request)
        except TimeoutError:
            self._note_failure(model, "sidecar_timed_out", f"no answer within {DEADLINE_S:.0f} s")
            return None
        except ClientError as error:
            told = str(error.fields.get("sidecar_code") or error.code)
            if told in WRONG:
                raise ApiError("invalid_value", error.detail) from error
            self._looked_s = None
            if isinstance(error, TransientError):
                self._note_failure(model, told, error.detail)
            else:
                self._say(model, told, error.detail)
            return None
        self._note_success(model)
        answers_in_text = not isinstance(request, EmbeddingRequest)
        return Counted(
            prompts=prompts,
            tokens=count_prompt(request, [len(prompt) for prompt in prompts]),
            vocabulary=await self._vocabularies.find(chosen) if answers_in_text else None,
        )

    async def _look(self) -> tuple[pb.LoadedModel, ...]:
        """The sidecar's models; those who come while somebody looks wait for what that one finds."""
        async with self._turn:
            if self._looked_s is None or self._now_s() - self._looked_s >= FRESH_S:
                self._loaded = await self._sidecar.models()
                self._looked_s = self._now_s()
            return self._loaded

    def _note_failure(self, model: OnChainModel, code: str, detail: str) -> None:
        self._failures += 1
        if self._failures >= PATIENCE:
            self._rests_until_s = self._now_s() + REST_S
        self._say(model, code, detail)

    def _note_success(self, model: OnChainModel) -> None:
        self._failures = 0
        said = {place for place in self._said if place[0] == model.name}
        if said:
            self._said -= said
            log.info("prompts_counted", model=model.name)

    def _say(self, model: OnChainModel, code: str, detail: str) -> None:
        """Once for a model and a reason, until it is counted again."""
        if (model.name, code) not in self._said:
            self._said.add((model.name, code))
            log.warning("prompts_not_counted", model=model.name, code=code, detail=detail)


async def _render(sidecar: Sidecar, model: pb.LoadedModel, request: Request) -> tuple[tuple[int, ...], ...]:
    """Each prompt's tokens.  Raises ApiError; ClientError."""
    if isinstance(request, ChatRequest):
        return (await read_chat(sidecar, model, request),)
    prompts, param = (
        (request.prompts, "prompt") if isinstance(request, CompletionRequest) else (request.inputs, "input")
    )
    return tuple([await read_prompt(sidecar, model, prompt, param) for prompt in prompts])
