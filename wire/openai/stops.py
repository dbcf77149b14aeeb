"""An answer's text from the bytes of its tokens: cut before a stop string, whole characters only."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


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
