import pytest

from chain.modules.gov import queries
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS, MINIMAL
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, BOB, DAN, STRANGER, Ledger
from tests.chain.modules.gov.test_ending import MIN, NO, YES, propose, vote

from cosmos.gov.v1 import gov_pb2
from cosmos.gov.v1 import query_pb2 as pb


@pytest.fixture
def ledger() -> Ledger:
    """Dan's first proposal is being voted on, Ann for and Bob against; his second waits for deposits."""
    ledger = Ledger()
    ledger.block()
    for message, by in (
        (propose(), DAN),
        (propose(deposit=MIN // 10), DAN),
        (vote(ANN, YES), ANN),
        (vote(BOB, NO), BOB),
    ):
        assert ledger.send(message, by=by).code == 0
    return ledger


def listed(ledger: Ledger, **filters: object) -> list[int]:
    request = pb.QueryProposalsRequest(**filters)  # type: ignore[arg-type]  # fields of the request
    return [proposal.id for proposal in queries.list_proposals(snapshot_of(ledger), request).proposals]


def test_list_proposals__narrowed__are_exactly_those(ledger: Ledger) -> None:
    assert listed(ledger) == [1, 2]
    assert listed(ledger, proposal_status=gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD) == [1]
    assert listed(ledger, proposal_status=gov_pb2.PROPOSAL_STATUS_DEPOSIT_PERIOD) == [2]
    assert listed(ledger, voter=ANN.text) == [1]
    assert listed(ledger, voter=DAN.text) == []
    assert listed(ledger, depositor=DAN.text) == [1, 2]


def test_get_proposal__an_unknown_number__is_refused(ledger: Ledger) -> None:
    assert queries.get_proposal(snapshot_of(ledger), pb.QueryProposalRequest(proposal_id=1)).proposal.id == 1
    with pytest.raises(RuleError) as caught:
        queries.get_proposal(snapshot_of(ledger), pb.QueryProposalRequest(proposal_id=3))
    assert caught.value.code == "proposal_unknown"


def test_votes_are_read_one_by_one_and_together(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    votes = queries.list_votes(snapshot, pb.QueryVotesRequest(proposal_id=1)).votes
    assert {(found.voter, found.options[0].option) for found in votes} == {(ANN.text, YES), (BOB.text, NO)}
    request = pb.QueryVoteRequest(proposal_id=1, voter=ANN.text)
    assert queries.get_vote(snapshot, request).vote.voter == ANN.text
    with pytest.raises(RuleError, match="not_found"):
        queries.get_vote(snapshot, pb.QueryVoteRequest(proposal_id=1, voter=DAN.text))


def test_deposits_are_read_one_by_one_and_together(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    (deposit,) = queries.list_deposits(snapshot, pb.QueryDepositsRequest(proposal_id=1)).deposits
    request = pb.QueryDepositRequest(proposal_id=1, depositor=DAN.text)
    assert queries.get_deposit(snapshot, request).deposit == deposit
    assert deposit.amount[0].amount == str(MIN)
    with pytest.raises(RuleError, match="not_found"):
        queries.get_deposit(snapshot, pb.QueryDepositRequest(proposal_id=1, depositor=STRANGER.text))


def test_get_tally__while_voting__is_as_if_it_ended_now(ledger: Ledger) -> None:
    tally = queries.get_tally(snapshot_of(ledger), pb.QueryTallyResultRequest(proposal_id=1)).tally
    assert int(tally.yes_count) == int(tally.no_count) > 0
    assert int(tally.yes_count) <= GENESIS_UNITS
    waiting = queries.get_tally(snapshot_of(ledger), pb.QueryTallyResultRequest(proposal_id=2)).tally
    assert (waiting.yes_count, waiting.no_count) == ("0", "0")


def test_get_tally__after_the_end__is_the_final_one(ledger: Ledger) -> None:
    before = queries.get_tally(snapshot_of(ledger), pb.QueryTallyResultRequest(proposal_id=1)).tally
    ledger.run_to(ledger.height + 40)
    proposal = queries.get_proposal(snapshot_of(ledger), pb.QueryProposalRequest(proposal_id=1)).proposal
    assert proposal.status == gov_pb2.PROPOSAL_STATUS_REJECTED
    after = queries.get_tally(snapshot_of(ledger), pb.QueryTallyResultRequest(proposal_id=1)).tally
    assert after == proposal.final_tally_result
    assert int(after.yes_count) <= int(before.yes_count)


def test_get_params__show_blocks_as_times_and_parts_as_decimals(ledger: Ledger) -> None:
    answer = queries.get_params(snapshot_of(ledger), pb.QueryParamsRequest(params_type="tallying"))
    assert answer.params.quorum == answer.tally_params.quorum == "0.334000000000000000"
    assert answer.params.threshold == "0.500000000000000000"
    assert answer.params.min_deposit[0].amount == str(MINIMAL.gov.min_deposit_ngonka)
    voting_ms = MINIMAL.gov.voting_blocks * MINIMAL.auth.block_ms
    assert answer.params.voting_period.ToMilliseconds() == voting_ms
