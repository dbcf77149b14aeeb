"""Where the long-running commands' events go: stderr, as JSON lines or as text for people."""

from __future__ import annotations

import sys
from typing import Any

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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
