"""Which tokens are computed next.  Pure.

A step carries the newest token of every answer under way and at most CHUNK tokens of prompts, in the order of arrival:
a new request delays the others by no more than that.  Work is counted in prompt tokens computed and answer tokens
drawn; no step takes a request past its allowance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHUNK: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a request is: `known` tokens (prompt and answer), of which `computed` are in its cache."""

    key: int
    prompt: int
    known: int
    computed: int
    allowance: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """`count` tokens of a request, from the `first`-th on; with `draws` the last of them gives a new token."""

    key: int
    first: int
    count: int
    draws: bool


def plan_step(standings: Sequence[Standing]) -> tuple[Span, ...]:
    """The spans of the next step, one a request; none when all wait for their allowance."""
    room, spans = CHUNK, []
    for standing in standings:
        wanted = standing.known - standing.computed
        if wanted == 1 and standing.known > standing.prompt:
            count = min(1, _get_allowed(standing))
        else:
            count = min(wanted, room, _get_allowed(standing))
            room -= count
        if count > 0:
            first, draws = standing.computed, count == wanted
            spans.append(Span(key=standing.key, first=first, count=count, draws=draws))
    return tuple(spans)


def is_waiting(standing: Standing) -> bool:
    """Whether a request can do nothing until its allowance is raised."""
    return _get_allowed(standing) <= 0


def _get_allowed(standing: Standing) -> int:
    """Tokens that may be computed: the last known one draws the next, which is work too."""
    if standing.known + 1 <= standing.allowance:
        return standing.known - standing.computed
    return min(standing.known - 1, standing.prompt - 1, standing.allowance) - standing.computed
