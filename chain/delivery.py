"""Applying a transaction: admission, then its messages, all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from chain.admission import KnownSignatures, Mode, admit, compute_gas
from chain.context import Context
from chain.engine.application import TxResult
from chain.modules.handler import Order
from chain.transaction import Transaction
from rules.addresses import encode_address
from rules.errors import RuleError
from rules.params import TxParams
from wire.errors import CODESPACE

from cosmos.base.abci.v1beta1.abci_pb2 import TxMsgData

_KEPT_RESPONSES: Final = 256


def deliver(
    ctx: Context, tx: Transaction, params: TxParams, known: KnownSignatures, mode: Mode = Mode.DELIVER
) -> TxResult:
    """What the transaction comes to in `ctx`.

    One that is not admitted changes nothing; of one whose message fails, the fee and the sequences stay taken.
    """
    ctx = ctx.over(ctx.store, [], ctx.message_index)
    try:
        admitted = ctx.branch()
        admit(admitted.context, tx, params, known, mode)
        admitted.merge()
    except RuleError as error:
        return refuse(error, tx.gas_limit)
    code, log, data = 0, "", b""
    try:
        applied = ctx.branch()
        data = apply_orders(applied.context, tx.orders)
        applied.merge()
    except RuleError as error:
        code, log = error.fault.number, str(error)
    return TxResult(
        code=code,
        codespace=CODESPACE if code else "",
        log=log,
        data=data,
        gas_wanted=tx.gas_limit,
        gas_used=compute_gas(tx, params),
        events=tuple(ctx.events),
    )


def is_worth_a_block(tx: Transaction, result: TxResult) -> bool:
    """Whether a proposal may hold what comes to `result`: it is admitted, and a duty, which pays no fee, is done."""
    return result.code == 0 or (result.gas_used > 0 and not tx.duty)


def refuse(error: RuleError, gas_wanted: int = 0) -> TxResult:
    """The result of a transaction that changes nothing."""
    return TxResult(
        code=error.fault.number,
        codespace=CODESPACE,
        log=str(error),
        data=b"",
        gas_wanted=gas_wanted,
        gas_used=0,
        events=(),
    )


def apply_orders(ctx: Context, orders: Sequence[Order]) -> bytes:
    """Apply messages in order; returns their responses as TxMsgData.

    Raises: RuleError of the first that fails, after which all writes must be dropped.
    """
    responses = []
    for index, order in enumerate(orders):
        inside = ctx.over(ctx.store, ctx.events, index)
        name = order.handler.name
        sender = encode_address(order.signers[0])
        inside.emit("message", action=f"/{name}", sender=sender, module=name.split(".")[1])
        responses.append(_encode_response(order.apply(inside)))
    return b"".join(responses)


def _encode_response(response: Message) -> bytes:
    """The TxMsgData of one response; those of several follow each other."""
    value = response.SerializeToString(deterministic=True)
    return _pack_response(response.DESCRIPTOR.full_name, value)


@lru_cache(_KEPT_RESPONSES)
def _pack_response(name: str, value: bytes) -> bytes:
    """Most messages are answered by the same few bytes."""
    packed = AnyMessage(type_url=f"/{name}", value=value)
    return bytes(TxMsgData(msg_responses=[packed]).SerializeToString(deterministic=True))
