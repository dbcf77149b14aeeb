"""What an application may ask, field by field: OpenAI's requests, strictly typed and bounded by limits.py.

A field that OpenAI does not know is refused, as OpenAI does; one that it knows and that changes nothing here (`user`,
`store`, ...) is taken and ignored; one that would change the answer and is not served is refused when it is set.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from wire.openai import limits
from wire.openai.messages import ChatMessage, ResponseFormat, Strict, Tool, ToolChoice, Unserved


def _hold_to(most: int) -> BeforeValidator:
    """No list or object of more than `most`: it is not looked at item by item, as each wrong one becomes an error."""

    def check(value: object) -> object:
        if isinstance(value, dict | list) and len(value) > most:
            raise PydanticCustomError("too_long", f"more than {most} items")
        return value

    return BeforeValidator(check)


ModelName: TypeAlias = Annotated[str, Field(min_length=1, max_length=limits.MODEL_NAME_CHARS)]
TokenId: TypeAlias = Annotated[int, Field(ge=0, lt=limits.TOKEN_IDS)]
Tokens: TypeAlias = Annotated[list[TokenId], Field(fail_fast=True, min_length=1, max_length=limits.PROMPT_TOKENS)]
TokenCount: TypeAlias = Annotated[int, Field(ge=1, le=limits.MAX_TOKENS)]
Stop: TypeAlias = Annotated[str, Field(min_length=1, max_length=limits.STOP_CHARS)]
Stops: TypeAlias = Stop | Annotated[list[Stop], Field(fail_fast=True, max_length=limits.STOPS)]
Repetition: TypeAlias = Annotated[float, Field(ge=-limits.REPETITION, le=limits.REPETITION)]
BiasKey: TypeAlias = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,7})$")]
Bias: TypeAlias = Annotated[float, Field(ge=-limits.BIAS, le=limits.BIAS)]
Biases: TypeAlias = Annotated[
    dict[BiasKey, Bias], _hold_to(limits.BIASED_TOKENS), Field(max_length=limits.BIASED_TOKENS)
]
ShortText: TypeAlias = Annotated[str, Field(max_length=limits.USER_CHARS)]
MetadataKey: TypeAlias = Annotated[str, Field(max_length=limits.METADATA_KEY_CHARS)]
Metadata: TypeAlias = Annotated[
    dict[MetadataKey, ShortText], _hold_to(limits.METADATA_PAIRS), Field(max_length=limits.METADATA_PAIRS)
]


class StreamOptions(Strict):
    """How a stream ends: with a chunk that counts the tokens, or without."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class SamplingRequest(Strict):
    """What /v1/chat/completions and /v1/completions have in common."""

    model: ModelName
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=limits.CHOICES)] | None = None
    temperature: Annotated[float, Field(ge=0, le=limits.TEMPERATURE)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Repetition | None = None
    presence_penalty: Repetition | None = None
    logit_bias: Biases | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    stop: Stops | None = None
    max_tokens: TokenCount | None = None
    user: ShortText | None = None

    @property
    def stops(self) -> list[str]:
        """The stop strings, none for null."""
        return [self.stop] if isinstance(self.stop, str) else list(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk that counts the tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @model_validator(mode="after")
    def _check_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            raise PydanticCustomError("combination", "stream_options goes with stream only")
        return self


class ChatRequest(SamplingRequest):
    """The body of POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Field(fail_fast=True, min_length=1, max_length=limits.MESSAGES)]
    max_completion_tokens: TokenCount | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=limits.TOP_LOGPROBS)] | None = None
    tools: Annotated[list[Tool], Field(fail_fast=True, max_length=limits.TOOLS)] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    metadata: Metadata | None = None
    store: Unserved = None
    service_tier: Literal["auto", "default"] | None = None
    modalities: Annotated[list[Literal["text"]], Field(fail_fast=True, max_length=limits.FIELDS)] | None = None
    prompt_cache_key: ShortText | None = None
    safety_identifier: ShortText | None = None
    audio: Unserved = None
    prediction: Unserved = None
    reasoning_effort: Unserved = None
    verbosity: Unserved = None
    web_search_options: Unserved = None
    functions: Unserved = None
    function_call: Unserved = None

    @property
    def token_limit(self) -> int | None:
        """Most tokens of one answer, None for what the context leaves."""
        return self.max_completion_tokens or self.max_tokens

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise PydanticCustomError("combination", "top_logprobs goes with logprobs only")
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise PydanticCustomError("combination", "max_tokens and max_completion_tokens do not go together")
        names = {tool.function.name for tool in self.tools or ()}
        if len(names) != len(self.tools or ()):
            raise PydanticCustomError("combination", "two tools have one name")
        if self.tool_choice not in {None, "none"} if isinstance(self.tool_choice, str | None) else True:
            self._check_choice(names)
        return self

    def _check_choice(self, names: set[str]) -> None:
        if not names:
            raise PydanticCustomError("combination", "tool_choice goes with tools only")
        if not isinstance(self.tool_choice, str | None) and self.tool_choice.function.name not in names:
            raise PydanticCustomError("combination", "tool_choice names no tool")


class CompletionRequest(SamplingRequest):
    """The body of POST /v1/completions."""

    prompt: (
        str
        | Tokens
        | Annotated[list[str], Field(fail_fast=True, min_length=1, max_length=limits.PROMPTS)]
        | Annotated[list[Tokens], Field(fail_fast=True, min_length=1, max_length=limits.PROMPTS)]
    )
    logprobs: Annotated[int, Field(ge=0, le=limits.COMPLETION_LOGPROBS)] | None = None
    echo: Unserved = None
    suffix: Unserved = None
    best_of: Annotated[int, Field(ge=1, le=1)] | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """Each prompt as text or as tokens; at least one."""
        return _separate(self.prompt)

    @property
    def token_limit(self) -> int:
        """Most tokens of one answer."""
        return self.max_tokens or limits.DEFAULT_COMPLETION_TOKENS

    @model_validator(mode="after")
    def _check_answers(self) -> Self:
        if len(self.prompts) * (self.n or 1) > limits.PROMPTS:
            raise PydanticCustomError("combination", f"prompts times n is more than {limits.PROMPTS}")
        return self


class EmbeddingRequest(Strict):
    """The body of POST /v1/embeddings."""

    model: ModelName
    input: (
        Annotated[str, Field(min_length=1)]
        | Tokens
        | Annotated[
            list[Annotated[str, Field(min_length=1)]],
            Field(fail_fast=True, min_length=1, max_length=limits.EMBEDDING_INPUTS),
        ]
        | Annotated[list[Tokens], Field(fail_fast=True, min_length=1, max_length=limits.EMBEDDING_INPUTS)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Unserved = None
    user: ShortText | None = None

    @property
    def inputs(self) -> list[str | list[int]]:
        """Each input as text or as tokens; at least one."""
        return _separate(self.input)


def _separate(given: str | list[int] | list[str] | list[list[int]]) -> list[str | list[int]]:
    if isinstance(given, str):
        return [given]
    tokens = [item for item in given if isinstance(item, int)]
    return [tokens] if tokens else [item for item in given if not isinstance(item, int)]
