"""Hosts settle vouchers: each pays what it adds to the one before it."""

from __future__ import annotations

from dataclasses import replace

from chain.context import Context
from chain.modules.bank import state as bank
from chain.modules.bank.messages import transfer
from chain.modules.inference import state
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.store.kv import Reader
from rules.addresses import address_from_pubkey, decode_address
from rules.answers import MAX_BATCH
from rules.errors import RuleError
from rules.params import MILLION
from rules.types import Host
from rules.vouchers import Tokens, Voucher, check_progress
from wire.gonka.inference.v1.inference_pb2 import Escrow, Reserve, Settled
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher, MsgSettleVoucherResponse
from wire.vouchers import find_reserve, read_terms, read_voucher


def apply_settle(ctx: Context, message: MsgSettleVoucher) -> MsgSettleVoucherResponse:
    """Pay a host what its voucher adds, less the part that burns, and keep the root of its receipts.

    Raises: RuleError `escrow_unknown`, `escrow_closed`, `unauthorized`, `signature_invalid`, as `check_progress`,
    `voucher_pays_nothing`, `receipts_invalid`, `settled_too_often`.
    """
    escrow = state.find_escrow(ctx.store, message.voucher.escrow_id)
    if escrow.closed:
        raise RuleError("escrow_closed", f"escrow {escrow.escrow_id} closed in epoch {escrow.closes_epoch}")
    params, reserve = get_frozen(ctx.store).inference, find_reserve(escrow, message.voucher.host)
    host = Host(decode_address(reserve.host))
    check_sender(ctx.store, host, decode_address(message.sender))
    voucher = read_voucher(message.voucher, escrow.voucher_pubkey)
    terms = read_terms(ctx.chain_id, escrow, host, params.credit_tokens)
    check_progress(terms, _find_newest(reserve, voucher), voucher)
    settled = _compute_settled(ctx, reserve, voucher, message)
    _check_receipts(message, voucher.tokens, params.credit_tokens)
    if state.count_settled(ctx.store, settled.epoch, escrow.escrow_id, host) >= params.settles_per_epoch:
        raise RuleError("settled_too_often", f"{params.settles_per_epoch} times in epoch {settled.epoch}")
    _record(ctx, escrow, reserve, voucher, settled)
    return _pay(ctx, settled, host, params.burn_ppm)


def check_sender(store: Reader, host: Host, sender: bytes) -> None:
    """Raises RuleError `unauthorized` for any but the host and the account of its serving key."""
    offer = state.get_offer(store, host)
    serving = address_from_pubkey(offer.serving_pubkey) if offer and offer.serving_pubkey else host
    if sender not in {host, serving}:
        raise RuleError("unauthorized", "only the host, or the account of its serving key, may send this")


def _find_newest(reserve: Reserve, voucher: Voucher) -> Voucher | None:
    """The voucher that the reserve was last paid by."""
    tokens = Tokens(tokens_in=reserve.tokens_in, tokens_out=reserve.tokens_out)
    last = replace(voucher, serial=reserve.serial, tokens=tokens, amount_ngonka=reserve.paid_ngonka)
    return last if reserve.serial else None


def _compute_settled(ctx: Context, reserve: Reserve, voucher: Voucher, message: MsgSettleVoucher) -> Settled:
    """What the voucher adds.  Raises: RuleError `voucher_pays_nothing`."""
    added = voucher.amount_ngonka - reserve.paid_ngonka
    if not added:
        raise RuleError("voucher_pays_nothing", f"{reserve.paid_ngonka} ngonka are settled already")
    return Settled(
        epoch=get_epoch_start(ctx.store).epoch,
        escrow_id=voucher.escrow_id,
        host=reserve.host,
        serial=voucher.serial,
        tokens_in=voucher.tokens.tokens_in - reserve.tokens_in,
        tokens_out=voucher.tokens.tokens_out - reserve.tokens_out,
        amount_ngonka=added,
        receipts_root=message.receipts_root,
        receipts_count=message.receipts_count,
        after_serial=reserve.serial,
    )


def _check_receipts(message: MsgSettleVoucher, signed: Tokens, credit_tokens: int) -> None:
    """No more receipts than tokens that the escrow ever signed for, or had on credit: an answer has at least one.  And
    never more than MAX_BATCH: by trading with oneself any number of tokens costs no more than what burns.

    Not those of this voucher alone: an answer that was signed for ahead of its end hangs with a later one.
    """
    count, most = message.receipts_count, signed.tokens_in + signed.tokens_out + credit_tokens
    if len(message.receipts_root) != (32 if count else 0):
        raise RuleError("receipts_invalid", f"{len(message.receipts_root)} bytes of root for {count} receipts")
    if count > most:
        raise RuleError("receipts_invalid", f"{count} receipts for {most} tokens, with the credit")
    if count > MAX_BATCH:
        raise RuleError("receipts_invalid", f"{count} receipts with one voucher, at most {MAX_BATCH}")


def _record(ctx: Context, escrow: Escrow, reserve: Reserve, voucher: Voucher, settled: Settled) -> None:
    reserve.serial = voucher.serial
    reserve.tokens_in, reserve.tokens_out = voucher.tokens.tokens_in, voucher.tokens.tokens_out
    reserve.paid_ngonka = voucher.amount_ngonka
    state.set_escrow(ctx.store, escrow)
    state.set_settled(ctx.store, settled)
    model = state.find_model(ctx.store, escrow.model_id)
    units = settled.tokens_in * model.units_per_token_in + settled.tokens_out * model.units_per_token_out
    state.set_volume(ctx.store, model.model_id, state.get_volume(ctx.store, model.model_id) + units)


def _pay(ctx: Context, settled: Settled, host: Host, burn_ppm: int) -> MsgSettleVoucherResponse:
    burned = settled.amount_ngonka * burn_ppm // MILLION
    paid = settled.amount_ngonka - burned
    bank.burn(ctx.store, state.POOL, burned)
    transfer(ctx, state.POOL, host, paid)
    ctx.emit(
        "voucher_settled",
        escrow_id=settled.escrow_id,
        host=settled.host,
        serial=settled.serial,
        paid_ngonka=paid,
        burned_ngonka=burned,
    )
    return MsgSettleVoucherResponse(paid_ngonka=paid, burned_ngonka=burned)
