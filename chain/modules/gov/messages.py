"""Proposing, depositing, voting and cancelling by the messages of cosmos.gov.v1, and v1beta1 where wallets still do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chain.context import Context, make_timestamp
from chain.modules.bank.coins import read_amount
from chain.modules.gov import state
from chain.modules.gov.proposals import Submission, add_deposit, check_deposit, return_deposits, submit
from chain.modules.handler import Handler, read_any
from chain.modules.params.state import get_frozen
from chain.modules.stake.state import get_units
from rules.addresses import decode_address, encode_address
from rules.ballots import WEIGHT_ONE, check_options, format_weight, parse_weight
from rules.errors import RuleError
from rules.types import Host, VoteOption

from cosmos.gov.v1 import tx_pb2 as v1
from cosmos.gov.v1.gov_pb2 import PROPOSAL_STATUS_VOTING_PERIOD, Vote, WeightedVoteOption
from cosmos.gov.v1beta1 import tx_pb2 as v1beta1
from cosmos.gov.v1beta1.gov_pb2 import TextProposal

MAX_METADATA_BYTES = 255


def apply_submit(ctx: Context, message: v1.MsgSubmitProposal) -> v1.MsgSubmitProposalResponse:
    """Propose messages, or only words."""
    submission = Submission(
        proposer=decode_address(message.proposer),
        deposit=read_amount(message.initial_deposit) if message.initial_deposit else 0,
        messages=tuple(message.messages),
        title=message.title,
        summary=message.summary,
        metadata=message.metadata,
        expedited=message.expedited,
    )
    return v1.MsgSubmitProposalResponse(proposal_id=submit(ctx, submission))


def apply_submit_text(ctx: Context, message: v1beta1.MsgSubmitProposal) -> v1beta1.MsgSubmitProposalResponse:
    """Propose words in the old form; the other old forms changed what now has messages of its own."""
    content: Any = read_any(message.content, TextProposal)
    submission = Submission(
        proposer=decode_address(message.proposer),
        deposit=read_amount(message.initial_deposit) if message.initial_deposit else 0,
        messages=(),
        title=content.title,
        summary=content.description,
        metadata="",
        expedited=False,
    )
    return v1beta1.MsgSubmitProposalResponse(proposal_id=submit(ctx, submission))


def apply_deposit(ctx: Context, message: v1.MsgDeposit) -> v1.MsgDepositResponse:
    """Add to a proposal's deposit, while it takes deposits or votes."""
    _deposit(ctx, message)
    return v1.MsgDepositResponse()


def apply_deposit_v1beta1(ctx: Context, message: v1beta1.MsgDeposit) -> v1beta1.MsgDepositResponse:
    """The same in the old form."""
    _deposit(ctx, message)
    return v1beta1.MsgDepositResponse()


def apply_vote(ctx: Context, message: v1.MsgVote) -> v1.MsgVoteResponse:
    """Vote for one option; a later vote replaces an earlier one."""
    _vote(ctx, message, [(message.option, WEIGHT_ONE)], message.metadata)
    return v1.MsgVoteResponse()


def apply_vote_weighted(ctx: Context, message: v1.MsgVoteWeighted) -> v1.MsgVoteWeightedResponse:
    """Split a vote among options; weights are decimals."""
    _vote(ctx, message, [(entry.option, parse_weight(entry.weight)) for entry in message.options], message.metadata)
    return v1.MsgVoteWeightedResponse()


def apply_vote_v1beta1(ctx: Context, message: v1beta1.MsgVote) -> v1beta1.MsgVoteResponse:
    """Vote in the old form."""
    _vote(ctx, message, [(message.option, WEIGHT_ONE)], "")
    return v1beta1.MsgVoteResponse()


def apply_vote_weighted_v1beta1(ctx: Context, message: v1beta1.MsgVoteWeighted) -> v1beta1.MsgVoteWeightedResponse:
    """Split a vote in the old form, whose weights are whole numbers of 10^-18."""
    _vote(ctx, message, [(entry.option, _parse_parts(entry.weight)) for entry in message.options], "")
    return v1beta1.MsgVoteWeightedResponse()


def apply_cancel(ctx: Context, message: v1.MsgCancelProposal) -> v1.MsgCancelProposalResponse:
    """Withdraw one's own proposal while it is open; a part of the deposits burns."""
    proposal = state.find_proposal(ctx.store, message.proposal_id)
    state.get_course(ctx.store, proposal.id)
    if proposal.proposer != encode_address(decode_address(message.proposer)):
        raise RuleError("unauthorized", f"proposal {proposal.id} is {proposal.proposer}'s")
    return_deposits(ctx, proposal.id, get_frozen(ctx.store).gov.cancel_ppm)
    state.close(ctx.store, proposal.id)
    state.delete_proposal(ctx.store, proposal.id)
    ctx.emit("cancel_proposal", proposal_id=proposal.id, sender=proposal.proposer)
    return v1.MsgCancelProposalResponse(
        proposal_id=proposal.id, canceled_time=make_timestamp(ctx.time_ns), canceled_height=ctx.height
    )


def _deposit(ctx: Context, message: v1.MsgDeposit | v1beta1.MsgDeposit) -> None:
    """Raises: RuleError `proposal_unknown`, `proposal_closed`, `amount_invalid`, `deposit_too_small`,
    `insufficient_funds`.
    """
    proposal = state.find_proposal(ctx.store, message.proposal_id)
    state.get_course(ctx.store, proposal.id)
    amount = read_amount(message.amount)
    check_deposit(proposal, amount, get_frozen(ctx.store).gov)
    add_deposit(ctx, proposal, decode_address(message.depositor), amount)


def _vote(ctx: Context, message: Any, entries: Iterable[tuple[int, int]], metadata: str) -> None:
    """Raises: RuleError `proposal_unknown`, `proposal_closed`, `vote_option_invalid`, `vote_weights_invalid`,
    `vote_without_compute` where the voter had no effective units when voting began.
    """
    proposal = state.find_proposal(ctx.store, message.proposal_id)
    course = state.get_course(ctx.store, proposal.id)
    if proposal.status != PROPOSAL_STATUS_VOTING_PERIOD:
        raise RuleError("proposal_closed", f"proposal {proposal.id} still takes deposits, not votes")
    options = check_options([(_read_option(option), parts) for option, parts in entries])
    if len(metadata.encode()) > MAX_METADATA_BYTES:
        raise RuleError("request_invalid", f"a vote's metadata is at most {MAX_METADATA_BYTES} bytes")
    voter = decode_address(message.voter)
    if get_units(ctx.store, course.table_epoch, Host(voter)) == 0:
        detail = f"{message.voter} had none in the table of epoch {course.table_epoch}, when voting began"
        raise RuleError("vote_without_compute", detail, table_epoch=course.table_epoch)
    weights = [WeightedVoteOption(option=option.value, weight=format_weight(part)) for option, part in options.items()]
    vote = Vote(proposal_id=proposal.id, voter=encode_address(voter), options=weights, metadata=metadata)
    state.set_vote(ctx.store, proposal.id, voter, vote)
    said = ",".join(f"{option.name.lower()}={format_weight(part)}" for option, part in options.items())
    ctx.emit("proposal_vote", voter=vote.voter, option=said, proposal_id=proposal.id)


def _read_option(number: int) -> VoteOption:
    try:
        return VoteOption(number)
    except ValueError as error:
        raise RuleError("vote_option_invalid", f"option {number}") from error


def _parse_parts(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise RuleError("vote_weights_invalid", f"{text[:40]!r} is no weight in parts of 10^-18")
    return int(text)


HANDLERS = (
    Handler(message=v1.MsgSubmitProposal, apply=apply_submit, gas=100_000, inner="messages"),
    Handler(message=v1.MsgDeposit, apply=apply_deposit, gas=40_000),
    Handler(message=v1.MsgVote, apply=apply_vote, gas=40_000),
    Handler(message=v1.MsgVoteWeighted, apply=apply_vote_weighted, gas=40_000),
    Handler(message=v1.MsgCancelProposal, apply=apply_cancel, gas=60_000),
    Handler(message=v1beta1.MsgSubmitProposal, apply=apply_submit_text, gas=100_000),
    Handler(message=v1beta1.MsgDeposit, apply=apply_deposit_v1beta1, gas=40_000),
    Handler(message=v1beta1.MsgVote, apply=apply_vote_v1beta1, gas=40_000),
    Handler(message=v1beta1.MsgVoteWeighted, apply=apply_vote_weighted_v1beta1, gas=40_000),
)
