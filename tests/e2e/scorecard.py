"""The result of a run for people to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median

from rules.types import Phase
from tests.e2e.audit import Due, Evidence, find_window, list_dues
from tests.e2e.uptime import Kill, Span
from tests.e2e.witness import Sighting
from wire.gonka.sprint.v1.sprint_pb2 import Verdict

MEASURES: dict[str, Callable[[Sighting], int]] = {
    "nonces are evaluated": lambda sighting: sighting.evaluated,
    "proofs are acknowledged": lambda sighting: sighting.acked,
}


def render_scorecard(evidence: Evidence, faults: Sequence[str], seed: int) -> str:
    """Lines of plain text."""
    history, kills = evidence.history, evidence.kills
    by_kind = Counter(kill.kind for kill in kills)
    failed = sum(sent.code != 0 for sent in history.sent)
    return "\n".join(
        [
            "",
            f"seed {seed}: {len(kills)} kills ({', '.join(f'{n} {kind}' for kind, n in sorted(by_kind.items()))})",
            f"{len(history.times_ms)} blocks, {len(evidence.seen.app_hashes)} of them watched",
            f"{len(history.sent)} messages, {failed} failed, {len(history.repeated)} transactions repeated",
            *_tell_restarts(evidence),
            *_tell_dues(list(list_dues(evidence))),
            *_tell_epochs(evidence),
            *_tell_misses(evidence),
            f"{len(faults)} faults" + "".join(f"\n  {fault}" for fault in faults),
        ]
    )


def _tell_restarts(evidence: Evidence) -> Iterator[str]:
    for kind in ("chain", "client", "sidecar", "worker"):
        spans = [_find_outage(evidence, kill) for kill in evidence.kills if kill.kind == kind]
        if spans:
            yield f"{kind} works again after {_tell_seconds([span.length_ms for span in spans])}"
    for what, read in MEASURES.items():
        gaps = [gap for kill in evidence.kills if (gap := _find_gap(evidence, kill, read))]
        if gaps:
            yield f"after a sidecar or its worker is killed in a Sprint, {what} again after {_tell_seconds(gaps)}"


def _find_outage(evidence: Evidence, kill: Kill) -> Span:
    return next(span for span in evidence.outages[kill.target] if span.first_ms == kill.at_ms)


def _find_gap(evidence: Evidence, kill: Kill, read: Callable[[Sighting], int]) -> int | None:
    """From a kill in a Sprint until a number grew by what came after it; None where the Sprint ended before."""
    ready_ms = _find_outage(evidence, kill).last_ms
    for (host, _), sightings in evidence.seen.sightings.items():
        if kill.target in {f"{host} sidecar", f"{host} worker"} and sightings[1:] and sightings[1].at_ms < kill.at_ms:
            pairs = ((before, s) for before, s in pairwise(sightings) if s.at_ms > ready_ms)
            later = [s.at_ms for before, s in pairs if read(s) > read(before)]
            if later:
                return later[0] - kill.at_ms
    return None


def _tell_seconds(lengths_ms: list[int]) -> str:
    return f"{median(lengths_ms) / 1000:.1f} s (median of {len(lengths_ms)}, longest {max(lengths_ms) / 1000:.1f})"


def _tell_dues(dues: list[Due]) -> Iterator[str]:
    owed = [due for due in dues if due.owed]
    other = [due for due in dues if not due.owed]
    yield f"{len(owed)} duties owed, {sum(due.done for due in owed)} done"
    yield f"{len(other)} duties in windows cut by kills, {sum(due.done for due in other)} done"


def _tell_epochs(evidence: Evidence) -> Iterator[str]:
    for epoch in evidence.epochs:
        told = []
        for host in evidence.addresses:
            outcome = evidence.outcome(host, epoch)
            verdict = Verdict.Name(outcome.verdict).removeprefix("VERDICT_")
            told.append(f"{host} {outcome.claimed} {verdict} {outcome.units}")
        span = find_window(evidence, epoch, Phase.SPRINT)
        yield f"epoch {epoch}: " + ", ".join(told) + f" (Sprint {span.length_ms / 1000:.0f} s)"


def _tell_misses(evidence: Evidence) -> Iterator[str]:
    for host, misses in evidence.misses.items():
        for epoch, words, cause in misses:
            yield f"missed: {host}, epoch {epoch}, {words}: {cause}"
