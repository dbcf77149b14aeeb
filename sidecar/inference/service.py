"""The gRPC service Inference: reads a request, checks every field, asks an engine, answers with messages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import grpc

from sidecar.calls import serve_stream, serve_unary
from sidecar.errors import SidecarError
from sidecar.inference.engine import Engine
from sidecar.inference.roster import Roster
from sidecar.inference.sampler import MILLION, Sampling
from sidecar.inference.tasks import DrawnToken, GenerateTask, Progress
from sidecar.inference.vocabulary import PIECE, Vocabularies
from wire.gonka.sidecar.v1 import inference_pb2 as pb

INFERENCE: Final = "gonka.sidecar.v1.Inference"
MAX_STOPS: Final = 16
MAX_STOP_LENGTH: Final = 1024
MAX_TOP_LOGPROBS: Final = 20
MAX_BIAS: Final = 1024
MAX_MILLI: Final = 1_000_000
"""Temperatures, penalties and biases up to a thousand."""
_REQUEST_ID: Final = re.compile(r"[a-z0-9-]{1,64}")


class InferenceService:
    """Answers for the engines of a roster."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._vocabularies = Vocabularies()

    def build_handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server serves under INFERENCE."""
        handlers = {
            "Models": serve_unary(pb.ModelsRequest, self.get_models),
            "Render": serve_unary(pb.RenderRequest, self.render),
            "Vocabulary": serve_unary(pb.VocabularyRequest, self.get_vocabulary),
            "Generate": serve_stream(pb.GenerateRequest, self.generate),
            "Allow": serve_unary(pb.AllowRequest, self.allow),
            "Score": serve_unary(pb.ScoreRequest, self.score),
            "Embed": serve_unary(pb.EmbedRequest, self.embed),
        }
        return grpc.method_handlers_generic_handler(INFERENCE, handlers)

    async def get_models(self, request: Any) -> Any:  # noqa: ARG002 - the shape of every call
        """The models that are loaded now, once for each device."""
        return pb.ModelsResponse(models=[_build_model(e) for e in self._roster.engines if e.is_ready])

    async def render(self, request: Any) -> Any:
        """A prompt's tokens."""
        engine = self._roster.find(request.content_hash)
        chat = request.chat if request.WhichOneof("prompt") == "chat" else None
        return pb.RenderResponse(tokens=await engine.render(chat=chat, text=request.text))

    async def get_vocabulary(self, request: Any) -> Any:
        """A piece of what tokens add to an answer's text; empty past the last token."""
        found = await self._vocabularies.find(self._roster.find(request.content_hash).spec)
        texts = found.texts[request.first : request.first + PIECE]
        return pb.VocabularyResponse(texts=texts, ends=sorted(found.ends))

    async def generate(self, request: Any) -> AsyncIterator[Any]:
        """An answer as it grows."""
        if not _REQUEST_ID.fullmatch(request.request_id):
            raise SidecarError("request_id_invalid", f"{request.request_id[:80]!r}")
        engine = self._roster.find(request.content_hash)
        task = GenerateTask(
            prompt=_read_prompt(request.prompt, engine),
            sampling=_read_sampling(request.sampling, engine),
            max_tokens=_read_max_tokens(request.max_tokens),
            stop=_read_stop(request.stop),
            logprobs=request.logprobs,
            top_logprobs=_read_top(request.top_logprobs, engine),
            allowance=request.allowance_tokens,
        )
        async for progress in self._roster.generate(request.request_id, request.content_hash, task):
            yield _build_chunk(progress)

    async def allow(self, request: Any) -> Any:
        """Lets a running request do more."""
        await self._roster.allow(request.request_id, request.allowance_tokens)
        return pb.AllowResponse()

    async def score(self, request: Any) -> Any:
        """How far each token of an answer lies from what the model would have drawn."""
        engine = self._roster.find(request.content_hash)
        prompt, sampling = _read_prompt(request.prompt, engine), _read_sampling(request.sampling, engine)
        answer = tuple(request.answer)
        if not answer or max(answer) >= engine.spec.manifest.vocabulary:
            raise SidecarError("answer_invalid", f"{len(answer)} tokens")
        if len(prompt) + len(answer) > engine.spec.manifest.max_context:
            raise SidecarError("prompt_too_long", f"{len(prompt)} and {len(answer)} tokens")
        scores = await self._roster.score(request.content_hash, prompt, answer, sampling)
        return pb.ScoreResponse(scores=[pb.TokenScore(expected=token, gap_milli=gap) for token, gap in scores])

    async def embed(self, request: Any) -> Any:
        """A vector for a text's tokens."""
        tokens = _read_prompt(request.tokens, self._roster.find(request.content_hash))
        return pb.EmbedResponse(values=await self._roster.embed(request.content_hash, tokens))


def _read_prompt(tokens: Sequence[int], engine: Engine) -> tuple[int, ...]:
    manifest = engine.spec.manifest
    if len(tokens) >= manifest.max_context:
        detail = f"{len(tokens)} tokens; {manifest.max_context} are all, with the answer"
        raise SidecarError("prompt_too_long", detail, limit=manifest.max_context)
    if not tokens or max(tokens) >= manifest.vocabulary:
        raise SidecarError("prompt_invalid", f"{len(tokens)} tokens of a vocabulary of {manifest.vocabulary}")
    return tuple(tokens)


def _read_sampling(sampling: Any, engine: Engine) -> Sampling:
    penalties = (sampling.frequency_penalty_milli, sampling.presence_penalty_milli)
    bias = tuple((entry.token, entry.bias_milli) for entry in sampling.bias)
    milli = (sampling.temperature_milli, *penalties, *(value for _, value in bias))
    if any(abs(value) > MAX_MILLI for value in milli) or sampling.top_p_ppm > MILLION:
        raise SidecarError("sampling_invalid", "a value is too great")
    vocabulary = engine.spec.manifest.vocabulary
    tokens = {token for token, _ in bias}
    if len(bias) > MAX_BIAS or len(tokens) < len(bias) or any(token >= vocabulary for token in tokens):
        raise SidecarError("sampling_invalid", f"{len(bias)} biases; each for another token of the vocabulary")
    if len(sampling.seed) != 32 and (sampling.temperature_milli or sampling.seed):
        raise SidecarError("sampling_invalid", f"a seed of {len(sampling.seed)} bytes")
    return Sampling(
        temperature_milli=sampling.temperature_milli,
        top_k=sampling.top_k,
        top_p_ppm=sampling.top_p_ppm,
        frequency_penalty_milli=penalties[0],
        presence_penalty_milli=penalties[1],
        bias=bias,
        seed=sampling.seed,
    )


def _read_max_tokens(max_tokens: int) -> int:
    if max_tokens == 0:
        raise SidecarError("max_tokens_invalid")
    return max_tokens


def _read_stop(stop: Sequence[str]) -> tuple[str, ...]:
    if len(stop) > MAX_STOPS or any(not 0 < len(text) <= MAX_STOP_LENGTH for text in stop):
        raise SidecarError("stop_invalid", f"{len(stop)}; at most {MAX_STOPS} of 1 to {MAX_STOP_LENGTH} letters")
    return tuple(stop)


def _read_top(count: int, engine: Engine) -> int:
    if count > min(MAX_TOP_LOGPROBS, engine.spec.manifest.vocabulary - 1):
        raise SidecarError("sampling_invalid", f"{count} alternatives; {MAX_TOP_LOGPROBS} are the most")
    return count


def _build_model(engine: Engine) -> Any:
    manifest = engine.spec.manifest
    return pb.LoadedModel(
        content_hash=manifest.content_hash,
        tokenizer_hash=manifest.tokenizer_hash,
        name=manifest.name,
        max_context=manifest.max_context,
        vocabulary=manifest.vocabulary,
        engine=engine.abilities.kind,
        device=engine.spec.device,
        defined_sampler=engine.abilities.defined_sampler,
        embeds=engine.abilities.embeds,
        max_requests=engine.spec.max_requests,
        running_requests=engine.running,
    )


def _build_chunk(progress: Progress) -> Any:
    return pb.GenerateChunk(
        tokens=[_build_token(token) for token in progress.tokens],
        text=progress.text,
        prompt_done=progress.prompt_done,
        finish_reason=progress.finish_reason,
    )


def _build_token(token: DrawnToken) -> Any:
    top = [pb.TokenLogprob(token=a.token, logprob_micro=a.logprob_micro, text=a.text) for a in token.top]
    return pb.GeneratedToken(token=token.token, logprob_micro=token.logprob_micro, top=top, text=token.text)
