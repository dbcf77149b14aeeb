"""Whether the tokens that a host tells spell the text that it delivers, and no other.  Pure.

The renderer has told what each token adds to a text.  From the tokens follows the text as the host's own sidecar makes
it, up to a stop string and with tools' calls taken out; whenever tokens are told, just that must have been delivered.
So an answer has exactly as many tokens as were told.  The same text in many more tokens than it needs is refused too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from gateway.assembly import Chunk
from gateway.counting import HIDDEN_TOKENS
from rules.answers import Answer
from wire.openai.errors import ApiError
from wire.openai.messages import ToolCall
from wire.openai.notes import Progress
from wire.openai.prompts import get_offered
from wire.openai.requests import ChatRequest, CompletionRequest
from wire.openai.responses import ChatChunkChoice, CompletionChoice
from wire.openai.stops import StopFilter
from wire.openai.toolcalls import ToolCallReader

LONGEST: Final = 32
"""Bytes of a token: longer ones, of blanks and dashes, are left out where the fewest tokens are counted."""
SPARE_SHARE: Final = 8
SPARE_TOKENS: Final = 32
"""A text may have an eighth more tokens than the fewest, and so many beside; what honest answers come to is in
benchmarks/2026-11-28-answer-count.md."""

Piece = str | tuple[str, str]
"""Text, or a call: a tool's name, and its arguments as they are delivered."""


class Vocabulary:
    """What each token adds to a text, nothing for a special one; `ends` are the tokens that end an answer."""

    def __init__(self, texts: Sequence[bytes], ends: frozenset[int]) -> None:
        self.texts = tuple(texts)
        self.ends = ends
        self._words = frozenset(text for text in self.texts if 1 < len(text) <= LONGEST)
        sizes: dict[bytes, set[int]] = {}
        for word in self._words:
            sizes.setdefault(word[:2], set()).add(len(word))
        self._sizes: Mapping[bytes, tuple[int, ...]] = {
            begin: tuple(sorted(found, reverse=True)) for begin, found in sizes.items()
        }

    def measure_longest(self, text: bytes, place: int) -> int:
        """The bytes of the longest token that stands in a text at a place, at least 1."""
        for size in self._sizes.get(text[place : place + 2], ()):
            if text[place : place + size] in self._words:
                return size
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a request's answers are held against: the vocabulary, and the prompt of each choice.

    `offered` are the tools that may be called.  It is `is_plain` where nothing but the model's taste chooses between
    spellings of a text: no bias, no penalty, and no prompt in tokens whose spelling an answer could take up.
    """

    vocabulary: Vocabulary
    prompts: tuple[tuple[int, ...], ...]
    stops: tuple[str, ...]
    offered: frozenset[str]
    is_plain: bool


def build_script(
    request: ChatRequest | CompletionRequest, prompts: Sequence[tuple[int, ...]], vocabulary: Vocabulary
) -> Script:
    """The script of a request whose `prompts` are these; each is answered `n` times."""
    is_chat = isinstance(request, ChatRequest)
    given = [] if isinstance(request, ChatRequest) else request.prompts
    is_free = not (request.logit_bias or request.frequency_penalty or request.presence_penalty)
    offered = [tool.function.name for tool in get_offered(request)] if isinstance(request, ChatRequest) else []
    return Script(
        vocabulary=vocabulary,
        prompts=tuple(prompt for prompt in prompts for _ in range(request.n or 1)),
        stops=tuple(request.stops),
        offered=frozenset(offered),
        is_plain=is_free and (is_chat or all(isinstance(prompt, str) for prompt in given)),
    )


class FewestTokens:
    """How few tokens a text needs, as it grows: the longest at each place, one after another.

    `count` tokens spell all but `rest`, whose longest token may still grow.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.count = 0
        self.rest = b""
        self._vocabulary = vocabulary

    @property
    def total(self) -> int:
        """The tokens for all of it, were this its end."""
        total, place = self.count, 0
        while place < len(self.rest):
            place += self._vocabulary.measure_longest(self.rest, place)
            total += 1
        return total

    def add(self, text: bytes) -> None:
        """The text goes on."""
        self.rest += text
        place = 0
        while len(self.rest) - place >= LONGEST:
            place += self._vocabulary.measure_longest(self.rest, place)
            self.count += 1
        self.rest = self.rest[place:]


class Spelling:
    """One choice: its tokens, and what they and the host have come to since the two were compared last."""

    def __init__(self, script: Script) -> None:
        self.tokens: list[int] = []
        self._script = script
        self._filter = StopFilter(script.stops)
        self._reader = ToolCallReader(script.offered, lambda: "call") if script.offered else None
        self._fewest = FewestTokens(script.vocabulary)
        self._shown = 0
        self._hidden = 0
        self._is_full = False
        self._is_last = False
        self._spelled: list[Piece] = []
        self._delivered: list[Piece] = []

    @property
    def surplus(self) -> int:
        """Tokens beyond an eighth more than the text needs, those that no text shows with them; below 0 for fewer."""
        if not self._script.is_plain:
            return 0
        fewest = self._fewest.total
        return self._shown + self._hidden - fewest - fewest // SPARE_SHARE

    def take_delivered(self, pieces: Sequence[Piece], *, is_last: bool) -> None:
        """What the host delivers; no more follows the last."""
        self._delivered += pieces
        self._is_last = self._is_last or is_last

    def take_tokens(self, tokens: Sequence[int]) -> None:
        """Tokens that the host tells.  Raises ApiError host_count_wrong for those that cannot follow."""
        for token in tokens:
            if self._is_full:
                raise ApiError("host_count_wrong", f"token {token} follows the end of an answer")
            self._take(token)
        self.tokens += tokens
        if self._hidden > HIDDEN_TOKENS:
            raise ApiError("host_count_wrong", f"{self._hidden} tokens of an answer that no text shows")
        fewest = self._fewest.count
        spelled = self._shown - len(self._fewest.rest) if self._script.is_plain else 0  # a token is a byte at least
        if spelled > fewest + fewest // SPARE_SHARE + SPARE_TOKENS:
            raise ApiError("host_count_wrong", f"{spelled} tokens for a text that {fewest} spell")

    def check(self) -> None:
        """Raises ApiError host_count_wrong where the tokens told so far spell another text than was delivered."""
        if self._is_last:
            self._take_end()
        if _merge(self._spelled) != _merge(self._delivered):
            raise ApiError("host_count_wrong", "its tokens spell another text than it delivered")
        self._spelled, self._delivered = [], []

    def _take(self, token: int) -> None:
        vocabulary = self._script.vocabulary
        if token >= len(vocabulary.texts):
            raise ApiError("host_count_wrong", f"there is no token {token}")
        if token in vocabulary.ends:
            self._is_full = True
            return
        text = vocabulary.texts[token]
        self._shown += bool(text)
        self._hidden += not text
        if self._script.is_plain:
            self._fewest.add(text)
        self._spell(self._filter.add(text))
        self._is_full = self._filter.is_cut

    def _take_end(self) -> None:
        self._spell(self._filter.end())
        if self._reader is not None:
            self._append_read(self._reader.end())
        self._is_full = True

    def _spell(self, text: str) -> None:
        if self._reader is not None:
            self._append_read(self._reader.feed(text))
        elif text:
            self._spelled.append(text)

    def _append_read(self, pieces: Sequence[str | ToolCall]) -> None:
        for piece in pieces:
            told = piece if isinstance(piece, str) else (piece.function.name, piece.function.arguments)
            self._spelled.append(told)


class Spellings:
    """All choices of a request at one host, `most_out` tokens at most.

    Every method raises ApiError host_count_wrong for what cannot be.
    """

    def __init__(self, script: Script, most_out: int) -> None:
        self._most_out = most_out
        self._prompts = script.prompts
        self._choices = [Spelling(script) for _ in script.prompts]

    @property
    def count(self) -> int:
        """Tokens told, and found to spell what was delivered."""
        return sum(len(choice.tokens) for choice in self._choices)

    @property
    def surplus(self) -> int:
        """Of all choices together."""
        return sum(choice.surplus for choice in self._choices)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What a receipt has to be over."""
        told = zip(self._prompts, self._choices, strict=True)
        return tuple(Answer(prompt=prompt, tokens=tuple(choice.tokens)) for prompt, choice in told)

    def take_chunk(self, chunk: Chunk) -> None:
        """What goes on to the application."""
        for choice in chunk.choices:
            self._find(choice.index).take_delivered(list_pieces(choice), is_last=choice.finish_reason is not None)

    def take_progress(self, note: Progress) -> None:
        """The tokens of what was delivered since the last note, and their number over all."""
        count = self.count + sum(len(tokens) for _, tokens in note.tokens)
        if count > self._most_out:
            raise ApiError("host_count_wrong", f"{count} tokens of an answer of at most {self._most_out}")
        places = {place for place, _ in note.tokens}
        for place, tokens in note.tokens:
            self._find(place).take_tokens(tokens)
        for place in places:
            self._find(place).check()
        self.check_count(note.tokens_out)

    def check_count(self, told: int) -> None:
        """Any count that the host tells is of the tokens that it told."""
        if told != self.count:
            raise ApiError("host_count_wrong", f"it counts {told} tokens of an answer, and told {self.count}")

    def check_end(self) -> None:
        """Every choice has ended."""
        for choice in self._choices:
            choice.check()

    def _find(self, place: int) -> Spelling:
        if not 0 <= place < len(self._choices):
            raise ApiError("host_count_wrong", f"it tells of choice {place} of {len(self._choices)}")
        return self._choices[place]


def list_pieces(choice: ChatChunkChoice | CompletionChoice) -> list[Piece]:
    """What a chunk adds to a choice; a call comes whole."""
    if isinstance(choice, CompletionChoice):
        return [choice.text] if choice.text else []
    pieces: list[Piece] = [choice.delta.content] if choice.delta.content else []
    calls = choice.delta.tool_calls or ()
    return pieces + [(call.function.name or "", call.function.arguments) for call in calls]


def _merge(pieces: Sequence[Piece]) -> list[Piece]:
    """The same with texts that follow each other as one."""
    merged: list[Piece] = []
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        found = list(group)
        merged += ["".join(map(str, found))] if is_text else found
    return merged
