"""The chunks of a host's stream: read, and put together for an application that wants no stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from gateway.hosts import UNPAID, HostFailed
from wire.openai.errors import ApiError
from wire.openai.messages import FunctionCall, ToolCall
from wire.openai.responses import (
    ChatAnswer,
    ChatChoice,
    ChatChunk,
    ChatChunkChoice,
    ChatCompletion,
    ChatLogprobs,
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    ErrorAnswer,
    FinishReason,
    ToolCallDelta,
    Usage,
)

CHAT_PATH: Final = "/v1/chat/completions"
COMPLETION_PATH: Final = "/v1/completions"
EMBEDDING_PATH: Final = "/v1/embeddings"

Chunk = ChatChunk | Completion
Choice = TypeVar("Choice", ChatChunkChoice, CompletionChoice)


def read_chunk(text: str, path: str) -> Chunk:
    """A chunk of a stream.  Raises HostFailed for an error that the host reports in it, or what is no chunk."""
    kind = ChatChunk if path == CHAT_PATH else Completion
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _read_failure(text) from error


def _read_failure(text: str) -> HostFailed:
    """What an event that is no chunk means."""
    try:
        told = ErrorAnswer.model_validate_json(text).error
    except ValidationError:
        return HostFailed(ApiError("host_answer_invalid"))
    return HostFailed(ApiError("host_ended_early", told.message[:200]), is_unpaid=told.code == UNPAID)


def find_text(chunk: Chunk) -> str:
    """All that a chunk adds to answers, its tool calls' names and arguments included."""
    if isinstance(chunk, Completion):
        return "".join(choice.text for choice in chunk.choices)
    found = []
    for choice in chunk.choices:
        found.append(choice.delta.content or "")
        found += [f"{call.function.name or ''}{call.function.arguments}" for call in choice.delta.tool_calls or ()]
    return "".join(found)


def assemble(chunks: list[Chunk], usage: Usage) -> ChatCompletion | Completion:
    """The answer that a stream came to; its choices are complete, in order of their index.

    Raises ApiError `host_answer_invalid` for chunks of different kinds, or tool calls that lack their parts.
    """
    first = chunks[0]
    told: dict[str, Any] = {
        "id": first.id,
        "created": first.created,
        "model": first.model,
        "usage": usage,
        "system_fingerprint": first.system_fingerprint,
    }
    chats = [choice for chunk in chunks if isinstance(chunk, ChatChunk) for choice in chunk.choices]
    texts = [choice for chunk in chunks if isinstance(chunk, Completion) for choice in chunk.choices]
    if isinstance(first, ChatChunk):
        return ChatCompletion(choices=[_join_chat(parts) for parts in _sort(chats)], **told)
    return Completion(choices=[_join_text(parts) for parts in _sort(texts)], **told)


def assemble_texts(texts: Sequence[str], path: str) -> str:
    """The answer, as JSON, that a whole stream of such events came to.

    Raises HostFailed for events that do not make one.
    """
    chunks = [read_chunk(text, path) for text in texts]
    usage = next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None)
    if usage is None:
        raise HostFailed(ApiError("host_answer_invalid", "its answer counts no tokens"))
    try:
        return assemble(chunks, usage).encode()
    except ApiError as error:
        raise HostFailed(error) from error


def _sort(choices: Sequence[Choice]) -> list[list[Choice]]:
    """The parts of each choice in their order, by the choice's index."""
    found: dict[int, list[Choice]] = {}
    for choice in choices:
        found.setdefault(choice.index, []).append(choice)
    return [parts for _, parts in sorted(found.items())]


def _join_chat(parts: list[ChatChunkChoice]) -> ChatChoice:
    texts = [part.delta.content for part in parts if part.delta.content is not None]
    logprobs = [entry for part in parts if part.logprobs for entry in part.logprobs.content or ()]
    calls = _join_calls(parts)
    finish_reason = _find_finish(parts)
    if finish_reason is None:
        raise ApiError("host_ended_early")
    return ChatChoice(
        index=parts[0].index,
        message=ChatAnswer(content="".join(texts) if texts or not calls else None, tool_calls=calls or None),
        logprobs=ChatLogprobs(content=logprobs) if any(part.logprobs for part in parts) else None,
        finish_reason=finish_reason,
    )


def _join_calls(parts: list[ChatChunkChoice]) -> list[ToolCall]:
    """Tool calls from their deltas: a name and an id come once, arguments in pieces."""
    found: dict[int, list[ToolCallDelta]] = {}
    for delta in (delta for part in parts for delta in part.delta.tool_calls or ()):
        found.setdefault(delta.index, []).append(delta)
    try:
        return [_join_call(deltas) for _, deltas in sorted(found.items())]
    except ValueError as error:
        raise ApiError("host_answer_invalid", "a tool call lacks its parts") from error


def _join_call(deltas: list[ToolCallDelta]) -> ToolCall:
    """Raises ValueError for a call that lacks its parts, or is too long."""
    name = next((delta.function.name for delta in deltas if delta.function.name), "")
    arguments = "".join(delta.function.arguments for delta in deltas)
    call_id = next((delta.id for delta in deltas if delta.id), "")
    return ToolCall(id=call_id, type="function", function=FunctionCall(name=name, arguments=arguments))


def _join_text(parts: list[CompletionChoice]) -> CompletionChoice:
    logprobs = [part.logprobs for part in parts if part.logprobs is not None]
    return CompletionChoice(
        index=parts[0].index,
        text="".join(part.text for part in parts),
        logprobs=_join_logprobs(logprobs) if logprobs else None,
        finish_reason=_find_finish(parts),
    )


def _find_finish(parts: list[ChatChunkChoice] | list[CompletionChoice]) -> FinishReason | None:
    return next((part.finish_reason for part in parts if part.finish_reason), None)


def _join_logprobs(parts: list[CompletionLogprobs]) -> CompletionLogprobs:
    tops = [entry for part in parts for entry in part.top_logprobs or ()]
    return CompletionLogprobs(
        tokens=[token for part in parts for token in part.tokens],
        token_logprobs=[value for part in parts for value in part.token_logprobs],
        top_logprobs=tops if any(part.top_logprobs is not None for part in parts) else None,
        text_offset=[offset for part in parts for offset in part.text_offset],
    )
