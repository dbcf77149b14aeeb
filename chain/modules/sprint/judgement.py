"""The verdicts of an epoch, from the rows and votes that were revealed."""

from __future__ import annotations

from chain.context import Context
from chain.modules.sprint import state
from chain.settlement import Settlement
from rules.addresses import decode_address, encode_address
from rules.types import Dispute, Host, Row, Verdict
from rules.verdicts import Case, DisputeCount, Votes, compute_ruling, count_votes, list_duties, list_judged
from wire.gonka.sprint.v1.sprint_pb2 import Claim


def process_verdicts(ctx: Context, settlement: Settlement) -> None:
    """Find the verdict on every claim, and what everyone did of what it owed."""
    votes = _read_votes(ctx, settlement.epoch)
    stops_at = settlement.params.sprint.slash_mismatches
    cases = _read_cases(ctx, settlement, votes)
    settlement.cases = {case.claimant: (case, compute_ruling(case, stops_at)) for case in cases}
    settlement.verdicts = {host: _find_verdict(settlement, host, claim) for host, claim in settlement.claims.items()}
    settlement.duties = list_duties(tuple(settlement.cases.values()), votes, settlement.table)
    for host, verdict in settlement.verdicts.items():
        ctx.emit("verdict", epoch=settlement.epoch, host=encode_address(host), verdict=verdict.name)


def _find_verdict(settlement: Settlement, host: Host, claim: Claim) -> Verdict:
    if host in settlement.cases:
        return settlement.cases[host][1].verdict
    return Verdict.VOID if claim.void else Verdict.UNREVEALED


def _read_votes(ctx: Context, epoch: int) -> Votes:
    disputes = _read_disputes(ctx, epoch)
    return {
        juror: {dispute: bit == 1 for dispute, bit in zip(list_judged(juror, disputes), vote.bits, strict=True)}
        for juror, vote in state.scan_votes(ctx.store, epoch)
        if vote.revealed
    }


def _read_disputes(ctx: Context, epoch: int) -> tuple[Dispute, ...]:
    return tuple([state.read_dispute(record) for record in state.get_disputes(ctx.store, epoch)])


def _read_cases(ctx: Context, settlement: Settlement, votes: Votes) -> list[Case]:
    epoch, table = settlement.epoch, settlement.table
    seats: dict[Host, list[Host]] = {claimant: [] for claimant, _ in state.scan_reveals(ctx.store, epoch)}
    for verifier, held in state.scan_seats(ctx.store, epoch):
        for seat in held.seats:
            seats[Host(decode_address(seat.claimant))] += [verifier] * seat.count
    rows: dict[Host, dict[Host, Row]] = {claimant: {} for claimant in seats}
    for verifier, revealed in state.scan_rows(ctx.store, epoch):
        for row in map(state.read_row, revealed.rows):
            rows[row.claimant][verifier] = row
    counts: dict[Host, list[DisputeCount]] = {claimant: [] for claimant in seats}
    for count in count_votes(_read_disputes(ctx, epoch), votes, table):
        counts[count.dispute.claimant].append(count)
    return [
        Case(
            claimant=claimant,
            seats=tuple(holders),
            rows=rows[claimant],
            disputes=tuple(counts[claimant]),
        )
        for claimant, holders in seats.items()
    ]
