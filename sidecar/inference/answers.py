"""An answer as it grows: its tokens, its text, where a stop string cuts it, and why it ends.  No tensor, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sidecar.inference.batching import Standing
from sidecar.inference.tasks import GenerateTask
from wire.openai.stops import StopFilter

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
