"""What gonka.sprint.v1 answers; View is all that a host decides by, read at one height."""

from dataclasses import dataclass

from chain.modules.bank.state import get_balance
from chain.modules.beacon.rounds import count_late_blocks
from chain.modules.beacon.state import get_beacon_key, get_commitment, get_deal, get_group, get_seed, scan_deals
from chain.modules.params.state import freeze, get_frozen, get_live
from chain.modules.query import Query, Snapshot
from chain.modules.sprint import state
from chain.modules.stake.state import get_host, get_table, table_epoch
from chain.store.kv import Reader
from chain.store.overlay import Overlay
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.params import THRESHOLD_BLS, Params
from rules.schedule import EpochStart, Place, locate, locate_dealing
from rules.types import Host, Round
from wire.codec import encode_params
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group
from wire.gonka.sprint.v1 import query_pb2 as pb
from wire.threshold.groups import find_member


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters of the module."""
    return pb.QueryParamsResponse(params=encode_params(get_live(snapshot.store)).sprint)


def get_epoch(snapshot: Snapshot, _request: pb.QueryEpochRequest) -> pb.QueryEpochResponse:
    """Where the next block lies in its epoch."""
    return pb.QueryEpochResponse(chain_id=snapshot.chain_id, status=_status(snapshot, _next_block(snapshot)))


def get_view(snapshot: Snapshot, request: pb.QueryViewRequest) -> pb.QueryViewResponse:
    """All that a host decides by.  An account that is no host has no `host`."""
    host, store = Host(decode_address(request.host)), snapshot.store
    upcoming = _next_block(snapshot)
    epoch = upcoming.place.epoch
    return pb.QueryViewResponse(
        chain_id=snapshot.chain_id,
        status=_status(snapshot, upcoming),
        host=get_host(store, host),
        balance_ngonka=get_balance(store, host),
        table=get_table(store, table_epoch(store)).values(),
        claims=[claim for _, claim in state.scan_claims(store, epoch)],
        commitment_next=get_commitment(store, epoch + 1, host),
        commitment=get_commitment(store, epoch, host),
        rows=state.get_rows(store, epoch, host),
        disputes=state.get_disputes(store, epoch),
        dispute_vote=state.get_vote(store, epoch, host),
        beacon_key=get_beacon_key(store, host),
        group_next=_describe_group(store, epoch + 1),
        deals_next=[Deal(dealer=deal.dealer, accused_by=deal.accused_by) for deal in scan_deals(store, epoch + 1)],
        deal_missing=_is_deal_missing(store, epoch, request.host),
    )


def _describe_group(store: Reader, epoch: int) -> Group | None:
    group = get_group(store, epoch)
    if group is not None:
        group.ClearField("slot_keys")
    return group


def _is_deal_missing(store: Reader, epoch: int, host: str) -> bool:
    group = get_group(store, epoch)
    if group is None or find_member(group, host) is None:
        return False
    return get_deal(store, epoch, Host(decode_address(host))) is None


def list_claims(snapshot: Snapshot, request: pb.QueryClaimsRequest) -> pb.QueryClaimsResponse:
    """The claims of an epoch, in address order; kept until the next epoch begins."""
    return pb.QueryClaimsResponse(claims=[claim for _, claim in state.scan_claims(snapshot.store, request.epoch)])


def get_reveal(snapshot: Snapshot, request: pb.QueryRevealRequest) -> pb.QueryRevealResponse:
    """The sampled leaves of a claim.  RuleError not_found while it is not revealed."""
    reveal = state.get_reveal(snapshot.store, request.epoch, Host(decode_address(request.host)))
    if reveal is None:
        raise RuleError("not_found", f"reveal of {request.host} in epoch {request.epoch} not found")
    return pb.QueryRevealResponse(nonces=reveal.nonces, tags=reveal.tags, positions=reveal.positions)


def get_summary(snapshot: Snapshot, request: pb.QuerySummaryRequest) -> pb.QuerySummaryResponse:
    """The settlement of a past epoch.  RuleError not_found before its SETTLE and when it is no longer kept."""
    summary = state.get_summary(snapshot.store, request.epoch)
    if summary is None:
        raise RuleError("not_found", f"settlement of epoch {request.epoch} not found", epoch=request.epoch)
    return pb.QuerySummaryResponse(summary=summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upcoming:
    """The next block: its epoch's start, its place there, and the parameters that its epoch reads."""

    start: EpochStart
    place: Place
    params: Params


def _next_block(snapshot: Snapshot) -> _Upcoming:
    """Of the running epoch, or the first of the epoch to come with the parameters that it will freeze."""
    start, params, height = state.get_epoch_start(snapshot.store), get_frozen(snapshot.store), snapshot.height + 1
    last = locate(start, params, snapshot.height).epoch_last
    if height > last:
        start, params = EpochStart(epoch=start.epoch + 1, first_height=height), freeze(Overlay(snapshot.store))
    return _Upcoming(start=start, place=locate(start, params, height), params=params)


def _status(snapshot: Snapshot, upcoming: _Upcoming) -> pb.EpochStatus:
    place, params = upcoming.place, encode_params(upcoming.params)
    dealing = None
    if upcoming.params.beacon.kind == THRESHOLD_BLS:
        dealing = locate_dealing(upcoming.start, upcoming.params)
    return pb.EpochStatus(
        epoch=place.epoch,
        height=snapshot.height,
        first_height=upcoming.start.first_height,
        phase=f"PHASE_{place.phase.name}",
        phase_first_height=place.phase_first,
        phase_last_height=place.phase_last,
        last_height=place.epoch_last,
        sprint_seed=get_seed(snapshot.store, place.epoch, Round.SPRINT),
        sample_seed=get_seed(snapshot.store, place.epoch, Round.SAMPLE),
        sprint_params=params.sprint,
        beacon_params=params.beacon,
        stake_params=params.stake,
        block_ms=params.auth.block_ms,
        deal_first_height=dealing.deal_first if dealing else 0,
        deal_last_height=dealing.deal_last if dealing else 0,
        complaint_last_height=dealing.complaint_last if dealing else 0,
        round_late_blocks=count_late_blocks(snapshot.store, upcoming.start, place.phase),
    )


QUERIES = (
    Query("gonka.sprint.v1.Query.Params", get_params),
    Query("gonka.sprint.v1.Query.Epoch", get_epoch),
    Query("gonka.sprint.v1.Query.View", get_view),
    Query("gonka.sprint.v1.Query.Claims", list_claims),
    Query("gonka.sprint.v1.Query.Reveal", get_reveal),
    Query("gonka.sprint.v1.Query.Summary", get_summary),
)
