"""What gonka.inference.v1 answers."""

from __future__ import annotations

from chain.modules.inference import state
from chain.modules.pagination import bounded, paginate
from chain.modules.params.state import get_live
from chain.modules.query import Query, Snapshot
from chain.modules.stake.state import get_units, table_epoch
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.types import Host
from wire.codec import encode_params
from wire.gonka.inference.v1 import query_pb2 as pb


def get_params(snapshot: Snapshot, _request: pb.QueryParamsRequest) -> pb.QueryParamsResponse:
    """The live parameters of the module."""
    return pb.QueryParamsResponse(params=encode_params(get_live(snapshot.store)).inference)


def list_models(snapshot: Snapshot, _request: pb.QueryModelsRequest) -> pb.QueryModelsResponse:
    """Every model with its base price in force, by id."""
    return pb.QueryModelsResponse(models=state.scan_models(snapshot.store))


def get_offer(snapshot: Snapshot, request: pb.QueryOfferRequest) -> pb.QueryOfferResponse:
    """What a host offers, with weight or without; found by its address, or by its serving key.  RuleError not_found."""
    if request.host:
        host: Host | None = Host(decode_address(request.host))
    else:
        host = state.get_serving_host(snapshot.store, request.serving_pubkey)
    offer = state.get_offer(snapshot.store, host) if host else None
    if offer is None:
        raise RuleError("not_found", f"offer of {request.host or request.serving_pubkey[:33].hex()} not found")
    return pb.QueryOfferResponse(offer=offer)


def list_offers(snapshot: Snapshot, request: pb.QueryOffersRequest) -> pb.QueryOffersResponse:
    """Offers of hosts with effective units, in address order: those of one model, or all."""
    store, epoch = snapshot.store, table_epoch(snapshot.store)
    found = (
        offer
        for host, offer in state.scan_offers(store)
        if (not request.model_id or request.model_id in offer.model_ids) and get_units(store, epoch, host)
    )
    offers, page = paginate(found, request.pagination)
    return pb.QueryOffersResponse(offers=offers, pagination=page)


def get_escrow(snapshot: Snapshot, request: pb.QueryEscrowRequest) -> pb.QueryEscrowResponse:
    """An escrow, until 64 epochs after it closed.  RuleError escrow_unknown."""
    return pb.QueryEscrowResponse(escrow=state.find_escrow(snapshot.store, request.escrow_id))


def list_escrows(snapshot: Snapshot, request: pb.QueryEscrowsRequest) -> pb.QueryEscrowsResponse:
    """The escrows of a developer, those not closed of a host's group, or of both; oldest first."""
    developer = decode_address(request.developer) if request.developer else b""
    host = decode_address(request.host) if request.host else b""
    found = (
        escrow
        for escrow in bounded(state.scan_escrows(snapshot.store, developer=developer, host=host))
        if not request.host or any(reserve.host == request.host for reserve in escrow.reserves)
    )
    escrows, page = paginate(found, request.pagination)
    return pb.QueryEscrowsResponse(escrows=escrows, pagination=page)


QUERIES = (
    Query("gonka.inference.v1.Query.Params", get_params),
    Query("gonka.inference.v1.Query.Models", list_models),
    Query("gonka.inference.v1.Query.Offer", get_offer),
    Query("gonka.inference.v1.Query.Offers", list_offers),
    Query("gonka.inference.v1.Query.Escrow", get_escrow),
    Query("gonka.inference.v1.Query.Escrows", list_escrows),
)
