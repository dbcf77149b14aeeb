"""The messages of a Sprint."""

from __future__ import annotations

from typing import Final

from chain.modules.sprint import claims, reports

HANDLERS: Final = (*claims.HANDLERS, *reports.HANDLERS)
