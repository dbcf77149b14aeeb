"""What an epoch meant for every host, kept for 64 epochs; older records go."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.beacon import state as beacon
from chain.modules.gov.state import find_oldest_table
from chain.modules.sprint import state
from chain.modules.stake import state as stake
from chain.settlement import Settlement
from rules.addresses import encode_address
from rules.types import Host, Verdict
from rules.verdicts import Done, Duty
from wire.gonka.beacon.v1.beacon_pb2 import Commitment
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary, Outcome

KEPT_EPOCHS: Final = 64
"""Epochs whose summary, seeds and table are kept, the settled one included."""


def process_summary(ctx: Context, settlement: Settlement) -> None:
    """Write the epoch's summary."""
    commitments = dict(beacon.scan_commitments(ctx.store, settlement.epoch))
    hosts = {host for host, _ in stake.scan_hosts(ctx.store)} | settlement.credited.keys()
    outcomes = [_find_outcome(ctx, settlement, host, commitments.get(host, Commitment())) for host in sorted(hosts)]
    summary = EpochSummary(
        epoch=settlement.epoch,
        unsettled=settlement.weights.unsettled,
        minted_ngonka=settlement.minted,
        fees_ngonka=settlement.fees,
        slashed_ngonka=sum(outcome.slashed_ngonka for outcome in outcomes),
        outcomes=outcomes,
    )
    state.set_summary(ctx.store, summary)
    ctx.emit("epoch_settled", epoch=summary.epoch, unsettled=summary.unsettled, minted_ngonka=summary.minted_ngonka)


def _find_outcome(ctx: Context, settlement: Settlement, host: Host, commitment: Commitment) -> Outcome:
    claim, entry = settlement.claims.get(host), settlement.before.get(host)
    weight, verdict = settlement.weights.table.get(host), settlement.verdicts.get(host)
    reveal, duty = state.get_reveal(ctx.store, settlement.epoch, host), settlement.duties.get(host, Duty())
    return Outcome(
        host=encode_address(host),
        claimed=claim.count if claim else 0,
        sampled=len(reveal.positions) if reveal else 0,
        mismatched=_count_mismatched(settlement, host),
        verdict=f"VERDICT_{verdict.name if verdict else 'UNSPECIFIED'}",
        units_before=entry.units if entry else 0,
        units=weight.units if weight else 0,
        effective_units=weight.effective_units if weight else 0,
        slashed_ngonka=settlement.slashed[host] + commitment.burned_ngonka,
        reward_pending_ngonka=settlement.pending.get(host, 0),
        reward_ngonka=settlement.credited.get(host, 0),
        missed=[*_list_missed(settlement, host, commitment), *_list_missed_duties(duty)],
        wrong_rows=duty.wrong,
        due_rows=duty.due,
    )


def _count_mismatched(settlement: Settlement, host: Host) -> int:
    """Distinct positions that revealed rows name."""
    if host not in settlement.cases:
        return 0
    rows = settlement.cases[host][0].rows.values()
    return len({position for row in rows for position in row.mismatched_positions})


def _list_missed(settlement: Settlement, host: Host, commitment: Commitment) -> list[str]:
    missed = []
    if commitment.sprint_commitment and not commitment.sprint_secret:
        missed.append("secret for the Sprint's seed not revealed")
    if commitment.sample_commitment and not commitment.sample_secret:
        missed.append("secret for the sample's seed not revealed")
    if settlement.verdicts.get(host) is Verdict.UNREVEALED:
        missed.append("leaves of the claim not revealed")
    return missed


def _list_missed_duties(duty: Duty) -> list[str]:
    rows = [row.claimant for row in duty.rows if row.done is Done.MISSING]
    missed = [f"no row on the claim of {encode_address(claimant)}" for claimant in rows]
    return [*missed, "no vote on the open disputes"] if duty.vote is Done.MISSING else missed


def process_pruning(ctx: Context, settlement: Settlement) -> None:
    """Forget the work of the epoch before, and what is older than KEPT_EPOCHS, but for tables that a vote needs."""
    if settlement.epoch >= 1:
        state.delete_work(ctx.store, settlement.epoch - 1)
        beacon.delete_commitments(ctx.store, settlement.epoch - 1)
        beacon.delete_dealing(ctx.store, settlement.epoch - 1)
    if settlement.epoch >= KEPT_EPOCHS:
        oldest = settlement.epoch - KEPT_EPOCHS
        state.delete_summary(ctx.store, oldest)
        beacon.delete_seeds(ctx.store, oldest)
        stake.delete_tables_before(ctx.store, find_oldest_table(ctx.store, oldest + 1))
