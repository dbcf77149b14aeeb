"""OpenAI's paths: a request is read, admitted, rendered, worked on, and answered whole or as a stream."""

from __future__ import annotations

import base64
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog
from aiohttp import web

from chain_client.errors import ClientError, TransientError
from rules.answers import answer_seed
from serving.answers import ChatWriter, CompletionWriter, Growing, Head, Writer
from serving.catalogue import Catalogue, ServedModel
from serving.metrics import Metrics
from serving.sampling import build_sampling
from serving.stream import ClientGoneError, EventStream
from serving.work import Deliver, Engine, Permit, Task, beside, work_on
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.documents import parse_request
from wire.openai.errors import ApiError
from wire.openai.prompts import Renderer, read_chat, read_prompt
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest, SamplingRequest
from wire.openai.responses import Embedding, Embeddings, EmbeddingUsage, Model, Models
from wire.openai.sse import DONE, encode_data
from wire.openai.web import JSON, read_body

RETRY_S: Final = 2
Asked = TypeVar("Asked", ChatRequest, CompletionRequest, EmbeddingRequest)
log = structlog.get_logger("serving")


class Sidecar(Engine, Renderer, Protocol):
    """All that is asked of the sidecar.  Every method raises ClientError only."""

    async def embed(self, request: pb.EmbedRequest) -> tuple[float, ...]:
        """The vector of a text's tokens."""
        ...


class Paid(Permit, Protocol):
    """One request that was let in."""

    @property
    def headers(self) -> dict[str, str]:
        """What its answer's head tells beside OpenAI's words."""
        ...

    def check_model(self, model: pb.LoadedModel) -> None:
        """Raises ApiError voucher_foreign for another model than is paid for."""
        ...

    def open(self, seed: int | None) -> bytes:
        """Keep the request on disk; returns the 32 bytes that its tokens are drawn from.  Raises ApiError."""
        ...

    def note_tokens(self, place: int, tokens: Sequence[int]) -> None:
        """So many more tokens of a choice: their text goes out before the next progress."""
        ...

    def progress(self) -> bytes:
        """A comment for the stream, or nothing."""
        ...

    async def wait_for_news(self) -> None:
        """Wait until there is progress to tell of, though no token has come."""
        ...

    async def cover(self, tokens: int) -> None:
        """Wait until so much work, done at one stroke, is granted, and count it as done.  Raises ApiError."""
        ...

    def close(self, choices: Sequence[Growing]) -> bytes:
        """Keep the answer on disk; returns the comment that ends the stream, or nothing.  Raises ApiError."""
        ...

    def release(self) -> None:
        """The request has ended, with an answer or without."""
        ...


class Door(Protocol):
    """Lets requests in, or not."""

    async def admit(self, request: web.Request, body: bytes) -> Paid:
        """The permit for a request, whose body nobody has read yet.  Raises ApiError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the API works with; `now_s` is Unix time, `entropy` gives so many random bytes."""

    sidecar: Sidecar
    catalogue: Catalogue
    door: Door
    metrics: Metrics
    now_s: Callable[[], float]
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request, ready to be worked on."""

    asked: SamplingRequest
    model: ServedModel
    paid: Paid
    writer: Writer
    tasks: tuple[Task, ...]


class Api:
    """The handlers."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def list_models(self, request: web.Request) -> web.StreamResponse:  # noqa: ARG002 - a handler's shape
        """GET /v1/models."""
        models = [Model(id=model.loaded.name) for model in await self._ports.catalogue.all()]
        return web.Response(text=Models(data=models).encode(), content_type=JSON)

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/models/NAME."""
        model = await self._ports.catalogue.find(request.match_info["name"])
        return web.Response(text=Model(id=model.loaded.name).encode(), content_type=JSON)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        paid, asked, model = await self._let_in(request, ChatRequest)
        with model.gate.admit(asked.n or 1):
            prompts = [await self._render(read_chat(self._ports.sidecar, model.loaded, asked))] * (asked.n or 1)
            head = self._head("chatcmpl-", model)
            writer = ChatWriter(head, asked, prompts, lambda: f"call_{self._ports.entropy(12).hex()}")
            tops = (asked.top_logprobs or 0) if asked.logprobs else None
            tasks = self._plan(asked, model, prompts, (asked.token_limit, tops), paid.open(asked.seed))
            return await self._answer(request, Job(asked=asked, model=model, paid=paid, writer=writer, tasks=tasks))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/completions."""
        paid, asked, model = await self._let_in(request, CompletionRequest)
        n = asked.n or 1
        with model.gate.admit(n * len(asked.prompts)):
            prompts = [
                await self._render(read_prompt(self._ports.sidecar, model.loaded, prompt, "prompt"))
                for prompt in asked.prompts
            ]
            prompts = [prompt for prompt in prompts for _ in range(n)]
            writer = CompletionWriter(self._head("cmpl-", model), prompts, asked.logprobs)
            tasks = self._plan(asked, model, prompts, (asked.token_limit, asked.logprobs), paid.open(asked.seed))
            return await self._answer(request, Job(asked=asked, model=model, paid=paid, writer=writer, tasks=tasks))

    async def embed(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/embeddings."""
        paid, asked, model = await self._let_in(request, EmbeddingRequest)
        if not model.loaded.embeds:
            raise ApiError("unsupported_value", f"{asked.model} makes no embeddings", param="model")
        with model.gate.admit(1):
            inputs = [
                await self._render(read_prompt(self._ports.sidecar, model.loaded, text, "input"))
                for text in asked.inputs
            ]
            paid.open(None)
            try:
                async with model.gate.slot():
                    vectors = [await self._embed_one(model, paid, tokens) for tokens in inputs]
            finally:
                paid.release()
        as_base64 = asked.encoding_format == "base64"
        total = sum(map(len, inputs))
        answer = Embeddings(
            data=[Embedding(index=i, embedding=_pack(v) if as_base64 else list(v)) for i, v in enumerate(vectors)],
            model=asked.model,
            usage=EmbeddingUsage(prompt_tokens=total, total_tokens=total),
        )
        return web.Response(text=answer.encode(), content_type=JSON, headers=paid.headers)

    async def _embed_one(self, model: ServedModel, paid: Paid, tokens: tuple[int, ...]) -> tuple[float, ...]:
        await paid.cover(len(tokens))
        request = pb.EmbedRequest(content_hash=model.loaded.content_hash, tokens=tokens)
        try:
            return await self._ports.sidecar.embed(request)
        except ClientError as error:
            raise translate(error) from error

    async def _let_in(self, request: web.Request, kind: type[Asked]) -> tuple[Paid, Asked, ServedModel]:
        """Who pays, then what is asked, then of which model: nobody's body is looked into who does not pay."""
        body = await read_body(request)
        paid = await self._ports.door.admit(request, body)
        asked = parse_request(body, kind)
        model = await self._ports.catalogue.find(asked.model)
        paid.check_model(model.loaded)
        return paid, asked, model

    def _head(self, prefix: str, model: ServedModel) -> Head:
        return Head(
            answer_id=prefix + self._ports.entropy(12).hex(),
            created=int(self._ports.now_s()),
            model=model.loaded.name,
            fingerprint=f"fp_{model.loaded.content_hash[:6].hex()}",
        )

    def _plan(
        self,
        asked: SamplingRequest,
        model: ServedModel,
        prompts: Sequence[tuple[int, ...]],
        wanted: tuple[int | None, int | None],
        seed: bytes,
    ) -> tuple[Task, ...]:
        """The tasks; `wanted` are the most tokens of one answer, and how many alternatives, None for no logprobs."""
        most_tokens, alternatives = wanted
        name = self._ports.entropy(12).hex()
        return tuple(
            Task(
                index=index,
                request=pb.GenerateRequest(
                    request_id=f"{name}-{index}",
                    content_hash=model.loaded.content_hash,
                    prompt=prompt,
                    sampling=build_sampling(asked, answer_seed(seed, index)),
                    max_tokens=min(most_tokens or model.loaded.max_context, model.loaded.max_context - len(prompt)),
                    stop=asked.stops,
                    logprobs=alternatives is not None,
                    top_logprobs=alternatives or 0,
                ),
            )
            for index, prompt in enumerate(prompts)
        )

    async def _answer(self, request: web.Request, job: Job) -> web.StreamResponse:
        try:
            return await (self._stream(request, job) if job.asked.stream else self._answer_whole(job))
        finally:
            job.paid.release()

    async def _answer_whole(self, job: Job) -> web.StreamResponse:
        async def keep(index: int, chunk: pb.GenerateChunk) -> None:
            self._count(job, chunk)
            job.writer.take(index, chunk)

        await self._work(job, keep)
        job.paid.close(job.writer.choices)
        return web.Response(text=job.writer.whole(), content_type=JSON, headers=job.paid.headers)

    async def _stream(self, request: web.Request, job: Job) -> web.StreamResponse:
        stream = EventStream(request, job.paid.headers)

        async def write(index: int, chunk: pb.GenerateChunk) -> None:
            self._count(job, chunk)
            events = job.writer.take(index, chunk) if chunk.tokens or chunk.text or chunk.finish_reason else []
            job.paid.note_tokens(index, [token.token for token in chunk.tokens])
            await stream.send(b"".join(map(encode_data, events)) + job.paid.progress())

        async def tell() -> None:
            while True:
                await job.paid.wait_for_news()
                await stream.send(job.paid.progress())

        try:
            async with beside(tell()):
                await self._work(job, write)
            note = job.paid.close(job.writer.choices)
            usage = encode_data(job.writer.usage_event()) if job.asked.wants_usage else b""
            return await stream.end(usage + note + DONE)
        except ApiError as error:
            if not stream.began:
                raise
            self._ports.metrics.count_failure(error.code)
            return await stream.fail(error)
        except ClientGoneError:
            self._ports.metrics.count_failure("client_gone")
            return stream.response

    async def _work(self, job: Job, deliver: Deliver) -> None:
        try:
            await work_on(self._ports.sidecar, job.model.gate, job.paid, job.tasks, deliver)
        except ClientError as error:
            raise translate(error) from error

    async def _render(self, rendering: Awaitable[tuple[int, ...]]) -> tuple[int, ...]:
        try:
            return await rendering
        except ClientError as error:
            raise translate(error) from error

    def _count(self, job: Job, chunk: pb.GenerateChunk) -> None:
        self._ports.metrics.count_tokens(job.model.loaded.name, len(chunk.tokens))


def add_routes(app: web.Application, api: Api) -> None:
    """OpenAI's paths."""
    app.add_routes(
        [
            web.get("/v1/models", api.list_models),
            web.get("/v1/models/{name}", api.get_model),
            web.post("/v1/chat/completions", api.chat),
            web.post("/v1/completions", api.complete),
            web.post("/v1/embeddings", api.embed),
        ]
    )


def translate(error: ClientError) -> ApiError:
    """What a failure of the sidecar means for who asked."""
    told = str(error.fields.get("sidecar_code", ""))
    if told in BUSY:
        return ApiError("queue_full", error.detail, retry_after_s=RETRY_S)
    if told in WRONG:
        return ApiError("invalid_value", error.detail)
    if told == "prompt_too_long":
        return ApiError("context_length_exceeded", error.detail)
    if isinstance(error, TransientError):
        return ApiError("sidecar_unavailable", error.detail, retry_after_s=RETRY_S)
    return ApiError("sidecar_failed", error.detail)


BUSY: Final = {"engine_busy", "engine_out_of_memory", "engine_starting"}
WRONG: Final = {"chat_invalid", "prompt_invalid", "sampling_invalid", "stop_invalid", "max_tokens_invalid"}


def _pack(values: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
