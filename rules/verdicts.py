"""Rows and disputes -> a verdict on each claim, and what each verifier did of what it owed.

Votes are weighed by the table, rows by seats.  Source: docs/protocol.md, "Verdicts".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from rules.types import Dispute, Host, Row, Table, Verdict

STOPPED_DIGEST: Final = bytes(8)
"""The sample_digest of a verifier that met `slash_mismatches` mismatches and stopped."""

Votes = Mapping[Host, Mapping[Dispute, bool]]
"""Revealed votes: for each juror and each dispute it may judge, whether it says false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeCount:
    """How the jurors voted on one dispute; weights are effective units."""

    dispute: Dispute
    voters: int
    jurors_weight: int
    voted_weight: int
    false_weight: int

    @property
    def has_quorum(self) -> bool:
        """At least two jurors and 1/2 of their weight voted."""
        return self.voters >= 2 and 2 * self.voted_weight >= self.jurors_weight

    @property
    def says_false(self) -> bool:
        """More than 1/2 of the votes say that the tag is false."""
        return 2 * self.false_weight > self.voted_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A revealed claim in order, and all that its verdict looks at.

    `seats` names the holder of each seat, and is empty where nobody may verify; `rows` are those revealed by holders.
    """

    claimant: Host
    seats: tuple[Host, ...]
    rows: Mapping[Host, Row]
    disputes: tuple[DisputeCount, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """ACCEPTED, REJECTED or UNDECIDED; whether stake is slashed; the verifiers whose row is wrong, or missing."""

    verdict: Verdict
    slashed: bool
    wrong: frozenset[Host]
    missing: frozenset[Host]


class Done(Enum):
    """How a duty was done."""

    RIGHT = "right"
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDuty:
    """A row that was due on a claim, and the seats it speaks for."""

    claimant: Host
    seats: int
    done: Done


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a host owed others' claims in an epoch; `vote` is None for who had no dispute to judge."""

    rows: tuple[RowDuty, ...] = ()
    vote: Done | None = None

    @property
    def due(self) -> int:
        """Rows, and the vote as one more."""
        return len(self.rows) + (self.vote is not None)

    @property
    def wrong(self) -> int:
        """Those due that are wrong or missing; a vote that lost is wrong."""
        return sum(row.done is not Done.RIGHT for row in self.rows) + (self.vote in {Done.WRONG, Done.MISSING})

    @property
    def is_idle(self) -> bool:
        """More than 1/2 of its own seats went unreported."""
        unreported = sum(row.seats for row in self.rows if row.done is Done.MISSING)
        return 2 * unreported > sum(row.seats for row in self.rows)


def open_disputes(leaves: Mapping[Host, Mapping[int, int]], rows: Iterable[Row]) -> tuple[Dispute, ...]:
    """The disputes that rows open, in (claimant, nonce) order: each on the lowest nonce it names, equal ones once.

    `leaves` gives, by claimant, the nonce revealed at each sampled position.
    """
    named = (row for row in rows if row.mismatched_positions)
    return tuple(sorted({_contested(leaves, row) for row in named}))


def _contested(leaves: Mapping[Host, Mapping[int, int]], row: Row) -> Dispute:
    return Dispute(claimant=row.claimant, nonce=leaves[row.claimant][min(row.mismatched_positions)])


def list_judged(juror: Host, disputes: Sequence[Dispute]) -> tuple[Dispute, ...]:
    """The disputes that a juror votes on: all but those over its own claim, in the order given."""
    return tuple(dispute for dispute in disputes if dispute.claimant != juror)


def count_votes(disputes: Sequence[Dispute], votes: Votes, table: Table) -> tuple[DisputeCount, ...]:
    """The count of each dispute; jurors are the hosts with effective units other than the claimant."""
    voters = {host: table[host] for host in votes if table.get(host, 0) > 0}
    weights = sum(table.values()), sum(voters.values())
    return tuple([_count(dispute, votes, voters, (table.get(dispute.claimant, 0), *weights)) for dispute in disputes])


def _count(dispute: Dispute, votes: Votes, voters: Table, weights: tuple[int, int, int]) -> DisputeCount:
    """`weights`: the claimant's, that of all jurors and that of all voters, the claimant among them."""
    own, jurors_weight, voted_weight = weights
    has_voted = dispute.claimant in voters
    return DisputeCount(
        dispute=dispute,
        voters=len(voters) - has_voted,
        jurors_weight=jurors_weight - own,
        voted_weight=voted_weight - own * has_voted,
        false_weight=sum(units for host, units in voters.items() if host != dispute.claimant and votes[host][dispute]),
    )


def compute_ruling(case: Case, slash_mismatches: int) -> Ruling:
    """The ruling on a claim.  Thresholds are shares of seats, of reporting seats, or of the weight that voted."""
    verdict = _compute_verdict(case)
    return Ruling(
        verdict=verdict,
        slashed=verdict is Verdict.REJECTED and _is_slashed(case, slash_mismatches),
        wrong=_find_wrong(case, verdict),
        missing=frozenset(case.seats) - case.rows.keys(),
    )


def _compute_verdict(case: Case) -> Verdict:
    if not all(count.has_quorum for count in case.disputes):
        return Verdict.UNDECIDED
    if any(count.says_false for count in case.disputes):
        return Verdict.REJECTED
    equal = Counter(row.sample_digest for row in _by_seat(case) if not row.mismatched_positions)
    if case.seats and 4 * max(equal.values(), default=0) >= len(case.seats):
        return Verdict.ACCEPTED
    return Verdict.UNDECIDED


def _is_slashed(case: Case, slash_mismatches: int) -> bool:
    """More than 2/3 of the votes say false, and more than 1/2 of the reporting seats name enough positions."""
    rows = _by_seat(case)
    damning = sum(len(row.mismatched_positions) >= slash_mismatches for row in rows)
    convinced = any(3 * count.false_weight > 2 * count.voted_weight for count in case.disputes)
    return convinced and 2 * damning > len(rows)


def _find_wrong(case: Case, verdict: Verdict) -> frozenset[Host]:
    """Verifiers that differ from more than 1/2 of the reporting seats, or from what was settled."""
    rows = _by_seat(case)
    reports, most = Counter(_report(row) for row in rows).most_common(1)[0] if rows else (None, 0)
    settled = _settled_word(case, verdict)
    return frozenset(
        host
        for host, row in case.rows.items()
        if (2 * most > len(rows) and _report(row) != reports)
        or (settled is not None and bool(row.mismatched_positions) != settled)
    )


def _settled_word(case: Case, verdict: Verdict) -> bool | None:
    """Whether mismatches were settled to be there, or not to be there; None where nothing was settled."""
    if verdict is Verdict.REJECTED:
        return True
    overruled = bool(case.disputes) and all(count.has_quorum for count in case.disputes)
    return False if verdict is Verdict.ACCEPTED or overruled else None


def _report(row: Row) -> tuple[bytes, tuple[int, ...]]:
    """What rows are compared by: the digest, or the positions where the verifier stopped."""
    return row.sample_digest, row.mismatched_positions if row.sample_digest == STOPPED_DIGEST else ()


def _by_seat(case: Case) -> list[Row]:
    """The row of each reporting seat."""
    return [case.rows[host] for host in case.seats if host in case.rows]


def list_duties(cases: Sequence[tuple[Case, Ruling]], votes: Votes, table: Table) -> dict[Host, Duty]:
    """What every verifier and juror of an epoch owed, and how it was done, in address order."""
    rows: dict[Host, list[RowDuty]] = {}
    for case, ruling in cases:
        for host, seats in Counter(case.seats).items():
            row = RowDuty(claimant=case.claimant, seats=seats, done=_row_done(host, ruling))
            rows.setdefault(host, []).append(row)
    counts = [count for case, _ in cases for count in case.disputes]
    jurors = {host for host, units in table.items() if units > 0}
    return {
        host: Duty(
            rows=tuple(rows.get(host, ())),
            vote=_vote_done(host, counts, votes.get(host)) if host in jurors else None,
        )
        for host in sorted(jurors | rows.keys())
    }


def _row_done(host: Host, ruling: Ruling) -> Done:
    if host in ruling.missing:
        return Done.MISSING
    return Done.WRONG if host in ruling.wrong else Done.RIGHT


def _vote_done(juror: Host, counts: Sequence[DisputeCount], vote: Mapping[Dispute, bool] | None) -> Done | None:
    judged = (count for count in counts if count.dispute.claimant != juror)
    if not any(count.dispute.claimant != juror for count in counts):
        return None
    if vote is None:
        return Done.MISSING
    lost = any(count.has_quorum and vote[count.dispute] != count.says_false for count in judged)
    return Done.WRONG if lost else Done.RIGHT
