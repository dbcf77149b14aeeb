"""An answer as it grows: its tokens, its text, where a stop string cuts it, and why it ends.  No tensor, no clock."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Final

from sidecar.inference.batching import Standing
from sidecar.inference.tasks import GenerateTask

STOP: Final = "stop"
LENGTH: Final = "length"


class Answer:
    """The state of one request; `key` names it in its engine, `ends` are the tokens that end an answer.

    `limit` is the most tokens of prompt and answer together.
    """

    def __init__(self, key: int, task: GenerateTask, ends: frozenset[int], limit: int) -> None:
        self.key = key
        self.task = task
        self.allowance = task.allowance
        self.computed = 0
        self.drawn: list[int] = []
        self.finish_reason = ""
        self._ends = ends
        self._room = min(task.max_tokens, limit - len(task.prompt))
        self._text = StopFilter(task.stop)

    @property
    def most_tokens(self) -> int:
        """Tokens of prompt and answer together that it may come to."""
        return len(self.task.prompt) + self._room

    @property
    def standing(self) -> Standing:
        """How far it is."""
        prompt = len(self.task.prompt)
        return Standing(
            key=self.key,
            prompt=prompt,
            known=prompt + len(self.drawn),
            computed=self.computed,
            allowance=self.allowance,
        )

    @property
    def left(self) -> int:
        """Tokens that it may still grow by."""
        return self._room - len(self.drawn)

    def end(self) -> str:
        """End it where it is, as the engine did; the text that was held back."""
        self.finish_reason = STOP
        return self._text.end()

    def get_tokens(self, first: int, count: int) -> Sequence[int]:
        """Tokens of prompt and answer, by their place in both together."""
        prompt = self.task.prompt
        if first >= len(prompt):
            return self.drawn[first - len(prompt) : first - len(prompt) + count]
        return prompt[first : first + count]

    def add(self, token: int, text: bytes) -> str:
        """Take in the next token, and return the text that it completes; sets `finish_reason` with the last."""
        self.drawn.append(token)
        shown = "" if token in self._ends else self._text.add(text)
        if token in self._ends or self._text.is_cut:
            self.finish_reason = STOP
        elif len(self.drawn) >= self._room:
            self.finish_reason = LENGTH
        return shown + self._text.end() if self.finish_reason else shown


class StopFilter:
    """Bytes of tokens to text, cut before the first stop string; what may begin one is held back."""

    def __init__(self, stop: Sequence[str]) -> None:
        self.is_cut = False
        self._stop = tuple(text for text in stop if text)
        self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, data: bytes) -> str:
        """The text that may be shown now."""
        return self._release(self._decoder.decode(data))

    def end(self) -> str:
        """What was held back, when nothing follows."""
        shown = self._release(self._decoder.decode(b"", final=True)) + self._held
        self._held = ""
        return shown

    def _release(self, text: str) -> str:
        if self.is_cut:
            return ""
        self._held += text
        cuts = [place for stop in self._stop if (place := self._held.find(stop)) >= 0]
        if cuts:
            shown, self._held, self.is_cut = self._held[: min(cuts)], "", True
            return shown
        kept = max((_measure_overlap(self._held, stop) for stop in self._stop), default=0)
        shown, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
        return shown


def _measure_overlap(text: str, stop: str) -> int:
    """Letters at the end of a text that begin a stop string."""
    for count in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:count]):
            return count
    return 0
