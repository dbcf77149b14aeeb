"""What ends with a block: deposit periods, and votes, which are counted and acted on."""

from __future__ import annotations

from chain.context import Context
from chain.modules.gov import state
from chain.modules.gov.proposals import apply_messages, extend_to_regular, return_deposits
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake.state import get_weights, table_epoch
from chain.store.kv import Reader
from rules.ballots import Options, Outcome, Tally, compute_tally, compute_units, decide, parse_weight
from rules.errors import RuleError
from rules.params import MILLION, GovParams
from rules.types import Host, VoteOption

from cosmos.gov.v1.gov_pb2 import (
    PROPOSAL_STATUS_FAILED,
    PROPOSAL_STATUS_PASSED,
    PROPOSAL_STATUS_REJECTED,
    Proposal,
    TallyResult,
    Vote,
)


def end_block(ctx: Context) -> None:
    """End what is due, oldest first; called before the epoch's own end, so a SETTLE in this block comes after."""
    epoch = get_epoch_start(ctx.store).epoch
    for proposal_id, course in list(state.scan_open(ctx.store)):
        if ctx.height < course.end_height:
            continue
        if not course.voting_height:
            _end_deposits(ctx, proposal_id)
        elif epoch >= course.epoch + course.min_epochs:
            _end_vote(ctx, state.find_proposal(ctx.store, proposal_id), course)


def count_votes(store: Reader, proposal_id: int, course: state.Course) -> Tally:
    """The tally if voting ended now."""
    ballots = [(Host(voter), _options_of(vote)) for voter, vote in state.scan_votes(store, proposal_id)]
    return compute_tally(ballots, get_weights(store, course.table_epoch), get_weights(store, table_epoch(store)))


def encode_tally(tally: Tally) -> TallyResult:
    """The tally as wallets read it: units, rounded down."""
    return TallyResult(
        yes_count=str(tally.units(VoteOption.YES)),
        abstain_count=str(tally.units(VoteOption.ABSTAIN)),
        no_count=str(tally.units(VoteOption.NO)),
        no_with_veto_count=str(tally.units(VoteOption.NO_WITH_VETO)),
    )


def _options_of(vote: Vote) -> Options:
    return {VoteOption(entry.option): parse_weight(entry.weight) for entry in vote.options}


def _end_deposits(ctx: Context, proposal_id: int) -> None:
    burned_ppm = MILLION if get_frozen(ctx.store).gov.burn_deposit_prevote else 0
    return_deposits(ctx, proposal_id, burned_ppm)
    state.close(ctx.store, proposal_id)
    state.delete_proposal(ctx.store, proposal_id)
    ctx.emit("inactive_proposal", proposal_id=proposal_id, proposal_result="proposal_dropped")


def _end_vote(ctx: Context, proposal: Proposal, course: state.Course) -> None:
    params = get_frozen(ctx.store).gov
    tally = count_votes(ctx.store, proposal.id, course)
    outcome = decide(tally, params, expedited=proposal.expedited)
    proposal.final_tally_result.CopyFrom(encode_tally(tally))
    if proposal.expedited and outcome is not Outcome.PASSED:
        extend_to_regular(ctx, proposal, course)
        _say(ctx, proposal, "expedited_proposal_rejected", outcome)
        return
    _keep_ballots(ctx, proposal.id, course)
    state.close(ctx.store, proposal.id)
    return_deposits(ctx, proposal.id, MILLION if _burns(outcome, params) else 0)
    if outcome is Outcome.PASSED:
        _execute(ctx, proposal)
    else:
        proposal.status = PROPOSAL_STATUS_REJECTED
    state.set_proposal(ctx.store, proposal)
    results = {
        PROPOSAL_STATUS_PASSED: "proposal_passed",
        PROPOSAL_STATUS_REJECTED: "proposal_rejected",
        PROPOSAL_STATUS_FAILED: "proposal_failed",
    }
    _say(ctx, proposal, results[proposal.status], outcome)


def _keep_ballots(ctx: Context, proposal_id: int, course: state.Course) -> None:
    """Keep what each vote was counted with: the tables that it follows from are forgotten in time."""
    began, ended = get_weights(ctx.store, course.table_epoch), get_weights(ctx.store, table_epoch(ctx.store))
    for voter, _ in list(state.scan_votes(ctx.store, proposal_id)):
        state.set_ballot(ctx.store, proposal_id, voter, compute_units(Host(voter), began, ended))


def _execute(ctx: Context, proposal: Proposal) -> None:
    """Apply the messages, all of them or none."""
    branch = ctx.branch()
    try:
        apply_messages(branch.context, proposal.messages)
    except RuleError as error:
        proposal.status = PROPOSAL_STATUS_FAILED
        proposal.failed_reason = str(error)
        return
    branch.merge()
    proposal.status = PROPOSAL_STATUS_PASSED


def _burns(outcome: Outcome, params: GovParams) -> bool:
    return (outcome is Outcome.VETOED and params.burn_vote_veto) or (
        outcome is Outcome.NO_QUORUM and params.burn_vote_quorum
    )


def _say(ctx: Context, proposal: Proposal, result: str, outcome: Outcome) -> None:
    ctx.emit("active_proposal", proposal_id=proposal.id, proposal_result=result, outcome=outcome.value)
