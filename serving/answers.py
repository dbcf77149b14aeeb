"""What the sidecar gives, as OpenAI's objects: events while it comes, and one answer in the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai import responses
from wire.openai.errors import ApiError
from wire.openai.messages import JsonObjectFormat, JsonSchemaFormat, ToolCall
from wire.openai.prompts import get_offered
from wire.openai.requests import ChatRequest
from wire.openai.schemas import fits_schema
from wire.openai.toolcalls import ToolCallReader

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What every object of an answer repeats; `created` is Unix time in seconds."""

    answer_id: str
    created: int
    model: str
    fingerprint: str


@dataclass(slots=True, kw_only=True)
class Growing:
    """One choice so far: `tokens` are those of the model, `text` what is shown of them.

    `offset` counts the letters of the tokens that log-probabilities were told of.
    """

    prompt: tuple[int, ...]
    tokens: list[int] = field(default_factory=list)
    text: str = ""
    finish_reason: responses.FinishReason | None = None
    calls: list[ToolCall] = field(default_factory=list)
    logprobs: list[responses.TokenLogprob] = field(default_factory=list)
    offset: int = 0


class Writer(Protocol):
    """Turns chunks into events, and keeps what it takes for an answer in one piece."""

    choices: list[Growing]

    def take(self, index: int, chunk: pb.GenerateChunk) -> list[str]:
        """The events that a chunk of a choice makes.  Raises ApiError answer_malformed with the last."""
        ...

    def usage_event(self) -> str:
        """The event that counts the tokens."""
        ...

    def whole(self) -> str:
        """The answer, once every choice has ended."""
        ...


def count_usage(choices: Sequence[Growing]) -> responses.Usage:
    """Tokens computed, prompts counted for each choice."""
    tokens_in = sum(len(choice.prompt) for choice in choices)
    tokens_out = sum(len(choice.tokens) for choice in choices)
    return responses.Usage(prompt_tokens=tokens_in, completion_tokens=tokens_out, total_tokens=tokens_in + tokens_out)


class ChatWriter:
    """Writes chat.completion objects."""

    def __init__(
        self, head: Head, request: ChatRequest, prompts: Sequence[tuple[int, ...]], draw_id: Callable[[], str]
    ) -> None:
        self.choices = [Growing(prompt=prompt) for prompt in prompts]
        self._head = head
        self._request = request
        offered = frozenset(tool.function.name for tool in get_offered(request))
        self._readers = [ToolCallReader(offered, draw_id) if offered else None for _ in prompts]
        self._begun: set[int] = set()

    def take(self, index: int, chunk: pb.GenerateChunk) -> list[str]:
        """Chunks of the choice: its role first, then text, calls and log-probabilities, then why it ended."""
        choice, reader = self.choices[index], self._readers[index]
        choice.tokens += [token.token for token in chunk.tokens]
        logprobs = self._read_logprobs(chunk)
        choice.logprobs += logprobs
        pieces = reader.feed(chunk.text) if reader else [chunk.text]
        if chunk.finish_reason and reader:
            pieces += reader.end()
        deltas = [self._build_delta(choice, piece) for piece in pieces if piece]
        if logprobs and not deltas:
            deltas.append(responses.ChatDelta(content=""))
        events = [] if index in self._begun else [self._event(index, responses.ChatDelta(role="assistant", content=""))]
        self._begun.add(index)
        events += [self._event(index, delta, logprobs if n == 0 else []) for n, delta in enumerate(deltas)]
        if chunk.finish_reason:
            choice.finish_reason = name_finish(chunk.finish_reason, choice)
            check_answer(self._request, choice)
            events.append(self._event(index, responses.ChatDelta(), finish_reason=choice.finish_reason))
        return events

    def usage_event(self) -> str:
        """A chunk without choices."""
        return self._chunk([], count_usage(self.choices))

    def whole(self) -> str:
        """A chat.completion."""
        choices = [
            responses.ChatChoice(
                index=index,
                message=responses.ChatAnswer(
                    content=None if choice.calls and not choice.text.strip() else choice.text,
                    tool_calls=choice.calls or None,
                ),
                logprobs=responses.ChatLogprobs(content=choice.logprobs) if self._request.logprobs else None,
                finish_reason=choice.finish_reason or "stop",
            )
            for index, choice in enumerate(self.choices)
        ]
        return responses.ChatCompletion(
            id=self._head.answer_id,
            created=self._head.created,
            model=self._head.model,
            choices=choices,
            usage=count_usage(self.choices),
            system_fingerprint=self._head.fingerprint,
        ).encode()

    def _build_delta(self, choice: Growing, piece: str | ToolCall) -> responses.ChatDelta:
        if isinstance(piece, str):
            choice.text += piece
            return responses.ChatDelta(content=piece)
        choice.calls.append(piece)
        function = responses.FunctionDelta(name=piece.function.name, arguments=piece.function.arguments)
        delta = responses.ToolCallDelta(index=len(choice.calls) - 1, id=piece.id, function=function)
        return responses.ChatDelta(tool_calls=[delta])

    def _read_logprobs(self, chunk: pb.GenerateChunk) -> list[responses.TokenLogprob]:
        return [read_logprob(token) for token in chunk.tokens if token.text] if self._request.logprobs else []

    def _event(
        self,
        index: int,
        delta: responses.ChatDelta,
        logprobs: Sequence[responses.TokenLogprob] = (),
        finish_reason: responses.FinishReason | None = None,
    ) -> str:
        choice = responses.ChatChunkChoice(
            index=index,
            delta=delta,
            logprobs=responses.ChatLogprobs(content=list(logprobs)) if logprobs else None,
            finish_reason=finish_reason,
        )
        return self._chunk([choice])

    def _chunk(self, choices: list[responses.ChatChunkChoice], usage: responses.Usage | None = None) -> str:
        return responses.ChatChunk(
            id=self._head.answer_id,
            created=self._head.created,
            model=self._head.model,
            choices=choices,
            usage=usage,
            system_fingerprint=self._head.fingerprint,
        ).encode()


class CompletionWriter:
    """Writes text_completion objects; `alternatives` is the request's `logprobs`, None for none."""

    def __init__(self, head: Head, prompts: Sequence[tuple[int, ...]], alternatives: int | None) -> None:
        self.choices = [Growing(prompt=prompt) for prompt in prompts]
        self._head = head
        self._alternatives = alternatives

    def take(self, index: int, chunk: pb.GenerateChunk) -> list[str]:
        """One event, of text and log-probabilities, none for a chunk without either."""
        choice = self.choices[index]
        choice.tokens += [token.token for token in chunk.tokens]
        logprobs = [] if self._alternatives is None else [read_logprob(token) for token in chunk.tokens if token.text]
        offset = choice.offset
        choice.logprobs += logprobs
        choice.offset += sum(len(entry.token) for entry in logprobs)
        choice.text += chunk.text
        if chunk.finish_reason:
            choice.finish_reason = name_finish(chunk.finish_reason, choice)
        elif not chunk.text and not logprobs:
            return []
        told = responses.CompletionChoice(
            index=index,
            text=chunk.text,
            logprobs=self._build_logprobs(logprobs, offset) if logprobs else None,
            finish_reason=choice.finish_reason,
        )
        return [self._build([told])]

    def usage_event(self) -> str:
        """A chunk without choices."""
        return self._build([], count_usage(self.choices))

    def whole(self) -> str:
        """A text_completion."""
        choices = [
            responses.CompletionChoice(
                index=index,
                text=choice.text,
                logprobs=None if self._alternatives is None else self._build_logprobs(choice.logprobs, 0),
                finish_reason=choice.finish_reason,
            )
            for index, choice in enumerate(self.choices)
        ]
        return self._build(choices, count_usage(self.choices))

    def _build_logprobs(self, entries: Sequence[responses.TokenLogprob], offset: int) -> responses.CompletionLogprobs:
        offsets = []
        for entry in entries:
            offsets.append(offset)
            offset += len(entry.token)
        return responses.CompletionLogprobs(
            tokens=[entry.token for entry in entries],
            token_logprobs=[entry.logprob for entry in entries],
            top_logprobs=[{top.token: top.logprob for top in entry.top_logprobs} for entry in entries]
            if self._alternatives
            else None,
            text_offset=offsets,
        )

    def _build(self, choices: list[responses.CompletionChoice], usage: responses.Usage | None = None) -> str:
        return responses.Completion(
            id=self._head.answer_id,
            created=self._head.created,
            model=self._head.model,
            choices=choices,
            usage=usage,
            system_fingerprint=self._head.fingerprint,
        ).encode()


def name_finish(told: str, choice: Growing) -> responses.FinishReason:
    """OpenAI's word for why an answer ended."""
    if told == "length":
        return "length"
    return "tool_calls" if choice.calls else "stop"


def check_answer(request: ChatRequest, choice: Growing) -> None:
    """Raises ApiError answer_malformed where an answer that came to its end lacks the form that was asked for."""
    if choice.finish_reason == "length":
        return
    if request.tool_choice not in {None, "none", "auto"} if isinstance(request.tool_choice, str | None) else True:
        if not choice.calls:
            raise ApiError("answer_malformed", "the model called no tool")
        return
    wanted = request.response_format
    if choice.calls or not isinstance(wanted, JsonObjectFormat | JsonSchemaFormat):
        return
    try:
        value = json.loads(choice.text)
    except (ValueError, RecursionError):
        raise ApiError("answer_malformed", "the model wrote no JSON") from None
    if isinstance(wanted, JsonObjectFormat) and not isinstance(value, dict):
        raise ApiError("answer_malformed", "the model wrote JSON, but no object")
    if isinstance(wanted, JsonSchemaFormat) and not fits_schema(wanted.json_schema.schema_, value):
        raise ApiError("answer_malformed", "the model wrote JSON that does not fit the schema")


def read_logprob(token: pb.GeneratedToken) -> responses.TokenLogprob:
    """A token as OpenAI tells of it."""
    tops = [
        responses.TopLogprob(token=name_token(top.text), logprob=top.logprob_micro / MILLION, bytes=list(top.text))
        for top in token.top
    ]
    return responses.TokenLogprob(
        token=name_token(token.text),
        logprob=token.logprob_micro / MILLION,
        bytes=list(token.text),
        top_logprobs=tops,
    )


def name_token(text: bytes) -> str:
    """A token's text; for a part of a character its bytes, as OpenAI writes them."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in text)
