"""Receipts left out: a developer shows one that its host signed, and the host places it in the tree it belongs in.

One that is not placed by the SETTLE of the next epoch is a round of the bet against the host, with the worst distance.
Source: docs/checking.md, "Receipts left out".
"""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.handler import Handler
from chain.modules.inference import showings_state as state
from chain.modules.inference.state import find_escrow, get_offer, list_settled
from chain.modules.inference.vouchers import check_sender
from chain.modules.sprint.state import get_epoch_start
from chain.store.kv import Reader
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.receipts import SHOWN_EPOCHS, Settling, check_placing, find_settling
from rules.types import Host
from wire.gonka.inference.v1.receipt_pb2 import (
    MsgPlaceReceipt,
    MsgPlaceReceiptResponse,
    MsgShowReceipt,
    MsgShowReceiptResponse,
    Showing,
)
from wire.vouchers import find_reserve, read_receipt

RETIRED_EPOCHS: Final = 8
"""Epochs for which receipts that a retired serving key signed are taken: long enough for their vouchers to settle,
and not for ever, or a key that was stolen once could speak for its host for ever.
"""


def apply_show(ctx: Context, message: MsgShowReceipt) -> MsgShowReceiptResponse:
    """Keep a signed receipt with the tree in which it should hang, for its host to place it there.

    Raises: RuleError `escrow_unknown`, `unauthorized`, `voucher_foreign`, `signature_invalid`, `tx_malformed`,
    `showing_pending`, `receipt_not_due`, `receipt_too_old`.
    """
    escrow, epoch = find_escrow(ctx.store, message.receipt.escrow_id), get_epoch_start(ctx.store).epoch
    if message.developer != escrow.developer:
        raise RuleError("unauthorized", f"escrow {escrow.escrow_id} is {escrow.developer}'s")
    if message.receipt.chain_id != ctx.chain_id:
        raise RuleError("voucher_foreign", "it names another chain_id", field="chain_id")
    reserve = find_reserve(escrow, message.receipt.host)
    host = Host(decode_address(reserve.host))
    _check_key(ctx.store, host, message.serving_pubkey, epoch)
    signed = read_receipt(message.receipt, message.serving_pubkey)
    if state.get_showing(ctx.store, escrow.escrow_id, host) is not None:
        raise RuleError("showing_pending", f"escrow {escrow.escrow_id}, {reserve.host}")
    settlings = _list_settlings(ctx.store, epoch, escrow.escrow_id, host)
    settling = find_settling(signed.after_serial, settlings, reserve.serial)
    showing = Showing(
        receipt=message.receipt, serial=settling.serial, root=settling.root, count=settling.count, epoch=epoch
    )
    state.set_showing(ctx.store, showing)
    place = {"escrow_id": escrow.escrow_id, "host": reserve.host, "request": signed.request}
    ctx.emit("receipt_shown", epoch=epoch, **place)
    return MsgShowReceiptResponse()


def _check_key(store: Reader, host: Host, key: bytes, epoch: int) -> None:
    """Raises: RuleError `signature_invalid` for any but the host's serving key and those it retired of late."""
    offer = get_offer(store, host)
    if offer is not None and key and key == offer.serving_pubkey:
        return
    retired_epoch = state.get_retired_epoch(store, host, key)
    if retired_epoch is None or retired_epoch + RETIRED_EPOCHS < epoch:
        raise RuleError("signature_invalid", f"{key[:33].hex()!r} is no serving key of the host")


def _list_settlings(store: Reader, epoch: int, escrow_id: int, host: Host) -> tuple[Settling, ...]:
    return tuple(
        Settling(
            epoch=settled.epoch,
            after_serial=settled.after_serial,
            serial=settled.serial,
            root=settled.receipts_root,
            count=settled.receipts_count,
        )
        for number in range(max(0, epoch - SHOWN_EPOCHS), epoch + 1)
        for settled in list_settled(store, number, escrow_id, host)
    )


def apply_place(ctx: Context, message: MsgPlaceReceipt) -> MsgPlaceReceiptResponse:
    """Note that a shown receipt hangs where it belongs, which its host proves.

    Raises: RuleError `unauthorized`, `showing_unknown`, `placed_already`, `placing_wrong`, `reveal_malformed`,
    `reveal_wrong_root`.
    """
    host = Host(decode_address(message.host))
    check_sender(ctx.store, host, decode_address(message.sender))
    showing = state.get_showing(ctx.store, message.escrow_id, host)
    if showing is None:
        raise RuleError("showing_unknown", f"escrow {message.escrow_id}, {message.host}")
    if showing.placed:
        raise RuleError("placed_already", f"request {showing.receipt.request}")
    settling = Settling(
        epoch=showing.epoch,
        after_serial=showing.receipt.after_serial,
        serial=showing.serial,
        root=showing.root,
        count=showing.count,
    )
    leaf, placing = (showing.receipt.request, showing.receipt.receipt), message.placing
    check_placing(settling, leaf, placing.position, tuple(placing.siblings), tuple(placing.splits))
    showing.placed = True
    state.set_showing(ctx.store, showing)
    ctx.emit("receipt_placed", escrow_id=message.escrow_id, host=showing.receipt.host, request=showing.receipt.request)
    return MsgPlaceReceiptResponse()


def take_left_out(ctx: Context, epoch: int) -> tuple[Showing, ...]:
    """The showings of epochs before `epoch` that were not placed, by escrow and host; all of those are forgotten."""
    due = [showing for showing in state.scan_showings(ctx.store) if showing.epoch < epoch]
    for showing in due:
        state.delete_showing(ctx.store, showing)
    return tuple(showing for showing in due if not showing.placed)


HANDLERS: Final = (
    Handler(message=MsgShowReceipt, apply=apply_show, gas=100_000),
    Handler(message=MsgPlaceReceipt, apply=apply_place, gas=50_000, duty=True, patient=True),
)
