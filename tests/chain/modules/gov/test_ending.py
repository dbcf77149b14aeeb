"""How votes end: when, by whose units, with what done and what burned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chain.context import Context
from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import get_balance, get_supply, mint
from chain.modules.gov import state
from chain.modules.gov.ending import count_votes, end_block
from chain.modules.handler import pack_any
from chain.modules.params.state import get_frozen, get_live, init_params
from chain.modules.sprint.state import set_epoch_start
from chain.modules.stake.state import set_table
from rules.addresses import encode_address, module_address
from rules.presets import MINIMAL
from rules.schedule import EpochStart
from rules.types import Host, VoteOption
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, DAN, Ledger, Person, apply, code_of, make_context
from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams
from wire.gonka.stake.v1 import stake_pb2

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.gov.v1 import gov_pb2
from cosmos.gov.v1.tx_pb2 import MsgDeposit, MsgSubmitProposal, MsgVote

GOV = encode_address(module_address("gov"))
MIN = MINIMAL.gov.min_deposit_ngonka
YES, ABSTAIN, NO, VETO = 1, 2, 3, 4
PASSED, REJECTED, FAILED = (
    gov_pb2.PROPOSAL_STATUS_PASSED,
    gov_pb2.PROPOSAL_STATUS_REJECTED,
    gov_pb2.PROPOSAL_STATUS_FAILED,
)
VOTING = gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD
START, END = 10, 18
"""Voting begins at height 10 and lasts 8 blocks."""


def update_stake(**changes: int) -> MsgUpdateParams:
    params = pack_any(stake_pb2.Params(**changes))
    return MsgUpdateParams(authority=GOV, module="stake", params=params, mask=FieldMask(paths=list(changes)))


def propose(*messages: Message, deposit: int = MIN, expedited: bool = False) -> MsgSubmitProposal:
    return MsgSubmitProposal(
        messages=[pack_any(message) for message in messages],
        initial_deposit=[make_coin(deposit)],
        proposer=DAN.text,
        title="A proposal",
        expedited=expedited,
    )


def vote(voter: Person, option: int) -> MsgVote:
    return MsgVote(proposal_id=1, voter=voter.text, option=option)  # type: ignore[arg-type]  # numbers too


def write_table(ctx: Context, epoch: int, units: dict[Person, int]) -> None:
    entries = {
        Host(person.address): stake_pb2.TableEntry(host=person.text, units=amount, effective_units=amount)
        for person, amount in units.items()
    }
    set_table(ctx.store, epoch, entries)


def begin_epoch(ctx: Context, epoch: int, first_height: int) -> None:
    set_epoch_start(ctx.store, EpochStart(epoch=epoch, first_height=first_height))


def end_at(ctx: Context, height: int) -> int:
    """End the block of a height; the status of proposal 1 after it."""
    ctx.height = height
    end_block(ctx)
    return state.find_proposal(ctx.store, 1).status


@pytest.fixture
def ctx() -> Context:
    """Height 10 of epoch 1, whose table is that of genesis but for one: Ann 60, Bob 30, Cat 10."""
    ctx = make_context(height=START)
    begin_epoch(ctx, 1, 5)
    write_table(ctx, 0, {ANN: 60, BOB: 30, CAT: 10})
    return ctx


@pytest.mark.parametrize(
    ("votes", "status", "burned", "because"),
    [
        ({ANN: YES}, PASSED, 0, "60 of 60"),
        ({ANN: YES, BOB: NO, CAT: NO}, PASSED, 0, "60 of 100"),
        ({BOB: YES}, REJECTED, 0, "30 of 100 is no quorum"),
        ({BOB: YES, CAT: ABSTAIN}, PASSED, 0, "40 of 100 is a quorum, 30 of 30 say yes"),
        ({ANN: NO, BOB: YES}, REJECTED, 0, "30 of 90"),
        ({ANN: YES, BOB: VETO}, PASSED, 0, "a veto of 30 of 90 is not more than 0.334"),
        ({ANN: VETO, BOB: YES}, REJECTED, MIN, "a veto burns the deposit"),
        ({}, REJECTED, 0, "nobody"),
    ],
)
def test_end_block__votes_counted__decide(
    ctx: Context, votes: dict[Person, int], status: int, burned: int, because: str
) -> None:
    apply(ctx, propose(update_stake(unbonding_epochs=9)))
    for voter, option in votes.items():
        apply(ctx, vote(voter, option))
    begin_epoch(ctx, 2, 15)
    assert end_at(ctx, END - 1) == VOTING
    assert end_at(ctx, END) == status, because
    assert get_live(ctx.store).stake.unbonding_epochs == (9 if status == PASSED else 2)
    assert get_frozen(ctx.store).stake.unbonding_epochs == 2
    assert get_balance(ctx.store, DAN.address) == BALANCE - burned
    assert get_balance(ctx.store, state.DEPOSITS) == 0
    assert get_supply(ctx.store) == 4 * BALANCE - burned
    assert list(state.scan_open(ctx.store)) == []


def test_end_block__tally__is_kept_as_units(ctx: Context) -> None:
    apply(ctx, propose())
    for voter, option in ((ANN, YES), (BOB, NO), (CAT, ABSTAIN)):
        apply(ctx, vote(voter, option))
    begin_epoch(ctx, 2, 15)
    end_at(ctx, END)
    tally = state.find_proposal(ctx.store, 1).final_tally_result
    assert (tally.yes_count, tally.no_count, tally.abstain_count, tally.no_with_veto_count) == ("60", "30", "10", "0")
    assert state.get_vote(ctx.store, 1, ANN.address) is not None, "votes stay readable"


def test_end_block__no_epoch_began_since__waits_for_one(ctx: Context) -> None:
    apply(ctx, propose())
    apply(ctx, vote(ANN, YES))
    assert end_at(ctx, END + 100) == VOTING
    begin_epoch(ctx, 2, END + 101)
    assert end_at(ctx, END + 101) == PASSED


def test_end_block__late_vote_while_waiting__still_counts(ctx: Context) -> None:
    apply(ctx, propose())
    assert end_at(ctx, END + 1) == VOTING
    apply(ctx, vote(ANN, YES))
    begin_epoch(ctx, 2, END + 2)
    assert end_at(ctx, END + 2) == PASSED


def test_end_block__units_lost_since_voting_began__do_not_count(ctx: Context) -> None:
    """Ann's units were rented: she has one when voting ends."""
    apply(ctx, propose())
    for voter, option in ((ANN, YES), (BOB, NO), (CAT, NO)):
        apply(ctx, vote(voter, option))
    begin_epoch(ctx, 2, 15)
    write_table(ctx, 1, {ANN: 1, BOB: 30, CAT: 10})
    assert end_at(ctx, END) == REJECTED


def test_end_block__units_gained_since_voting_began__do_not_count(ctx: Context) -> None:
    apply(ctx, propose())
    for voter, option in ((ANN, YES), (BOB, NO), (CAT, NO)):
        apply(ctx, vote(voter, option))
    begin_epoch(ctx, 2, 15)
    write_table(ctx, 1, {ANN: 60, BOB: 3000, CAT: 1000})
    assert end_at(ctx, END) == PASSED


def test_end_block__table_shrank__the_quorum_is_of_the_smaller_one(ctx: Context) -> None:
    apply(ctx, propose())
    apply(ctx, vote(CAT, YES))
    begin_epoch(ctx, 2, 15)
    write_table(ctx, 1, {BOB: 15, CAT: 10})
    assert end_at(ctx, END) == PASSED, "10 of 25"


def test_end_block__expedited_and_passed__ends_early(ctx: Context) -> None:
    apply(
        ctx, propose(update_stake(unbonding_epochs=9), deposit=MINIMAL.gov.expedited_min_deposit_ngonka, expedited=True)
    )
    apply(ctx, vote(ANN, YES))
    begin_epoch(ctx, 2, 12)
    assert end_at(ctx, START + 3) == VOTING
    assert end_at(ctx, START + 4) == PASSED


def test_end_block__expedited_and_not_passed__runs_on_with_its_votes(ctx: Context) -> None:
    """60 of 100 is enough for a regular proposal, not for an expedited one."""
    apply(
        ctx, propose(update_stake(unbonding_epochs=9), deposit=MINIMAL.gov.expedited_min_deposit_ngonka, expedited=True)
    )
    for voter, option in ((ANN, YES), (BOB, NO), (CAT, NO)):
        apply(ctx, vote(voter, option))
    begin_epoch(ctx, 2, 12)
    assert end_at(ctx, START + 4) == VOTING
    proposal = state.find_proposal(ctx.store, 1)
    assert proposal.expedited is False
    assert proposal.voting_end_time.ToNanoseconds() == ctx.time_ns + 4 * 10**8
    assert get_balance(ctx.store, state.DEPOSITS) == MINIMAL.gov.expedited_min_deposit_ngonka
    assert end_at(ctx, END - 1) == VOTING
    assert end_at(ctx, END) == PASSED
    assert get_live(ctx.store).stake.unbonding_epochs == 9


def test_end_block__message_fails_when_it_runs__nothing_of_it_applies(ctx: Context) -> None:
    """The second message spends money that the gov module no longer has."""
    mint(ctx.store, state.AUTHORITY, 5)
    spend = MsgSend(from_address=GOV, to_address=BOB.text, amount=[make_coin(5)])
    apply(ctx, propose(update_stake(unbonding_epochs=9), spend))
    apply(ctx, vote(ANN, YES))
    apply(ctx, propose(spend))
    apply(ctx, MsgVote(proposal_id=2, voter=ANN.text, option=gov_pb2.VOTE_OPTION_YES))
    begin_epoch(ctx, 2, 15)
    balance = get_balance(ctx.store, BOB.address)
    assert end_at(ctx, END) == PASSED
    failed = state.find_proposal(ctx.store, 2)
    assert failed.status == FAILED
    assert failed.failed_reason.startswith("insufficient_funds")
    assert get_balance(ctx.store, BOB.address) == balance + 5


def test_end_block__first_of_two_messages_would_pass__is_dropped_with_the_second(ctx: Context) -> None:
    mint(ctx.store, state.AUTHORITY, 5)
    spend = MsgSend(from_address=GOV, to_address=BOB.text, amount=[make_coin(5)])
    apply(ctx, propose(spend))
    apply(ctx, vote(ANN, YES))
    apply(ctx, propose(update_stake(unbonding_epochs=9), spend))
    apply(ctx, MsgVote(proposal_id=2, voter=ANN.text, option=gov_pb2.VOTE_OPTION_YES))
    begin_epoch(ctx, 2, 15)
    end_at(ctx, END)
    assert state.find_proposal(ctx.store, 2).status == FAILED
    assert get_live(ctx.store).stake.unbonding_epochs == 2


@pytest.mark.parametrize("burns", [False, True])
def test_end_block__deposits_too_slow__proposal_is_forgotten(ctx: Context, burns: bool) -> None:
    init_params(ctx.store, replace(MINIMAL, gov=replace(MINIMAL.gov, burn_deposit_prevote=burns)))
    apply(ctx, propose(deposit=MIN // 2))
    ctx.height = START + MINIMAL.gov.max_deposit_blocks
    end_block(ctx)
    assert state.get_proposal(ctx.store, 1) is None
    assert get_balance(ctx.store, DAN.address) == BALANCE - (MIN // 2 if burns else 0)


def test_count_votes__while_voting__is_the_tally_so_far(ctx: Context) -> None:
    apply(ctx, propose())
    apply(ctx, vote(BOB, NO))
    tally = count_votes(ctx.store, 1, state.get_course(ctx.store, 1))
    assert (tally.units(VoteOption.NO), tally.total_units) == (30, 100)


def test_find_oldest_table__votes_running__is_the_one_they_need(ctx: Context) -> None:
    assert state.find_oldest_table(ctx.store, 9) == 9
    apply(ctx, propose(deposit=MIN // 2))
    assert state.find_oldest_table(ctx.store, 9) == 9
    write_table(ctx, 7, {ANN: 1})
    apply(ctx, MsgDeposit(proposal_id=1, depositor=ANN.text, amount=[make_coin(MIN)]))
    write_table(ctx, 8, {ANN: 1})
    apply(ctx, propose())
    assert state.find_oldest_table(ctx.store, 9) == 7
    assert state.find_oldest_table(ctx.store, 5) == 5


def test_a_proposal_on_a_running_chain__passes_and_acts_in_the_next_epoch() -> None:
    """Epoch 0 is 4 blocks, an epoch 23.  Proposed in epoch 0, ended in epoch 1, acting from epoch 2."""
    ledger = Ledger()
    ledger.block()
    assert ledger.send(propose(update_stake(unbonding_epochs=9)), by=DAN).code == 0
    votes = [ledger.tx(vote(voter, option), by=(voter,)) for voter, option in ((ANN, YES), (BOB, YES), (CAT, NO))]
    assert [code_of(result) for result in ledger.block(*votes).tx_results] == ["", "", ""]
    assert code_of(ledger.send(vote(DAN, YES), by=DAN)) == "vote_without_compute"
    ledger.run_to(9)
    assert state.find_proposal(ledger.store.latest, 1).status == VOTING
    events = ledger.block().events
    assert state.find_proposal(ledger.store.latest, 1).status == PASSED
    result = next(dict(event.attributes) for event in events if event.type == "active_proposal")
    assert result == {"proposal_id": "1", "proposal_result": "proposal_passed", "outcome": "passed"}
    ledger.run_to(27)
    assert get_frozen(ledger.store.latest).stake.unbonding_epochs == 2
    ledger.block()
    assert get_frozen(ledger.store.latest).stake.unbonding_epochs == 9


def test_end_block__votes_counted__keeps_what_each_was_counted_with(ctx: Context) -> None:
    """Ann had 60 units when voting began and has 20 when it ends; Bob's units grew; Cat did not vote."""
    apply(ctx, propose())
    apply(ctx, vote(ANN, YES))
    apply(ctx, vote(BOB, NO))
    begin_epoch(ctx, 2, 15)
    write_table(ctx, 1, {ANN: 20, BOB: 3000, CAT: 10})
    assert state.get_ballot(ctx.store, 1, ANN.address) is None
    end_at(ctx, END)
    counted = [state.get_ballot(ctx.store, 1, person.address) for person in (ANN, BOB, CAT)]
    assert counted == [20, 30, None]
    tally = state.find_proposal(ctx.store, 1).final_tally_result
    assert (tally.yes_count, tally.no_count) == ("20", "30")


def test_end_block__a_voter_without_units_at_the_end__is_kept_with_none(ctx: Context) -> None:
    apply(ctx, propose())
    apply(ctx, vote(ANN, YES))
    begin_epoch(ctx, 2, 15)
    write_table(ctx, 1, {BOB: 30})
    end_at(ctx, END)
    assert state.get_ballot(ctx.store, 1, ANN.address) == 0


def test_end_block__expedited_and_not_passed__keeps_no_ballots_yet(ctx: Context) -> None:
    apply(
        ctx, propose(update_stake(unbonding_epochs=9), deposit=MINIMAL.gov.expedited_min_deposit_ngonka, expedited=True)
    )
    apply(ctx, vote(BOB, NO))
    begin_epoch(ctx, 2, 12)
    assert end_at(ctx, START + 4) == VOTING
    assert state.get_ballot(ctx.store, 1, BOB.address) is None
