"""Where the long-running commands' events go: stderr, as JSON lines or as text for people."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, TextIO

FORMATS = ("console", "json")


def configure_logs(log_format: str) -> None:
    """Set structlog up for this process; `log_format` is one of FORMATS."""
    import structlog

    renderer: Any = structlog.processors.JSONRenderer()
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(LogStream(sys.stderr)),  # type: ignore[arg-type]  # all it needs
    )


class LogStream:
    """A stream that drops what cannot be written: a full disk must not end the process that waits for room on it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or not."""
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        """Flush, or not."""
        with contextlib.suppress(OSError):
            self._stream.flush()
