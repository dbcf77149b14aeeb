"""Calls of tools, found in what a model writes.

Two forms: `<tool_call>{"name": ..., "arguments": {...}}</tool_call>` anywhere (Hermes, Qwen, and what the sidecar asks
of models whose template knows no tools), and an answer that is nothing but such an object, with `parameters` as another
word for `arguments` (Llama).  What is neither, or names no tool that was offered, stays text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from wire.openai.limits import ARGUMENTS_CHARS
from wire.openai.messages import FunctionCall, ToolCall

OPEN: Final = "<tool_call>"
CLOSE: Final = "</tool_call>"
Piece = str | ToolCall


class ToolCallReader:
    """Text in as it comes, text and calls out; holds back only what may belong to a call."""

    def __init__(self, names: frozenset[str], draw_id: Callable[[], str]) -> None:
        self._names = names
        self._draw_id = draw_id
        self._held = ""
        self._began = False
        self._is_object = False

    def feed(self, text: str) -> list[Piece]:
        """What can be told by now."""
        self._held += text
        if not self._began and not self._is_object:
            self._is_object = self._held.lstrip()[:1] == "{"
        if self._is_object:
            return []
        pieces: list[Piece] = []
        while (start := self._held.find(OPEN)) >= 0:
            self._tell(start, pieces)
            end = self._held.find(CLOSE)
            if end < 0:
                return pieces
            inner, self._held = self._held[len(OPEN) : end], self._held[end + len(CLOSE) :]
            pieces.append(self._read(inner) or f"{OPEN}{inner}{CLOSE}")
            self._began = True
        self._tell(len(self._held) - _measure_overlap(self._held), pieces)
        return pieces

    def end(self) -> list[Piece]:
        """What was held back, when nothing follows."""
        held, self._held = self._held, ""
        if not held:
            return []
        return [self._read(held.removeprefix(OPEN)) or held]

    def _tell(self, count: int, pieces: list[Piece]) -> None:
        """Let go the first `count` letters.  Blanks before all else wait, and are dropped where a call follows."""
        text, rest = self._held[:count], self._held[count:]
        if not self._began and not text.strip():
            self._held = rest if rest.startswith(OPEN) else self._held
            return
        self._began, self._held = True, rest
        if text:
            pieces.append(text)

    def _read(self, text: str) -> ToolCall | None:
        try:
            written = json.loads(text)
        except (ValueError, RecursionError):
            return None
        name = written.get("name") if isinstance(written, dict) else None
        if not isinstance(name, str) or name not in self._names:
            return None
        arguments: Any = written.get("arguments", written.get("parameters", {}))
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        if not isinstance(arguments, str) or len(arguments) > ARGUMENTS_CHARS:
            return None
        return ToolCall(id=self._draw_id(), function=FunctionCall(name=name, arguments=arguments))


def _measure_overlap(text: str) -> int:
    """Letters at the end of a text that may begin OPEN."""
    return next((n for n in range(min(len(text), len(OPEN) - 1), 0, -1) if OPEN.startswith(text[-n:])), 0)
