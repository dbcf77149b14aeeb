"""What an API of ours answers: OpenAI's objects.  `encode` gives a body, or an event's text."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from wire.openai.messages import ToolCall

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls"]


def _is_none(value: object) -> bool:
    return value is None


class Answered(BaseModel):
    """Of an answer; a reader takes fields that it does not know and leaves them out."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    def encode(self) -> str:
        """JSON without line breaks."""
        return self.model_dump_json()


class Usage(Answered):
    """Tokens computed: every choice is an answer by itself, and its prompt counts."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TopLogprob(Answered):
    """A token that could have stood in a place; `logprob` is a natural logarithm, `bytes` the token's UTF-8 bytes."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(TopLogprob):
    """The token that stands there, and the likeliest ones."""

    top_logprobs: list[TopLogprob] = []


class ChatLogprobs(Answered):
    """One entry for each token of the answer, or of a chunk."""

    content: list[TokenLogprob] | None
    refusal: None = None


class ChatAnswer(Answered):
    """The message of a choice."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCall] | None, Field(exclude_if=_is_none)] = None


class ChatChoice(Answered):
    """One of `n` answers."""

    index: int
    message: ChatAnswer
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason


class ChatCompletion(Answered):
    """The answer of POST /v1/chat/completions without `stream`."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage
    system_fingerprint: str | None = None


class FunctionDelta(Answered):
    """A tool call's name and arguments."""

    name: str | None = None
    arguments: str = ""


class ToolCallDelta(Answered):
    """A tool call within a stream; sent whole, once the model has written it."""

    index: int
    id: str | None = None
    type: Literal["function"] = "function"
    function: FunctionDelta


class ChatDelta(Answered):
    """What a chunk adds to a message."""

    role: Annotated[Literal["assistant"] | None, Field(exclude_if=_is_none)] = None
    content: Annotated[str | None, Field(exclude_if=_is_none)] = None
    tool_calls: Annotated[list[ToolCallDelta] | None, Field(exclude_if=_is_none)] = None


class ChatChunkChoice(Answered):
    """What a chunk adds to a choice; `finish_reason` comes with its last."""

    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason | None = None


class ChatChunk(Answered):
    """An event of POST /v1/chat/completions with `stream`; one with usage has no choices."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: Annotated[Usage | None, Field(exclude_if=_is_none)] = None
    system_fingerprint: str | None = None


class CompletionLogprobs(Answered):
    """Lists of one length: an entry for each token of the answer, or of a chunk."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(Answered):
    """One answer to one prompt, or what a chunk adds to it."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None = None
    finish_reason: FinishReason | None = None


class Completion(Answered):
    """The answer of POST /v1/completions, and each event of it with `stream`."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Annotated[Usage | None, Field(exclude_if=_is_none)] = None
    system_fingerprint: str | None = None


class Embedding(Answered):
    """One input's vector: numbers, or base64 of little-endian float32."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Answered):
    """Tokens of all inputs."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(Answered):
    """The answer of POST /v1/embeddings."""

    object: Literal["list"] = "list"
    data: list[Embedding]
    model: str
    usage: EmbeddingUsage


class Model(Answered):
    """A model that is served; `created` is Unix time, 0 where it is not known."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "gonka"


class Models(Answered):
    """The answer of GET /v1/models."""

    object: Literal["list"] = "list"
    data: list[Model]


class ErrorBody(Answered):
    """What went wrong; `code` never changes its meaning."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorAnswer(Answered):
    """The body of every answer whose status is 4xx or 5xx, and of the event that ends a stream that failed."""

    error: ErrorBody
