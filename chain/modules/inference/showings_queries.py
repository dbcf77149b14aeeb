"""What gonka.inference.v1.ReceiptQuery answers."""

from __future__ import annotations

from typing import Final

from chain.modules.inference.settling import SETTLED_EPOCHS
from chain.modules.inference.showings_state import scan_showings
from chain.modules.inference.state import find_escrow, list_settled
from chain.modules.query import Query, Snapshot
from chain.modules.sprint.state import get_epoch_start
from rules.addresses import decode_address
from rules.types import Host
from wire.gonka.inference.v1 import receipt_pb2 as pb


def list_settled_vouchers(snapshot: Snapshot, request: pb.QuerySettledRequest) -> pb.QuerySettledResponse:
    """What vouchers settled for an escrow in the epochs that are kept.  RuleError escrow_unknown."""
    store, epoch = snapshot.store, get_epoch_start(snapshot.store).epoch
    reserves = find_escrow(store, request.escrow_id).reserves
    hosts = [reserve.host for reserve in reserves if request.host in {"", reserve.host}]
    found = [
        settled
        for host in hosts
        for number in range(max(0, epoch - SETTLED_EPOCHS), epoch + 1)
        for settled in list_settled(store, number, request.escrow_id, Host(decode_address(host)))
    ]
    return pb.QuerySettledResponse(settled=found)


def list_showings(snapshot: Snapshot, request: pb.QueryShowingsRequest) -> pb.QueryShowingsResponse:
    """Receipts that were shown and are not judged yet, those that are placed among them."""
    showings = [showing for showing in scan_showings(snapshot.store) if request.host in {"", showing.receipt.host}]
    return pb.QueryShowingsResponse(epoch=get_epoch_start(snapshot.store).epoch, showings=showings)


QUERIES: Final = (
    Query("gonka.inference.v1.ReceiptQuery.Settled", list_settled_vouchers),
    Query("gonka.inference.v1.ReceiptQuery.Showings", list_showings),
)
