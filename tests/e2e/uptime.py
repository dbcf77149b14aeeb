"""When each process was up: from the record of kills, and from the line that each logs once it works."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

LINE = re.compile(r"^(\S+Z) \[\w+ *\] (\w+)")
READY = {"chain": "chain_started", "client": "client_started", "sidecar": "sidecar_ready", "worker": "worker_ready"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A SIGKILL; `target` is `chain`, or a host and the kind of its process: `host-1 client`.  Unix milliseconds."""

    target: str
    at_ms: int

    @property
    def kind(self) -> str:
        """chain, client, sidecar or worker."""
        return self.target.split()[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From one moment to a later one, in Unix milliseconds."""

    first_ms: int
    last_ms: int

    @property
    def length_ms(self) -> int:
        """Its length."""
        return self.last_ms - self.first_ms


def read_events(log: Path) -> list[tuple[int, str]]:
    """(Unix milliseconds, event) of every line that a process logged."""
    found = (LINE.match(line) for line in log.read_text(errors="replace").splitlines())
    return [(round(datetime.fromisoformat(m[1]).timestamp() * 1000), m[2]) for m in found if m]


def list_outages(kills_ms: Sequence[int], ready_ms: Sequence[int], end_ms: int) -> list[Span]:
    """From each kill to the first moment after it at which the process worked again, `end_ms` where it never did.

    What comes before the first of `ready_ms` is an outage too.
    """
    return [Span(first_ms=at, last_ms=next((r for r in ready_ms if r > at), end_ms)) for at in (0, *kills_ms)]


def list_stretches(window: Span, outages: Iterable[Span]) -> list[Span]:
    """The parts of a window in which there was no outage, in order."""
    stretches, begin = [], window.first_ms
    for outage in sorted(outages, key=lambda span: span.first_ms):
        end = min(outage.first_ms, window.last_ms)
        if end > begin:
            stretches.append(Span(first_ms=begin, last_ms=end))
        begin = max(begin, outage.last_ms)
    return [*stretches, Span(first_ms=begin, last_ms=window.last_ms)] if begin < window.last_ms else stretches
