"""Developers lock a deposit for one model at the price in force, add to it, and close it."""

from __future__ import annotations

from chain.context import Context
from chain.modules.bank.messages import transfer
from chain.modules.inference import state
from chain.modules.inference.offers import list_servers
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError
from rules.offers import check_policy
from rules.params import InferenceParams
from rules.pricing import compute_price
from rules.sampling import draw_group
from rules.vouchers import Price
from wire.gonka.inference.v1.inference_pb2 import Escrow, Model, Reserve
from wire.gonka.inference.v1.tx_pb2 import (
    MsgCloseEscrow,
    MsgCloseEscrowResponse,
    MsgOpenEscrow,
    MsgOpenEscrowResponse,
    MsgTopUpEscrow,
    MsgTopUpEscrowResponse,
)
from wire.vouchers import is_public_key


def apply_open(ctx: Context, message: MsgOpenEscrow) -> MsgOpenEscrowResponse:
    """Draw a group, share the deposit among it, and fix the price.

    Raises: RuleError `model_unknown`, `deposit_below_minimum`, `serving_key_invalid`, `policy_invalid`,
    `price_above_limit`, `host_missing`, `insufficient_funds`.
    """
    params, model = get_frozen(ctx.store).inference, state.find_model(ctx.store, message.model_id)
    _check_request(message, params)
    price = _find_price(message, model)
    escrow = Escrow(
        escrow_id=state.take_next_escrow_id(ctx.store),
        developer=message.developer,
        voucher_pubkey=message.voucher_pubkey,
        model_id=message.model_id,
        price_in_ngonka=price.in_ngonka,
        price_out_ngonka=price.out_ngonka,
        policy=message.policy,
        opened_epoch=get_epoch_start(ctx.store).epoch,
    )
    servers = list_servers(ctx.store, message.model_id, message.policy)
    group = draw_group(ctx.chain_id, ctx.last_block_hash, escrow.escrow_id, servers, params.group_size)
    if not group:
        raise RuleError("host_missing", f"no host with weight serves {model.name} under the policy")
    escrow.reserves.extend(Reserve(host=encode_address(host)) for host in group)
    _deposit(ctx, escrow, message.deposit_ngonka)
    state.add_escrow(ctx.store, escrow)
    ctx.emit(
        "escrow_opened",
        escrow_id=escrow.escrow_id,
        developer=escrow.developer,
        model_id=escrow.model_id.hex(),
        deposit_ngonka=escrow.deposit_ngonka,
        hosts=",".join(reserve.host for reserve in escrow.reserves),
    )
    return MsgOpenEscrowResponse(
        escrow_id=escrow.escrow_id,
        price_in_ngonka=price.in_ngonka,
        price_out_ngonka=price.out_ngonka,
        reserves=escrow.reserves,
    )


def apply_top_up(ctx: Context, message: MsgTopUpEscrow) -> MsgTopUpEscrowResponse:
    """Add to every reserve of an escrow that is open.

    Raises: RuleError `escrow_unknown`, `unauthorized`, `escrow_closed`, `amount_invalid`, `insufficient_funds`.
    """
    escrow = _find_own_open(ctx, message)
    if not message.amount_ngonka:
        raise RuleError("amount_invalid", "0 ngonka")
    _deposit(ctx, escrow, message.amount_ngonka)
    state.set_escrow(ctx.store, escrow)
    amount, deposit = message.amount_ngonka, escrow.deposit_ngonka
    ctx.emit("escrow_topped_up", escrow_id=escrow.escrow_id, amount_ngonka=amount, deposit_ngonka=deposit)
    return MsgTopUpEscrowResponse()


def apply_close(ctx: Context, message: MsgCloseEscrow) -> MsgCloseEscrowResponse:
    """Close an escrow: its vouchers settle until the SETTLE that returns the rest.

    Raises: RuleError `escrow_unknown`, `unauthorized`, `escrow_closed`.
    """
    escrow = _find_own_open(ctx, message)
    escrow.closes_epoch = get_epoch_start(ctx.store).epoch + get_frozen(ctx.store).inference.close_epochs
    state.set_escrow(ctx.store, escrow)
    state.set_closing(ctx.store, escrow.closes_epoch, escrow.escrow_id)
    ctx.emit("escrow_closing", escrow_id=escrow.escrow_id, closes_epoch=escrow.closes_epoch)
    return MsgCloseEscrowResponse(closes_epoch=escrow.closes_epoch)


def _check_request(message: MsgOpenEscrow, params: InferenceParams) -> None:
    least = params.min_deposit_ngonka
    if message.deposit_ngonka < least:
        raise RuleError("deposit_below_minimum", f"{message.deposit_ngonka} ngonka, the least is {least}", least=least)
    if not is_public_key(message.voucher_pubkey):
        raise RuleError("serving_key_invalid", f"voucher key {message.voucher_pubkey[:33].hex()!r} is none")
    check_policy(message.policy.regions, message.policy.hosts)


def _find_price(message: MsgOpenEscrow, model: Model) -> Price:
    price = compute_price(model.base_price_ngonka, model.units_per_token_in, model.units_per_token_out)
    if price.in_ngonka > message.max_price_in_ngonka or price.out_ngonka > message.max_price_out_ngonka:
        detail = f"10^6 tokens cost {price.in_ngonka} ngonka in and {price.out_ngonka} out"
        limits = f"{message.max_price_in_ngonka} and {message.max_price_out_ngonka}"
        raise RuleError("price_above_limit", f"{detail}; the limits are {limits}")
    return price


def _deposit(ctx: Context, escrow: Escrow, amount: int) -> None:
    """Take money from the developer, in equal parts for all reserves; what is left over goes to the first."""
    transfer(ctx, decode_address(escrow.developer), state.POOL, amount)
    escrow.deposit_ngonka += amount
    share, over = divmod(amount, len(escrow.reserves))
    for reserve in escrow.reserves:
        reserve.reserve_ngonka += share
    escrow.reserves[0].reserve_ngonka += over


def _find_own_open(ctx: Context, message: MsgTopUpEscrow | MsgCloseEscrow) -> Escrow:
    escrow = state.find_escrow(ctx.store, message.escrow_id)
    if escrow.developer != message.developer:
        raise RuleError("unauthorized", f"escrow {escrow.escrow_id} is {escrow.developer}'s")
    if escrow.closes_epoch:
        raise RuleError("escrow_closed", f"escrow {escrow.escrow_id} closes in epoch {escrow.closes_epoch}")
    return escrow
