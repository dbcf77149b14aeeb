"""How many tokens a request can use, and has used: by what went through the gateway, not by the host's word alone.

A prompt that a sidecar of the operator's own has read is known exactly.  Otherwise a token is at least one byte of a
prompt or an answer, but for a few that no text shows: the template's, ends of sequences, a stop string that is cut off.
So bytes bound what a host may claim, without its tokenizer.  A host that tells its tokens is held by gateway.spelling
besides, and no text counts that came without its tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rules.vouchers import Tokens
from wire.openai.errors import ApiError
from wire.openai.notes import Progress
from wire.openai.requests import ChatRequest, CompletionRequest, EmbeddingRequest

TEMPLATE_TOKENS: Final = 256
"""Of a chat template around all messages, its own system message with them."""
MESSAGE_TOKENS: Final = 16
"""Of a chat template around one message, or a special token before a text."""
HIDDEN_TOKENS: Final = 32
"""Of an answer, beside what a stop string hides."""
BYTES_PER_TOKEN: Final = 4
"""As a rule; to guess a prompt's length before the host has counted it."""
STREAM_BYTES: Final = 1 << 20
STREAM_BYTES_PER_TOKEN: Final = 8 << 10
"""A chunk for each token, with twenty alternatives."""

Request = ChatRequest | CompletionRequest | EmbeddingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Tokens that a request can use at most, and a guess at its prompt.

    `hidden_out` are tokens of the answer that may stand in no text; all of it where a tool's call comes in one piece.
    """

    most_in: int
    most_out: int
    likely_in: int
    hidden_out: int = 0

    @property
    def stream_bytes(self) -> int:
        """The longest stream that can be an answer."""
        return STREAM_BYTES + self.most_out * STREAM_BYTES_PER_TOKEN


def count_prompt(request: Request, lengths: Sequence[int]) -> int:
    """The tokens that a host counts for prompts of these lengths: each as often as it is answered."""
    return sum(lengths) * (1 if isinstance(request, EmbeddingRequest) else request.n or 1)


def compute_bounds(request: Request, max_context: int, prompt_tokens: int | None = None) -> Bounds:
    """The bounds of a request to a model that holds `max_context` tokens, over all its choices together.

    `prompt_tokens` is the exact count over all choices, where it is known.
    """
    bounds = _bound_by_bytes(request, max_context)
    return bounds if prompt_tokens is None else replace(bounds, most_in=prompt_tokens, likely_in=prompt_tokens)


def _bound_by_bytes(request: Request, max_context: int) -> Bounds:
    if isinstance(request, EmbeddingRequest):
        return _bound(request.inputs, 1, (0, 0), max_context)
    stops = sum(len(stop.encode()) for stop in request.stops)
    if isinstance(request, CompletionRequest):
        return _bound(request.prompts, request.n or 1, (request.token_limit, HIDDEN_TOKENS + stops), max_context)
    told = request.model_dump_json(include={"messages", "tools", "response_format"}, exclude_none=True)
    around = TEMPLATE_TOKENS + MESSAGE_TOKENS * len(request.messages)
    choices = request.n or 1
    most_out = choices * min(request.token_limit or max_context, max_context)
    return Bounds(
        most_in=choices * min(max_context, len(told.encode()) + around),
        most_out=most_out,
        likely_in=choices * min(max_context, len(told.encode()) // BYTES_PER_TOKEN),
        hidden_out=most_out if request.tools or request.response_format else choices * (HIDDEN_TOKENS + stops),
    )


def _bound(prompts: list[str | list[int]], n: int, answer: tuple[int, int], max_context: int) -> Bounds:
    limit, hidden = answer
    lengths = [len(prompt.encode()) if isinstance(prompt, str) else len(prompt) for prompt in prompts]
    likely = [
        length // BYTES_PER_TOKEN if isinstance(prompt, str) else length
        for prompt, length in zip(prompts, lengths, strict=True)
    ]
    return Bounds(
        most_in=n * sum(min(max_context, length + MESSAGE_TOKENS) for length in lengths),
        most_out=n * len(prompts) * min(limit, max_context),
        likely_in=n * sum(min(max_context, length) for length in likely),
        hidden_out=n * len(prompts) * hidden,
    )


class Meter:
    """Counts one attempt as its stream goes by; what it has counted never falls.

    Where the host `tells_tokens`, only the last piece of text may be one whose tokens are still to be told.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.tells_tokens = False
        self._bounds = bounds
        self._stream_bytes = 0
        self._text_bytes = 0
        self._pieces = 0
        self._tokens = Tokens()

    @property
    def tokens(self) -> Tokens:
        """What was delivered: as the host told and the bounds allow, and a token for each piece of text since then."""
        told, pieces = self._tokens, min(self._pieces, 1) if self.tells_tokens else self._pieces
        return Tokens(tokens_in=told.tokens_in, tokens_out=min(self._bounds.most_out, told.tokens_out + pieces))

    @property
    def wanted(self) -> Tokens:
        """What may still come: the rest of the likely prompt, and of the longest answer."""
        done = self.tokens
        return Tokens(
            tokens_in=max(0, self._bounds.likely_in - done.tokens_in),
            tokens_out=max(0, self._bounds.most_out - done.tokens_out),
        )

    def take_bytes(self, count: int) -> None:
        """Count bytes off the wire.  Raises ApiError `host_answer_invalid` past the longest stream there can be."""
        self._stream_bytes += count
        if self._stream_bytes > self._bounds.stream_bytes:
            raise ApiError("host_answer_invalid", f"a stream of more than {self._bounds.stream_bytes} bytes")

    def take_text(self, text: str) -> None:
        """Count a piece of an answer that goes on to the customer."""
        self._text_bytes += len(text.encode(errors="replace"))
        self._pieces += 1

    def take_progress(self, told: Progress) -> None:
        """Take the host's count.  Raises ApiError `host_count_wrong` for one that falls, or cannot be."""
        before, bounds = self._tokens, self._bounds
        if told.tokens_in < before.tokens_in or told.tokens_out < before.tokens_out:
            raise ApiError("host_count_wrong", "it counts backwards")
        if told.tokens_in > bounds.most_in:
            raise ApiError("host_count_wrong", f"{told.tokens_in} tokens of a prompt of at most {bounds.most_in}")
        most_out = min(bounds.most_out, self._text_bytes + bounds.hidden_out)
        if told.tokens_out > most_out:
            raise ApiError("host_count_wrong", f"{told.tokens_out} tokens of an answer of at most {most_out}")
        self._tokens = Tokens(tokens_in=told.tokens_in, tokens_out=told.tokens_out)
        self._pieces = 0
