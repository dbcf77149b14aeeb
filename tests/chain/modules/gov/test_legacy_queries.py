"""The same proposals in the words of cosmos.gov.v1beta1."""

import pytest

from chain.modules.gov import legacy_queries as queries
from rules.errors import RuleError
from tests.chain.api.node import snapshot_of
from tests.chain.ledger import ANN, DAN, Ledger
from tests.chain.modules.gov.test_ending import MIN, YES, propose

from cosmos.gov.v1.gov_pb2 import WeightedVoteOption
from cosmos.gov.v1.tx_pb2 import MsgVoteWeighted
from cosmos.gov.v1beta1 import gov_pb2
from cosmos.gov.v1beta1 import query_pb2 as pb

NO = gov_pb2.VOTE_OPTION_NO


@pytest.fixture
def ledger() -> Ledger:
    """Ann splits her vote on Dan's proposal, a quarter against."""
    ledger = Ledger()
    ledger.block()
    options = [WeightedVoteOption(option=YES, weight="0.75"), WeightedVoteOption(option=NO, weight="0.25")]  # type: ignore[arg-type]  # numbers too
    assert ledger.send(propose(), by=DAN).code == 0
    assert ledger.send(MsgVoteWeighted(proposal_id=1, voter=ANN.text, options=options), by=ANN).code == 0
    return ledger


def test_a_proposal_is_shown_as_its_words(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    proposal = queries.get_proposal(snapshot, pb.QueryProposalRequest(proposal_id=1)).proposal
    content = gov_pb2.TextProposal()
    assert proposal.content.Unpack(content)
    assert content.title == "A proposal"
    assert proposal.status == gov_pb2.PROPOSAL_STATUS_VOTING_PERIOD
    assert proposal.voting_end_time.seconds > proposal.voting_start_time.seconds > 0
    listed = queries.list_proposals(snapshot, pb.QueryProposalsRequest(voter=ANN.text)).proposals
    assert list(listed) == [proposal]
    with pytest.raises(RuleError, match="proposal_unknown"):
        queries.get_proposal(snapshot, pb.QueryProposalRequest(proposal_id=2))


def test_a_split_vote_keeps_its_parts_as_integers_of_ten_to_the_minus_18(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    vote = queries.get_vote(snapshot, pb.QueryVoteRequest(proposal_id=1, voter=ANN.text)).vote
    assert {entry.option: int(entry.weight) for entry in vote.options} == {YES: 75 * 10**16, NO: 25 * 10**16}
    assert vote.option == gov_pb2.VOTE_OPTION_UNSPECIFIED
    assert list(queries.list_votes(snapshot, pb.QueryVotesRequest(proposal_id=1)).votes) == [vote]


def test_the_tally_and_deposits_are_those_of_v1(ledger: Ledger) -> None:
    snapshot = snapshot_of(ledger)
    tally = queries.get_tally(snapshot, pb.QueryTallyResultRequest(proposal_id=1)).tally
    assert int(tally.yes) // 3 == int(tally.no) > 0
    assert (tally.abstain, tally.no_with_veto) == ("0", "0")
    request = pb.QueryDepositRequest(proposal_id=1, depositor=DAN.text)
    deposit = queries.get_deposit(snapshot, request).deposit
    assert deposit.amount[0].amount == str(MIN)
    assert list(queries.list_deposits(snapshot, pb.QueryDepositsRequest(proposal_id=1)).deposits) == [deposit]


def test_get_params__have_decimals_as_integers_in_bytes(ledger: Ledger) -> None:
    params = queries.get_params(snapshot_of(ledger), pb.QueryParamsRequest(params_type="voting"))
    assert params.tally_params.quorum == b"334000000000000000"
    assert params.voting_params.voting_period.ToMilliseconds() > 0
    assert params.deposit_params.min_deposit[0].amount == str(MIN)
