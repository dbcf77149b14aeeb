"""Proposing, depositing, voting, cancelling: what is taken and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chain.context import Context
from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import get_balance, get_supply
from chain.modules.gov import state
from chain.modules.handler import pack_any
from chain.modules.params.state import get_live
from rules.addresses import encode_address, module_address
from rules.errors import RuleError
from rules.params import GNK
from rules.presets import MINIMAL
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, DAN, STRANGER, Person, apply, make_context, make_genesis
from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams
from wire.gonka.stake.v1 import stake_pb2

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.distribution.v1beta1.distribution_pb2 import CommunityPoolSpendProposal
from cosmos.gov.v1 import gov_pb2, tx_pb2
from cosmos.gov.v1.tx_pb2 import MsgCancelProposal, MsgDeposit, MsgSubmitProposal, MsgVote, MsgVoteWeighted
from cosmos.gov.v1beta1 import gov_pb2 as old_gov
from cosmos.gov.v1beta1 import tx_pb2 as old
from cosmos.staking.v1beta1.tx_pb2 import MsgUpdateParams as StakingUpdateParams

GOV = encode_address(module_address("gov"))
MIN = MINIMAL.gov.min_deposit_ngonka
PART = MIN // 100
"""The least of any deposit."""
YES, NO, VETO = gov_pb2.VOTE_OPTION_YES, gov_pb2.VOTE_OPTION_NO, gov_pb2.VOTE_OPTION_NO_WITH_VETO


def update_stake(**changes: int) -> MsgUpdateParams:
    params = pack_any(stake_pb2.Params(**changes))
    return MsgUpdateParams(authority=GOV, module="stake", params=params, mask=FieldMask(paths=list(changes)))


def propose(*messages: Message, by: Person = DAN, deposit: int = MIN, expedited: bool = False) -> MsgSubmitProposal:
    return MsgSubmitProposal(
        messages=[pack_any(message) for message in messages],
        initial_deposit=[make_coin(deposit)] if deposit else [],
        proposer=by.text,
        title="Longer unbonding",
        summary="Because.",
        expedited=expedited,
    )


def vote(voter: Person, option: int = YES, proposal_id: int = 1) -> MsgVote:
    return MsgVote(proposal_id=proposal_id, voter=voter.text, option=option)  # type: ignore[arg-type]  # numbers too


def split(voter: Person, *weights: tuple[int, str]) -> MsgVoteWeighted:
    options = [gov_pb2.WeightedVoteOption(option=option, weight=weight) for option, weight in weights]  # type: ignore[arg-type]  # numbers too
    return MsgVoteWeighted(proposal_id=1, voter=voter.text, options=options)


def deposit(depositor: Person, amount: int, proposal_id: int = 1) -> MsgDeposit:
    return MsgDeposit(proposal_id=proposal_id, depositor=depositor.text, amount=[make_coin(amount)])


@pytest.fixture
def ctx() -> Context:
    return make_context()


@pytest.fixture
def voting(ctx: Context) -> Context:
    """Proposal 1 is open for votes."""
    apply(ctx, propose(update_stake(unbonding_epochs=9)))
    return ctx


def status_of(ctx: Context, proposal_id: int = 1) -> int:
    return state.find_proposal(ctx.store, proposal_id).status


def test_submit__enough_deposit__opens_the_vote(ctx: Context) -> None:
    response = apply(ctx, propose(update_stake(unbonding_epochs=9)))
    assert response == tx_pb2.MsgSubmitProposalResponse(proposal_id=1)
    proposal = state.find_proposal(ctx.store, 1)
    assert proposal.status == gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD
    assert proposal.proposer == DAN.text
    assert proposal.total_deposit == [make_coin(MIN)]
    assert proposal.voting_end_time.ToNanoseconds() - proposal.voting_start_time.ToNanoseconds() == 8 * 10**8
    assert get_balance(ctx.store, state.DEPOSITS) == MIN
    assert get_live(ctx.store) == MINIMAL, "the dry run left nothing"


def test_submit__part_of_the_deposit__waits_for_the_rest(ctx: Context) -> None:
    apply(ctx, propose(update_stake(unbonding_epochs=9), deposit=MIN // 10))
    assert status_of(ctx) == gov_pb2.PROPOSAL_STATUS_DEPOSIT_PERIOD
    with pytest.raises(RuleError, match=r"^proposal_closed"):
        apply(ctx, vote(ANN))
    apply(ctx, deposit(BOB, MIN - MIN // 10 - PART))
    assert status_of(ctx) == gov_pb2.PROPOSAL_STATUS_DEPOSIT_PERIOD
    apply(ctx, deposit(BOB, PART))
    assert status_of(ctx) == gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD
    assert [(who, entry.amount[0].amount) for who, entry in state.scan_deposits(ctx.store, 1)] == sorted(
        [(DAN.address, str(MIN // 10)), (BOB.address, str(MIN - MIN // 10))]
    )
    assert get_balance(ctx.store, state.DEPOSITS) == MIN


def test_submit__words_only__is_a_proposal(ctx: Context) -> None:
    apply(ctx, propose())
    assert status_of(ctx) == gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD


def test_submit__old_text_proposal__is_one(ctx: Context) -> None:
    text = old_gov.TextProposal(title="Hello", description="World")
    apply(ctx, old.MsgSubmitProposal(content=pack_any(text), initial_deposit=[make_coin(MIN)], proposer=DAN.text))
    proposal = state.find_proposal(ctx.store, 1)
    assert (proposal.title, proposal.summary) == ("Hello", "World")


def send_from(sender: str) -> MsgSend:
    return MsgSend(from_address=sender, to_address=BOB.text, amount=[make_coin(1)])


OLD_SPEND = CommunityPoolSpendProposal(title="x", description="y", recipient=DAN.text)


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (propose(update_stake(unbonding_epochs=0)), "proposal_message_invalid", "an invariant would break"),
        (propose(send_from(GOV)), "proposal_message_invalid", "the gov module has no money"),
        (propose(send_from(ANN.text)), "proposal_message_invalid", "Ann's money is not the gov module's"),
        (propose(vote(ANN)), "proposal_message_invalid", "nor is her vote"),
        (
            propose(update_stake(unbonding_epochs=9), update_stake(unbonding_epochs=0)),
            "proposal_message_invalid",
            "the second of two would fail",
        ),
        (propose(StakingUpdateParams(authority=GOV)), "params_wrong_message", "Cosmos's message for parameters"),
        (propose(tx_pb2.MsgUpdateParams(authority=GOV)), "params_wrong_message", "its own Cosmos message, too"),
        (propose(deposit=0), "deposit_too_small", "no deposit"),
        (propose(deposit=MIN // 10 - 1), "deposit_too_small", "less than a tenth"),
        (propose(deposit=MIN, expedited=True), "", "a tenth of the expedited deposit is enough to begin"),
        (propose(deposit=MIN // 10, expedited=True), "deposit_too_small", "less than a tenth of the expedited one"),
        (propose(by=STRANGER), "insufficient_funds", "no money"),
        (MsgSubmitProposal(proposer=DAN.text, initial_deposit=[make_coin(MIN)]), "request_invalid", "no title"),
        (
            MsgSubmitProposal(proposer=DAN.text, initial_deposit=[make_coin(MIN)], title="x" * 256),
            "request_invalid",
            "a long title",
        ),
        (
            MsgSubmitProposal(proposer=DAN.text, initial_deposit=[make_coin(MIN)], title="x", summary="ü" * 5121),
            "request_invalid",
            "a long summary",
        ),
        (
            MsgSubmitProposal(proposer=DAN.text, initial_deposit=[make_coin(MIN)], title="x", metadata="x" * 256),
            "request_invalid",
            "long metadata",
        ),
        (
            old.MsgSubmitProposal(content=pack_any(OLD_SPEND), initial_deposit=[make_coin(MIN)], proposer=DAN.text),
            "tx_malformed",
            "an old proposal of another kind",
        ),
    ],
)
def test_submit__broken__is_refused_and_nothing_of_it_applies(
    ctx: Context, message: Message, code: str, because: str
) -> None:
    if not code:
        apply(ctx, message)
        return
    with pytest.raises(RuleError, match=f"^{code}"):
        apply(ctx, message)
    assert list(state.scan_proposals(ctx.store)) == []
    assert get_live(ctx.store) == MINIMAL
    assert get_balance(ctx.store, DAN.address) == BALANCE


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (vote(DAN), "vote_without_compute", "money is no vote"),
        (vote(STRANGER), "vote_without_compute", "nor is nothing"),
        (vote(ANN, proposal_id=2), "proposal_unknown", "no such proposal"),
        (vote(ANN, 0), "vote_option_invalid", "no option"),
        (vote(ANN, 5), "vote_option_invalid", "a fifth option"),
        (split(ANN), "vote_weights_invalid", "no weights"),
        (split(ANN, (YES, "0.5"), (NO, "0.4")), "vote_weights_invalid", "nine tenths"),
        (split(ANN, (YES, "0.5"), (NO, "0.500000000000000001")), "vote_weights_invalid", "a little more than one"),
        (split(ANN, (YES, "0.5"), (YES, "0.5")), "vote_weights_invalid", "an option twice"),
        (split(ANN, (YES, "1"), (NO, "0")), "vote_weights_invalid", "a weight of zero"),
        (split(ANN, (YES, "1e0")), "vote_weights_invalid", "no decimal"),
        (split(ANN, (YES, "0.5"), (7, "0.5")), "vote_option_invalid", "an option that is none"),
        (
            MsgVote(proposal_id=1, voter=ANN.text, option=YES, metadata="x" * 256),
            "request_invalid",
            "long metadata",
        ),
        (
            old.MsgVoteWeighted(
                proposal_id=1,
                voter=ANN.text,
                options=[old_gov.WeightedVoteOption(option=old_gov.VOTE_OPTION_YES, weight="1.0")],
            ),
            "vote_weights_invalid",
            "the old form has whole numbers",
        ),
        (deposit(ANN, PART, proposal_id=2), "proposal_unknown", "no such proposal"),
        (deposit(ANN, BALANCE + 1), "insufficient_funds", "more than she has"),
        (MsgDeposit(proposal_id=1, depositor=ANN.text), "amount_invalid", "nothing"),
        (deposit(ANN, PART - 1), "deposit_too_small", "so little that thousands could be given back at once"),
        (MsgCancelProposal(proposal_id=1, proposer=ANN.text), "unauthorized", "not her proposal"),
        (MsgCancelProposal(proposal_id=2, proposer=DAN.text), "proposal_unknown", "no such proposal"),
    ],
)
def test_a_vote_deposit_or_cancellation_with_one_thing_wrong__is_refused(
    voting: Context, message: Message, code: str, because: str
) -> None:
    with pytest.raises(RuleError, match=f"^{code}"):
        apply(voting, message)
    assert list(state.scan_votes(voting.store, 1)) == []
    assert get_balance(voting.store, state.DEPOSITS) == MIN


def test_vote__again__replaces_the_first(voting: Context) -> None:
    apply(voting, vote(ANN, NO))
    apply(voting, split(ANN, (YES, "0.7"), (VETO, "0.3")))
    (voter, cast), *others = state.scan_votes(voting.store, 1)
    assert (voter, others) == (ANN.address, [])
    assert [(entry.option, entry.weight) for entry in cast.options] == [
        (YES, "0.700000000000000000"),
        (VETO, "0.300000000000000000"),
    ]


def test_vote__old_forms__are_taken(voting: Context) -> None:
    apply(voting, old.MsgVote(proposal_id=1, voter=ANN.text, option=old_gov.VOTE_OPTION_NO))
    parts = old_gov.WeightedVoteOption(option=old_gov.VOTE_OPTION_YES, weight=str(10**18))
    apply(voting, old.MsgVoteWeighted(proposal_id=1, voter=BOB.text, options=[parts]))
    votes = {voter: cast.options[0].option for voter, cast in state.scan_votes(voting.store, 1)}
    assert votes == {ANN.address: NO, BOB.address: YES}
    apply(voting, old.MsgDeposit(proposal_id=1, depositor=CAT.text, amount=[make_coin(PART)]))
    assert get_balance(voting.store, state.DEPOSITS) == MIN + PART


def test_cancel__by_the_proposer__burns_a_part_and_returns_the_rest(voting: Context) -> None:
    apply(voting, deposit(ANN, PART + 1))
    apply(voting, vote(ANN))
    apply(voting, MsgCancelProposal(proposal_id=1, proposer=DAN.text))
    assert state.get_proposal(voting.store, 1) is None
    assert list(state.scan_votes(voting.store, 1)) == []
    assert get_balance(voting.store, DAN.address) == BALANCE - MIN // 2
    assert get_balance(voting.store, ANN.address) == BALANCE - PART // 2, "half of it, rounded down, burns"
    assert get_balance(voting.store, state.DEPOSITS) == 0
    assert get_supply(voting.store) == 4 * BALANCE - MIN // 2 - PART // 2
    with pytest.raises(RuleError, match=r"^proposal_unknown"):
        apply(voting, vote(ANN))


def test_numbers__of_cancelled_proposals__are_not_used_again(voting: Context) -> None:
    apply(voting, MsgCancelProposal(proposal_id=1, proposer=DAN.text))
    apply(voting, propose())
    assert [proposal.id for proposal in state.scan_proposals(voting.store)] == [2]


def test_submit__first_deposit_ratio_of_zero__still_needs_something() -> None:
    params = replace(MINIMAL, gov=replace(MINIMAL.gov, min_initial_deposit_ppm=0))
    ctx = make_context(make_genesis(params))
    with pytest.raises(RuleError, match=r"^deposit_too_small"):
        apply(ctx, propose(deposit=0))
    apply(ctx, propose(deposit=1))
    assert MIN == 10 * GNK
