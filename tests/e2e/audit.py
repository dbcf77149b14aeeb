"""Whether a network that was killed again and again lost nothing, did nothing twice, and says why it missed what it
did not do.

A duty is *owed* when what it needs was up, as the record of kills and the logs have it, for all of its window or for
ENOUGH_MS of it without a break.  What is owed must be done; what is not done must be listed with its cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from chain_client.review import NO_CLAIM, NO_COMMITMENT
from commands.homes import BALANCE_NGONKA
from rules.presets import LOCAL
from rules.schedule import EpochStart, phase_span
from rules.types import Phase
from tests.e2e.history import History
from tests.e2e.uptime import Kill, Span, list_stretches
from tests.e2e.witness import Seen
from wire.gonka.sprint.v1.sprint_pb2 import VERDICT_ACCEPTED, VERDICT_UNDECIDED, VERDICT_UNREVEALED, Outcome, Verdict

ENOUGH_MS = 3_000
GENESIS_BLOCKS, EPOCH_BLOCKS = 14, 76
Miss = tuple[int, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge by.

    `addresses` by host; `outages` by process, as in Kill; `misses` as the client of each host lists them;
    `epochs` are the settled ones; `staked_height` is that of the last block with a stake in it.
    """

    history: History
    seen: Seen
    kills: tuple[Kill, ...]
    outages: Mapping[str, list[Span]]
    addresses: Mapping[str, str]
    misses: Mapping[str, tuple[Miss, ...]]
    epochs: range
    staked_height: int

    def outcome(self, host: str, epoch: int) -> Outcome:
        """What an epoch meant for a host."""
        return next(o for o in self.history.summaries[epoch].outcomes if o.host == self.addresses[host])

    def has_weight(self, host: str, epoch: int) -> bool:
        """Whether the table by which an epoch's committers and verifiers are found names a host."""
        return epoch == 1 or self.outcome(host, epoch - 1).effective_units > 0

    def stretches(self, host: str, window: Span, *kinds: str) -> list[Span]:
        """The parts of a window in which the chain and these processes of a host worked."""
        names = ["chain", *(f"{host} {kind}" for kind in kinds)]
        return list_stretches(window, (outage for name in names for outage in self.outages[name]))

    def last_chance(self, host: str, window: Span, *kinds: str) -> Span | None:
        """The last part of a window that was long enough to do something in; None where there was none."""
        enough = min(ENOUGH_MS, window.length_ms)
        return next((s for s in reversed(self.stretches(host, window, *kinds)) if s.length_ms >= enough), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A duty that a host had, whether it had the chance to do it, and whether it did."""

    host: str
    duty: str
    owed: bool
    done: bool


def find_faults(evidence: Evidence) -> list[str]:
    """Everything that must not be, in words; empty when all is well."""
    checks = (
        _check_chain,
        _check_messages,
        _check_duties,
        _check_proofs,
        _check_verdicts,
        _check_misses,
        _check_money,
    )
    return [*evidence.seen.faults, *(fault for check in checks for fault in check(evidence))]


def _check_chain(evidence: Evidence) -> Iterator[str]:
    final = dict(enumerate(evidence.history.app_hashes, 1))
    for height, app_hash in evidence.seen.app_hashes.items():
        if height and final.get(height) != app_hash:
            yield f"height {height} had another app hash when it was asked for"
    for tx_hash in evidence.history.repeated:
        yield f"transaction {tx_hash} stands in two blocks"


def _check_messages(evidence: Evidence) -> Iterator[str]:
    done = Counter((sent.host, sent.duty) for sent in evidence.history.sent if not sent.code)
    for (host, duty), times in done.items():
        if times > 1 and not duty.startswith("MsgClaim "):
            yield f"{host}: {duty} took effect {times} times"
    for sent in evidence.history.sent:
        if sent.code:
            yield f"{sent.host}: {sent.duty} failed in block {sent.height}: {sent.log}"


def _check_duties(evidence: Evidence) -> Iterator[str]:
    for due in list_dues(evidence):
        if due.owed and not due.done:
            yield f"{due.host}: {due.duty} was not done, although everything was up for it"


def _check_proofs(evidence: Evidence) -> Iterator[str]:
    """What was acknowledged is in the client's journal, and in the claim if there was time to claim it."""
    for (host, epoch), sightings in evidence.seen.sightings.items():
        if epoch not in evidence.epochs:
            continue
        kept, claimed = evidence.seen.kept.get((host, epoch), 0), evidence.outcome(host, epoch).claimed
        if kept < sightings[-1].acked:
            yield f"{host}: {sightings[-1].acked} proofs of epoch {epoch} were acknowledged, {kept} were kept"
        acked = count_claimable(evidence, host, epoch)
        if acked * 100 >= claimed * 101 and acked:  # a claim is replaced by one that is 1 % greater
            yield f"{host}: {acked} proofs of epoch {epoch} were acknowledged in time, {claimed} were claimed"


def _check_verdicts(evidence: Evidence) -> Iterator[str]:
    """An honest host is never worse than undecided or, when it was down in REVEAL, unrevealed."""
    known = {0, VERDICT_ACCEPTED, VERDICT_UNDECIDED, VERDICT_UNREVEALED}
    for epoch in evidence.epochs:
        for host in evidence.addresses:
            if (verdict := evidence.outcome(host, epoch).verdict) not in known:
                yield f"{host}: the honest claim of epoch {epoch} is {Verdict.Name(verdict)}"


def _check_misses(evidence: Evidence) -> Iterator[str]:
    """The client lists what the chain saw undone, and what the chain cannot know, each with a cause."""
    for host, misses in evidence.misses.items():
        for epoch in evidence.epochs:
            listed = {words: cause for at, words, cause in misses if at == epoch}
            seen = list_seen_missed(evidence, host, epoch)
            if seen != listed.keys():
                yield f"{host}: of epoch {epoch} the chain saw undone {sorted(seen)}, the client lists {listed}"
            yield from (f"{host}: no cause for {words!r} in epoch {epoch}" for words in listed if not listed[words])


def _check_money(evidence: Evidence) -> Iterator[str]:
    history = evidence.history
    settled = history.summaries.values()
    expected = len(evidence.addresses) * BALANCE_NGONKA - history.burned_ngonka
    expected += sum(summary.minted_ngonka - summary.slashed_ngonka for summary in settled)
    if not history.supply_ngonka == history.balances_ngonka == expected:
        yield f"supply {history.supply_ngonka}, balances {history.balances_ngonka}, expected {expected}"


def list_seen_missed(evidence: Evidence, host: str, epoch: int) -> set[str]:
    """What a host left undone in an epoch, by the chain's summary and by what is not in any block."""
    outcome = evidence.outcome(host, epoch)
    missed = set(outcome.missed)
    if not outcome.claimed:
        missed.add(NO_CLAIM)
    if evidence.has_weight(host, epoch) and evidence.history.find(host, f"MsgCommitSeeds {epoch}") is None:
        missed.add(NO_COMMITMENT)
    return missed


def list_dues(evidence: Evidence) -> Iterator[Due]:
    """Every duty of every host in the settled epochs."""
    for epoch in evidence.epochs:
        for host in evidence.addresses:
            yield from _list_host_dues(evidence, epoch, host)


def _list_host_dues(evidence: Evidence, epoch: int, host: str) -> Iterator[Due]:
    def due(duty: str, phase: Phase, *kinds: str, of: int = epoch) -> Due:
        chance = evidence.last_chance(host, find_window(evidence, of, phase), "client", *kinds)
        done = evidence.history.find(host, duty) is not None
        return Due(host=host, duty=duty, owed=chance is not None, done=done)

    commit = due(f"MsgCommitSeeds {epoch}", Phase.SERVE if epoch > 1 else Phase.GENESIS, of=epoch - 1)
    if evidence.has_weight(host, epoch):
        yield commit
    if commit.done:
        yield due(f"MsgRevealSeed {epoch} 0", Phase.SEED)
        yield due(f"MsgRevealSeed {epoch} 1", Phase.BEACON2)
    claim = due(f"MsgClaim {epoch}", Phase.CLAIM)
    yield claim if count_claimable(evidence, host, epoch) else replace(claim, owed=False)
    if claim.done:
        yield due(f"MsgRevealLeaves {epoch}", Phase.REVEAL)
    others = (name for name in evidence.addresses if name != host)
    is_any_revealed = any(evidence.history.find(name, f"MsgRevealLeaves {epoch}") for name in others)
    if is_any_revealed and evidence.has_weight(host, epoch):
        rows = due(f"MsgCommitRows {epoch}", Phase.ROWS_COMMIT, "sidecar", "worker")
        yield rows
        if rows.done:
            yield due(f"MsgRevealRows {epoch}", Phase.ROWS_REVEAL)


def find_window(evidence: Evidence, epoch: int, phase: Phase) -> Span:
    """From the block before a phase to the phase's last; GENESIS begins where all hosts have staked."""
    first_height = 1 if epoch == 0 else GENESIS_BLOCKS + 1 + EPOCH_BLOCKS * (epoch - 1)
    first, last = phase_span(EpochStart(epoch=epoch, first_height=first_height), LOCAL, phase)
    times = evidence.history.times_ms
    opened = evidence.staked_height if epoch == 0 else first - 1
    return Span(first_ms=times[opened - 1], last_ms=times[last - 1])


def count_claimable(evidence: Evidence, host: str, epoch: int) -> int:
    """Proofs that were acknowledged before the last part of CLAIM that was long enough to claim them in."""
    chance = evidence.last_chance(host, find_window(evidence, epoch, Phase.CLAIM), "client")
    sightings = evidence.seen.sightings.get((host, epoch), ())
    return max((s.acked for s in sightings if chance and s.at_ms <= chance.first_ms), default=0)
