"""What cosmos.gov.v1 answers."""

from collections.abc import Iterator

from google.protobuf.duration_pb2 import Duration

from chain.modules.bank.coins import make_coin
from chain.modules.gov import state
from chain.modules.gov.ending import count_votes, encode_tally
from chain.modules.gov.proposals import MIN_DEPOSIT_PPM
from chain.modules.pagination import bounded, paginate
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from chain.store.kv import Reader
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.params import MILLION, Params

from cosmos.gov.v1 import gov_pb2 as gov
from cosmos.gov.v1 import query_pb2 as pb

_NO_VOTES = gov.TallyResult(yes_count="0", abstain_count="0", no_count="0", no_with_veto_count="0")


def get_proposal(snapshot: Snapshot, request: pb.QueryProposalRequest) -> pb.QueryProposalResponse:
    """A proposal, ended or not.  RuleError proposal_unknown."""
    return pb.QueryProposalResponse(proposal=state.find_proposal(snapshot.store, request.proposal_id))


def list_proposals(snapshot: Snapshot, request: pb.QueryProposalsRequest) -> pb.QueryProposalsResponse:
    """Proposals, oldest first; a status, a voter and a depositor narrow the list."""
    found = scan_proposals(snapshot.store, request.proposal_status, request.voter, request.depositor)
    proposals, page = paginate(found, request.pagination)
    return pb.QueryProposalsResponse(proposals=proposals, pagination=page)


def get_vote(snapshot: Snapshot, request: pb.QueryVoteRequest) -> pb.QueryVoteResponse:
    """One account's vote.  RuleError proposal_unknown, not_found."""
    return pb.QueryVoteResponse(vote=find_vote(snapshot.store, request.proposal_id, request.voter))


def list_votes(snapshot: Snapshot, request: pb.QueryVotesRequest) -> pb.QueryVotesResponse:
    """The votes on a proposal, by voter."""
    found = (vote for _, vote in state.scan_votes(snapshot.store, request.proposal_id))
    votes, page = paginate(found, request.pagination)
    return pb.QueryVotesResponse(votes=votes, pagination=page)


def get_deposit(snapshot: Snapshot, request: pb.QueryDepositRequest) -> pb.QueryDepositResponse:
    """What one account has deposited and not got back.  RuleError proposal_unknown, not_found."""
    return pb.QueryDepositResponse(deposit=find_deposit(snapshot.store, request.proposal_id, request.depositor))


def list_deposits(snapshot: Snapshot, request: pb.QueryDepositsRequest) -> pb.QueryDepositsResponse:
    """The deposits held for a proposal, by depositor."""
    found = (deposit for _, deposit in state.scan_deposits(snapshot.store, request.proposal_id))
    deposits, page = paginate(found, request.pagination)
    return pb.QueryDepositsResponse(deposits=deposits, pagination=page)


def get_tally(snapshot: Snapshot, request: pb.QueryTallyResultRequest) -> pb.QueryTallyResultResponse:
    """The tally as if voting ended now; once it has ended, the final one.  RuleError proposal_unknown."""
    return pb.QueryTallyResultResponse(tally=compute_tally(snapshot.store, request.proposal_id))


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters, heights as times; in the old three messages too, whichever is asked for."""
    live = get_live(snapshot.store)
    params = gov.Params(
        min_deposit=[make_coin(live.gov.min_deposit_ngonka)],
        max_deposit_period=duration_of(live, live.gov.max_deposit_blocks),
        voting_period=duration_of(live, live.gov.voting_blocks),
        quorum=_decimal(live.gov.quorum_ppm),
        threshold=_decimal(live.gov.threshold_ppm),
        veto_threshold=_decimal(live.gov.veto_ppm),
        min_initial_deposit_ratio=_decimal(live.gov.min_initial_deposit_ppm),
        proposal_cancel_ratio=_decimal(live.gov.cancel_ppm),
        expedited_voting_period=duration_of(live, live.gov.expedited_voting_blocks),
        expedited_threshold=_decimal(live.gov.expedited_threshold_ppm),
        expedited_min_deposit=[make_coin(live.gov.expedited_min_deposit_ngonka)],
        burn_vote_quorum=live.gov.burn_vote_quorum,
        burn_proposal_deposit_prevote=live.gov.burn_deposit_prevote,
        burn_vote_veto=live.gov.burn_vote_veto,
        min_deposit_ratio=_decimal(MIN_DEPOSIT_PPM),
    )
    return pb.QueryParamsResponse(
        params=params,
        voting_params=gov.VotingParams(voting_period=params.voting_period),
        deposit_params=gov.DepositParams(min_deposit=params.min_deposit, max_deposit_period=params.max_deposit_period),
        tally_params=gov.TallyParams(
            quorum=params.quorum, threshold=params.threshold, veto_threshold=params.veto_threshold
        ),
    )


def scan_proposals(store: Reader, status: int, voter: str, depositor: str) -> Iterator[gov.Proposal]:
    """Proposals, oldest first, of a status (0: any), voted on by `voter`, deposited for by `depositor` ("": any)."""
    voted, deposited = (decode_address(text) if text else b"" for text in (voter, depositor))
    for proposal in bounded(state.scan_proposals(store)):
        if status and proposal.status != status:
            continue
        if voted and state.get_vote(store, proposal.id, voted) is None:
            continue
        if deposited and state.get_deposit(store, proposal.id, deposited) is None:
            continue
        yield proposal


def find_vote(store: Reader, proposal_id: int, voter: str) -> gov.Vote:
    """One account's vote.  RuleError proposal_unknown, not_found."""
    state.find_proposal(store, proposal_id)
    vote = state.get_vote(store, proposal_id, decode_address(voter))
    if vote is None:
        raise RuleError("not_found", f"vote of {voter} on proposal {proposal_id} not found")
    return vote


def find_deposit(store: Reader, proposal_id: int, depositor: str) -> gov.Deposit:
    """What one account has deposited and not got back.  RuleError proposal_unknown, not_found."""
    state.find_proposal(store, proposal_id)
    deposit = state.get_deposit(store, proposal_id, decode_address(depositor))
    if deposit is None:
        raise RuleError("not_found", f"deposit of {depositor} for proposal {proposal_id} not found")
    return deposit


def compute_tally(store: Reader, proposal_id: int) -> gov.TallyResult:
    """The tally as if voting ended now; once it has ended, the final one.  RuleError proposal_unknown."""
    proposal = state.find_proposal(store, proposal_id)
    if proposal.status != gov.PROPOSAL_STATUS_VOTING_PERIOD:
        return proposal.final_tally_result if proposal.HasField("final_tally_result") else _NO_VOTES
    return encode_tally(count_votes(store, proposal_id, state.get_course(store, proposal_id)))


def duration_of(params: Params, blocks: int) -> Duration:
    """How long some blocks take."""
    seconds, milliseconds = divmod(blocks * params.auth.block_ms, 1000)
    return Duration(seconds=seconds, nanos=milliseconds * 10**6)


def _decimal(ppm: int) -> str:
    whole, rest = divmod(ppm, MILLION)
    return f"{whole}.{rest:06d}000000000000"


QUERIES = (
    Query("cosmos.gov.v1.Query.Proposal", get_proposal),
    Query("cosmos.gov.v1.Query.Proposals", list_proposals),
    Query("cosmos.gov.v1.Query.Vote", get_vote),
    Query("cosmos.gov.v1.Query.Votes", list_votes),
    Query("cosmos.gov.v1.Query.Deposit", get_deposit),
    Query("cosmos.gov.v1.Query.Deposits", list_deposits),
    Query("cosmos.gov.v1.Query.TallyResult", get_tally),
    Query("cosmos.gov.v1.Query.Params", get_params),
)
