"""What cosmos.gov.v1beta1 answers: the same proposals in the words of older wallets.

Every proposal is shown as a TextProposal of its title and summary: the old form has no room for messages.  Decimals are
integers of 10^-18.
"""

from chain.modules.bank.coins import make_coin
from chain.modules.gov import queries as v1
from chain.modules.gov import state
from chain.modules.pagination import paginate
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from rules.ballots import parse_weight

from cosmos.gov.v1 import gov_pb2 as gov
from cosmos.gov.v1beta1 import gov_pb2 as old
from cosmos.gov.v1beta1 import query_pb2 as pb

_PPM_IN_DECIMAL = 10**12


def get_proposal(snapshot: Snapshot, request: pb.QueryProposalRequest) -> pb.QueryProposalResponse:
    """A proposal, ended or not.  RuleError proposal_unknown."""
    return pb.QueryProposalResponse(proposal=_proposal(state.find_proposal(snapshot.store, request.proposal_id)))


def list_proposals(snapshot: Snapshot, request: pb.QueryProposalsRequest) -> pb.QueryProposalsResponse:
    """Proposals, oldest first; a status, a voter and a depositor narrow the list."""
    found = v1.scan_proposals(snapshot.store, request.proposal_status, request.voter, request.depositor)
    proposals, page = paginate(found, request.pagination)
    return pb.QueryProposalsResponse(proposals=[_proposal(proposal) for proposal in proposals], pagination=page)


def get_vote(snapshot: Snapshot, request: pb.QueryVoteRequest) -> pb.QueryVoteResponse:
    """One account's vote.  RuleError proposal_unknown, not_found."""
    return pb.QueryVoteResponse(vote=_vote(v1.find_vote(snapshot.store, request.proposal_id, request.voter)))


def list_votes(snapshot: Snapshot, request: pb.QueryVotesRequest) -> pb.QueryVotesResponse:
    """The votes on a proposal, by voter."""
    found = (vote for _, vote in state.scan_votes(snapshot.store, request.proposal_id))
    votes, page = paginate(found, request.pagination)
    return pb.QueryVotesResponse(votes=[_vote(vote) for vote in votes], pagination=page)


def get_deposit(snapshot: Snapshot, request: pb.QueryDepositRequest) -> pb.QueryDepositResponse:
    """What one account has deposited and not got back.  RuleError proposal_unknown, not_found."""
    found = v1.find_deposit(snapshot.store, request.proposal_id, request.depositor)
    return pb.QueryDepositResponse(deposit=_deposit(found))


def list_deposits(snapshot: Snapshot, request: pb.QueryDepositsRequest) -> pb.QueryDepositsResponse:
    """The deposits held for a proposal, by depositor."""
    found = (deposit for _, deposit in state.scan_deposits(snapshot.store, request.proposal_id))
    deposits, page = paginate(found, request.pagination)
    return pb.QueryDepositsResponse(deposits=[_deposit(deposit) for deposit in deposits], pagination=page)


def get_tally(snapshot: Snapshot, request: pb.QueryTallyResultRequest) -> pb.QueryTallyResultResponse:
    """The tally as if voting ended now; once it has ended, the final one.  RuleError proposal_unknown."""
    return pb.QueryTallyResultResponse(tally=_tally(v1.compute_tally(snapshot.store, request.proposal_id)))


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters, heights as times; all three messages, whichever is asked for."""
    live = get_live(snapshot.store)
    return pb.QueryParamsResponse(
        voting_params=old.VotingParams(voting_period=v1.duration_of(live, live.gov.voting_blocks)),
        deposit_params=old.DepositParams(
            min_deposit=[make_coin(live.gov.min_deposit_ngonka)],
            max_deposit_period=v1.duration_of(live, live.gov.max_deposit_blocks),
        ),
        tally_params=old.TallyParams(
            quorum=_decimal(live.gov.quorum_ppm),
            threshold=_decimal(live.gov.threshold_ppm),
            veto_threshold=_decimal(live.gov.veto_ppm),
        ),
    )


def _proposal(proposal: gov.Proposal) -> old.Proposal:
    shown = old.Proposal(
        proposal_id=proposal.id,
        status=proposal.status,
        final_tally_result=_tally(proposal.final_tally_result),
        total_deposit=proposal.total_deposit,
    )
    shown.content.Pack(old.TextProposal(title=proposal.title, description=proposal.summary), type_url_prefix="/")
    for name in ("submit_time", "deposit_end_time", "voting_start_time", "voting_end_time"):
        if proposal.HasField(name):
            getattr(shown, name).CopyFrom(getattr(proposal, name))
    return shown


def _vote(vote: gov.Vote) -> old.Vote:
    options = [
        old.WeightedVoteOption(option=entry.option, weight=str(parse_weight(entry.weight))) for entry in vote.options
    ]
    return old.Vote(
        proposal_id=vote.proposal_id,
        voter=vote.voter,
        option=options[0].option if len(options) == 1 else old.VOTE_OPTION_UNSPECIFIED,
        options=options,
    )


def _deposit(deposit: gov.Deposit) -> old.Deposit:
    return old.Deposit(proposal_id=deposit.proposal_id, depositor=deposit.depositor, amount=deposit.amount)


def _tally(tally: gov.TallyResult) -> old.TallyResult:
    return old.TallyResult(
        yes=tally.yes_count or "0",
        abstain=tally.abstain_count or "0",
        no=tally.no_count or "0",
        no_with_veto=tally.no_with_veto_count or "0",
    )


def _decimal(ppm: int) -> bytes:
    return str(ppm * _PPM_IN_DECIMAL).encode()


QUERIES = (
    Query("cosmos.gov.v1beta1.Query.Proposal", get_proposal),
    Query("cosmos.gov.v1beta1.Query.Proposals", list_proposals),
    Query("cosmos.gov.v1beta1.Query.Vote", get_vote),
    Query("cosmos.gov.v1beta1.Query.Votes", list_votes),
    Query("cosmos.gov.v1beta1.Query.Deposit", get_deposit),
    Query("cosmos.gov.v1beta1.Query.Deposits", list_deposits),
    Query("cosmos.gov.v1beta1.Query.TallyResult", get_tally),
    Query("cosmos.gov.v1beta1.Query.Params", get_params),
)
