"""The signature of a beacon's round in a block: a transaction of its own kind, which no account signs.

MARK || signature of 48 bytes.  No other transaction begins so: protobuf has no field 0.
"""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.delivery import refuse
from chain.engine.application import TxResult
from chain.modules.beacon.threshold.voting import take_signature
from rules.errors import RuleError
from wire.threshold.curve import G1_BYTES

MARK: Final = b"\0"


def wrap_signature(signature: bytes) -> tuple[bytes, ...]:
    """The transaction that brings a signature to a block, none for no signature."""
    return (MARK + signature,) if signature else ()


def is_signature(tx: bytes) -> bool:
    """Whether a transaction brings a round's signature."""
    return tx[:1] == MARK and len(tx) == len(MARK) + G1_BYTES


def deliver_signature(ctx: Context, tx: bytes) -> TxResult:
    """What it comes to in `ctx`: the round is signed, or nothing changes."""
    taken = ctx.over(ctx.store, [], ctx.message_index)
    try:
        take_signature(taken, tx[1:])
    except RuleError as error:
        return refuse(error)
    return TxResult(code=0, codespace="", log="", data=b"", gas_wanted=0, gas_used=0, events=tuple(taken.events))
