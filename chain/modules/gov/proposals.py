"""A proposal on its way to a vote: checked, deposited for, opened; and its deposits on their way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp

from chain.context import Context, make_timestamp
from chain.modules.bank import state as bank
from chain.modules.bank.coins import make_coin
from chain.modules.bank.messages import transfer
from chain.modules.gov import state
from chain.modules.handler import read_order
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake.state import table_epoch
from rules.addresses import encode_address
from rules.errors import RuleError
from rules.params import MILLION, GovParams, Params
from rules.schedule import EpochStart, locate, phase_lengths

from cosmos.gov.v1.gov_pb2 import PROPOSAL_STATUS_DEPOSIT_PERIOD, PROPOSAL_STATUS_VOTING_PERIOD, Deposit, Proposal

MAX_TITLE_BYTES = 255
MAX_SUMMARY_BYTES = 10_240
"""Proposals stay, and who lists them holds many at a time."""
MAX_METADATA_BYTES = 255
MIN_DEPOSIT_PPM = 10_000
"""The part of what opens a vote that every deposit comes to.

All deposits of a proposal go back in one block: were small ones taken, a few GNK in fees would make that block so long
that no node could hand it on.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is proposed, by whom, with how much behind it."""

    proposer: bytes
    deposit: int
    messages: tuple[Any, ...]
    title: str
    summary: str
    metadata: str
    expedited: bool


def submit(ctx: Context, submission: Submission) -> int:
    """Make a proposal with its first deposit; returns its number.

    Raises: RuleError `request_invalid` without a title or with too long texts, `deposit_too_small`,
    `insufficient_funds`, `proposal_message_invalid` when a message would fail now or is not the gov module's to send.
    """
    params = get_frozen(ctx.store)
    _check_texts(submission)
    _check_first_deposit(submission, params.gov)
    try:
        apply_messages(ctx.branch().context, submission.messages)
    except RuleError as error:
        raise RuleError("proposal_message_invalid", str(error)) from error
    proposal = Proposal(
        id=state.take_next_id(ctx.store),
        messages=submission.messages,
        status=PROPOSAL_STATUS_DEPOSIT_PERIOD,
        submit_time=make_timestamp(ctx.time_ns),
        deposit_end_time=_time_after(ctx, params, params.gov.max_deposit_blocks),
        metadata=submission.metadata,
        title=submission.title,
        summary=submission.summary,
        proposer=encode_address(submission.proposer),
        expedited=submission.expedited,
    )
    state.set_proposal(ctx.store, proposal)
    state.set_course(ctx.store, proposal.id, state.Course(ctx.height + params.gov.max_deposit_blocks))
    names = ",".join(packed.type_url for packed in submission.messages)
    ctx.emit("submit_proposal", proposal_id=proposal.id, proposal_messages=names)
    add_deposit(ctx, proposal, submission.proposer, submission.deposit)
    return int(proposal.id)


def apply_messages(ctx: Context, messages: Iterable[Any]) -> None:
    """Apply a proposal's messages, each of which only the gov module may sign.

    Raises: RuleError of the first that fails, after which all writes must be dropped.
    """
    for packed in messages:
        order = read_order(packed, ctx.handlers)
        if order.signers != (state.AUTHORITY,):
            raise RuleError(
                "unauthorized", f"{order.handler.name} must be for {encode_address(state.AUTHORITY)} to sign"
            )
        order.apply(ctx)


def add_deposit(ctx: Context, proposal: Proposal, depositor: bytes, amount: int) -> None:
    """Take a deposit, and open the vote when there is enough.  Raises: RuleError `insufficient_funds`."""
    transfer(ctx, depositor, state.DEPOSITS, amount)
    held = state.get_deposit(ctx.store, proposal.id, depositor)
    sum_held = amount + (int(held.amount[0].amount) if held else 0)
    deposit = Deposit(proposal_id=proposal.id, depositor=encode_address(depositor), amount=[make_coin(sum_held)])
    state.set_deposit(ctx.store, proposal.id, depositor, deposit)
    total = amount + (int(proposal.total_deposit[0].amount) if proposal.total_deposit else 0)
    del proposal.total_deposit[:]
    proposal.total_deposit.append(make_coin(total))
    ctx.emit("proposal_deposit", amount=f"{amount}{bank.DENOM}", proposal_id=proposal.id, depositor=deposit.depositor)
    params = get_frozen(ctx.store)
    if proposal.status == PROPOSAL_STATUS_DEPOSIT_PERIOD and total >= _least_deposit(params.gov, proposal.expedited):
        _open_vote(ctx, proposal, params)
    state.set_proposal(ctx.store, proposal)


def extend_to_regular(ctx: Context, proposal: Proposal, course: state.Course) -> None:
    """Let an expedited proposal that did not pass run on as a regular one; votes stay cast."""
    params = get_frozen(ctx.store)
    proposal.expedited = False
    regular = state.Course(
        course.voting_height + params.gov.voting_blocks,
        course.voting_height,
        course.epoch,
        course.table_epoch,
        course.min_epochs,
    )
    state.set_course(ctx.store, proposal.id, regular)
    proposal.voting_end_time.CopyFrom(_time_after(ctx, params, regular.end_height - ctx.height))
    state.set_proposal(ctx.store, proposal)


def return_deposits(ctx: Context, proposal_id: int, burned_ppm: int) -> None:
    """Give the deposits back, less the part that burns, rounded down for each depositor."""
    for depositor, deposit in list(state.scan_deposits(ctx.store, proposal_id)):
        amount = int(deposit.amount[0].amount)
        burned = amount * burned_ppm // MILLION
        bank.burn(ctx.store, state.DEPOSITS, burned)
        if amount > burned:
            transfer(ctx, state.DEPOSITS, depositor, amount - burned)
        state.delete_deposit(ctx.store, proposal_id, depositor)


def _check_texts(submission: Submission) -> None:
    if not 1 <= len(submission.title.encode()) <= MAX_TITLE_BYTES:
        raise RuleError("request_invalid", f"a proposal has a title, of at most {MAX_TITLE_BYTES} bytes")
    if len(submission.summary.encode()) > MAX_SUMMARY_BYTES or len(submission.metadata.encode()) > MAX_METADATA_BYTES:
        limits = f"{MAX_SUMMARY_BYTES} bytes, its metadata {MAX_METADATA_BYTES}"
        raise RuleError("request_invalid", f"a proposal's summary is at most {limits}")


def check_deposit(proposal: Proposal, amount: int, params: GovParams) -> None:
    """Raises RuleError `deposit_too_small` for less than MIN_DEPOSIT_PPM of what opens the vote, rounded up."""
    least = _part_of_deposit(params, proposal.expedited, MIN_DEPOSIT_PPM)
    if amount < least:
        raise RuleError("deposit_too_small", f"{amount} {bank.DENOM}, the least deposit is {least}", least=least)


def _check_first_deposit(submission: Submission, params: GovParams) -> None:
    least = _part_of_deposit(params, submission.expedited, params.min_initial_deposit_ppm)
    if submission.deposit < max(least, 1):
        detail = f"{submission.deposit} {bank.DENOM}, the least first deposit is {max(least, 1)}"
        raise RuleError("deposit_too_small", detail, least=least)


def _part_of_deposit(params: GovParams, expedited: bool, part_ppm: int) -> int:
    """Rounded up."""
    return -(-_least_deposit(params, expedited) * part_ppm // MILLION)


def _least_deposit(params: GovParams, expedited: bool) -> int:
    return params.expedited_min_deposit_ngonka if expedited else params.min_deposit_ngonka


def _open_vote(ctx: Context, proposal: Proposal, params: Params) -> None:
    start = get_epoch_start(ctx.store)
    blocks = params.gov.expedited_voting_blocks if proposal.expedited else params.gov.voting_blocks
    course = state.Course(
        ctx.height + blocks, ctx.height, start.epoch, table_epoch(ctx.store), params.gov.min_voting_epochs
    )
    state.set_course(ctx.store, proposal.id, course)
    proposal.status = PROPOSAL_STATUS_VOTING_PERIOD
    proposal.voting_start_time.CopyFrom(make_timestamp(ctx.time_ns))
    spanned = _blocks_to_span(start, params, ctx.height)
    proposal.voting_end_time.CopyFrom(_time_after(ctx, params, max(blocks, spanned)))
    ctx.emit("proposal_deposit", voting_period_start=proposal.id)


def _blocks_to_span(start: EpochStart, params: Params, height: int) -> int:
    """Blocks until as many epochs have begun as a vote must span, if the beacon is never late."""
    epoch_blocks = sum(length for _, length in phase_lengths(EpochStart(epoch=1, first_height=1), params))
    next_first = locate(start, params, height).epoch_last + 1
    return next_first - height + (params.gov.min_voting_epochs - 1) * epoch_blocks


def _time_after(ctx: Context, params: Params, blocks: int) -> Timestamp:
    """When a height is reached, by the length of a block: for people, decides nothing."""
    return make_timestamp(ctx.time_ns + blocks * params.auth.block_ms * 10**6)
