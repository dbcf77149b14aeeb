"""Server-sent events, as far as OpenAI's API uses them: `data:` lines, and comments.  Source: HTML standard, 9.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from wire.openai.errors import ApiError
from wire.openai.limits import SSE_LINE_BYTES

CONTENT_TYPE: Final = "text/event-stream"
DONE_TEXT: Final = "[DONE]"
DONE: Final = b"data: [DONE]\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The text of an event."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """The text of a comment line; no OpenAI client reads it."""

    text: str


def encode_data(text: str) -> bytes:
    """An event; `text` has no line breaks, as JSON has none."""
    return f"data: {text}\n\n".encode()


def encode_comment(text: str) -> bytes:
    """A comment, followed by an empty line so that it stands alone; `text` has no line breaks."""
    return f": {text}\n\n".encode()


class SseDecoder:
    """Events and comments from bytes as they come, in their order; cuts anywhere, even within a character."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, received: bytes) -> list[Data | Comment]:
        """What these bytes complete.  Raises ApiError stream_invalid for an endless line, or text that is not UTF-8."""
        found: list[Data | Comment] = []
        first, *others = received.split(b"\n")  # what came before is not looked through again
        self._rest += first
        lines = []
        for other in others:
            lines.append(self._rest)
            self._rest = bytearray(other)
        self._check_length(len(self._rest))
        for line in lines:
            found += self._take(line.removesuffix(b"\r"))
            self._check_length(self._data_bytes)
        return found

    def _check_length(self, count: int) -> None:
        if count > SSE_LINE_BYTES:
            raise ApiError("stream_invalid", f"a line of more than {SSE_LINE_BYTES} bytes")

    def _take(self, line: bytes | bytearray) -> list[Data | Comment]:
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ApiError("stream_invalid", "a line that is not UTF-8") from error
        if not text:
            event, self._data, self._data_bytes = self._data, [], 0
            return [Data(text="\n".join(event))] if event else []
        if text.startswith(":"):
            return [Comment(text=text[1:].removeprefix(" "))]
        name, _, value = text.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
            self._data_bytes += len(line)
        return []
