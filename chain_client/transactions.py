"""Transactions as values: how they are built, signed, and what to do next with one that was sent.  No I/O.

An order is something to be applied once.  It is signed for one sequence and one last height; the bytes are resent as
they are, and signed again only when they can no longer be applied (`decide`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeAlias

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from chain_client.ledger import Account, GasPrice, Receipt, TxResult
from wire.signing import encode_direct

from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.signing.v1beta1.signing_pb2 import SignMode
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, ModeInfo, SignerInfo, TxBody, TxRaw
from cosmos.tx.v1beta1.tx_pb2 import Fee as FeeMessage

DENOM: Final = "ngonka"
DUTY_GAS: Final = 12_000_000  # more than the largest transaction needs; a duty pays nothing for it
GAS_MARGIN: Final = (13, 10)  # what a simulation used, times 1.3
SETTLING_BLOCKS: Final = 1  # a node may list a block's transactions a little after the block

NOT_FINAL: Final = frozenset({"sequence_mismatch", "mempool_full", "tx_duplicate"})
HELD: Final = frozenset({"", "tx_duplicate"})
"""What a node says of a transaction that it took, or has already."""


class Signer(Protocol):
    """A key that signs; chain_client.keys.signing_key.SigningKey is one."""

    @property
    def address(self) -> str:
        """Its bech32 account."""
        ...

    @property
    def public_key(self) -> bytes:
        """Compressed, 33 bytes."""
        ...

    def sign(self, document: bytes) -> bytes:
        """64 bytes over the SHA-256 of `document`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What a transaction may use and pays, in whole."""

    gas_limit: int
    amount_ngonka: int = 0


FREE: Final = Fee(gas_limit=DUTY_GAS)  # protocol messages in their windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Messages to apply once, all or none, in a block up to `last_height`.

    `order_id` names it for ever in the outbox: the same id is never signed for twice side by side.
    """

    order_id: str
    messages: tuple[Message, ...]
    last_height: int
    fee: Fee = FREE
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTx:
    """An order signed for one sequence; `raw` is the TxRaw."""

    order_id: str
    chain_id: str
    address: str
    sequence: int
    last_height: int
    raw: bytes

    @property
    def tx_hash(self) -> str:
        """The chain's name for it: upper-case hex of the SHA-256 of the bytes."""
        return hashlib.sha256(self.raw).hexdigest().upper()


class Fate(Enum):
    """How an order ended.  Only APPLIED changed anything but fee and sequence; REFUSED and EXPIRED changed nothing."""

    APPLIED = "applied"
    FAILED = "failed"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of an order; `result.height` is 0 when it was in no block."""

    order_id: str
    fate: Fate
    result: TxResult


class Step(Enum):
    """What to do next with a transaction that has no outcome yet."""

    WAIT = "wait"
    SEND = "send"
    SIGN_AGAIN = "sign_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The chain, read in this order: latest height, then the account's sequence, then the transaction by its hash."""

    height: int
    sequence: int
    result: TxResult | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A signed transaction and what this process knows of it.

    `may_be_out` says that a node may have taken it without our knowing; `passed_at` is the height at which the
    account's sequence was first seen beyond it.  Heights are 0 for never.
    """

    tx: SignedTx
    may_be_out: bool
    sent_at: int = 0
    passed_at: int = 0
    receipt: Receipt | None = None


Decision: TypeAlias = Outcome | Step


def decide(attempt: Attempt, seen: Observation) -> Decision:
    """What follows from what was seen: the outcome, or the next step.

    Signed again only when these bytes can never be applied: the account has used their sequence for something else,
    and a block later they are still in no block.
    """
    tx = attempt.tx
    if seen.result is not None:
        fate = Fate.APPLIED if seen.result.is_applied else Fate.FAILED
        return Outcome(order_id=tx.order_id, fate=fate, result=seen.result)
    if seen.height >= tx.last_height + SETTLING_BLOCKS:
        return _expire(attempt)
    if seen.height >= tx.last_height:
        return Step.WAIT
    if seen.sequence > tx.sequence:
        settled = attempt.passed_at and seen.height >= attempt.passed_at + SETTLING_BLOCKS
        return Step.SIGN_AGAIN if settled else Step.WAIT
    if attempt.receipt is not None and is_final_refusal(attempt.receipt) and not attempt.may_be_out:
        return _never_in_a_block(attempt, Fate.REFUSED, attempt.receipt)
    return Step.SEND if seen.height > attempt.sent_at else Step.WAIT


def is_final_refusal(receipt: Receipt) -> bool:
    """Whether a node will say the same again; not so for a full queue, a known transaction, or one before its turn."""
    return receipt.code != 0 and receipt.rule not in NOT_FINAL


def _expire(attempt: Attempt) -> Outcome:
    """The end of a transaction whose last height has passed, with what the node did with it."""
    receipt, up_to = attempt.receipt, f"no block up to {attempt.tx.last_height} took it"
    if receipt is not None and receipt.rule not in HELD:
        return _never_in_a_block(attempt, Fate.EXPIRED, receipt)
    if receipt is not None:
        why = f"the node had it, and {up_to}: it was cut off from its peers or behind them, or blocks were full"
    elif attempt.may_be_out:
        why = f"no node said that it had it, and {up_to}: node or client were away"
    else:
        why = f"no node could be reached to take it before block {attempt.tx.last_height} was made"
    return _never_in_a_block(attempt, Fate.EXPIRED, Receipt(tx_hash=attempt.tx.tx_hash, code=0, log=why))


def _never_in_a_block(attempt: Attempt, fate: Fate, receipt: Receipt) -> Outcome:
    result = TxResult(tx_hash=attempt.tx.tx_hash, height=0, code=receipt.code, rule=receipt.rule, log=receipt.log)
    return Outcome(order_id=attempt.tx.order_id, fate=fate, result=result)


def sign_order(order: Order, signer: Signer, account: Account, chain_id: str) -> SignedTx:
    """The order signed for the account's sequence."""
    body = encode_body(order.messages, memo=order.memo, last_height=order.last_height)
    raw = _sign(body, encode_auth_info(signer.public_key, account.sequence, order.fee), signer, account, chain_id)
    return SignedTx(
        order_id=order.order_id,
        chain_id=chain_id,
        address=signer.address,
        sequence=account.sequence,
        last_height=order.last_height,
        raw=raw,
    )


def sign_again(tx: SignedTx, signer: Signer, account: Account) -> SignedTx:
    """The same messages, fee and last height, signed for the account's sequence of now."""
    raw = TxRaw.FromString(tx.raw)
    auth_info = AuthInfo.FromString(raw.auth_info_bytes)
    auth_info.signer_infos[0].sequence = account.sequence
    encoded = auth_info.SerializeToString(deterministic=True)
    return SignedTx(
        order_id=tx.order_id,
        chain_id=tx.chain_id,
        address=tx.address,
        sequence=account.sequence,
        last_height=tx.last_height,
        raw=_sign(raw.body_bytes, encoded, signer, account, tx.chain_id),
    )


def encode_unsigned(order: Order, public_key: bytes, sequence: int) -> bytes:
    """A TxRaw with an empty signature, for simulation."""
    body = encode_body(order.messages, memo=order.memo, last_height=order.last_height)
    return _encode_raw(body, encode_auth_info(public_key, sequence, order.fee), b"")


def compute_fee(gas_used: int, price: GasPrice) -> Fee:
    """The gas that a simulation used with a margin of 30 %, and its price, both rounded up."""
    times, over = GAS_MARGIN
    gas_limit = -(-gas_used * times // over)
    return Fee(gas_limit=gas_limit, amount_ngonka=-(-gas_limit * price.numerator // price.denominator))


def encode_body(messages: Sequence[Message], *, memo: str, last_height: int) -> bytes:
    """The bytes of a TxBody."""
    packed = []
    for message in messages:
        item = Any()
        item.Pack(message, type_url_prefix="/", deterministic=True)
        packed.append(item)
    body: bytes = TxBody(messages=packed, memo=memo, timeout_height=last_height).SerializeToString(deterministic=True)
    return body


def encode_auth_info(public_key: bytes, sequence: int, fee: Fee) -> bytes:
    """The bytes of an AuthInfo with one signer in direct mode."""
    packed_key = Any()
    packed_key.Pack(PubKey(key=public_key), type_url_prefix="/")
    mode = ModeInfo(single=ModeInfo.Single(mode=SignMode.SIGN_MODE_DIRECT))
    coins = [Coin(denom=DENOM, amount=str(fee.amount_ngonka))] if fee.amount_ngonka else []
    auth_info = AuthInfo(
        signer_infos=[SignerInfo(public_key=packed_key, mode_info=mode, sequence=sequence)],
        fee=FeeMessage(amount=coins, gas_limit=fee.gas_limit),
    )
    encoded: bytes = auth_info.SerializeToString(deterministic=True)
    return encoded


def _sign(body: bytes, auth_info: bytes, signer: Signer, account: Account, chain_id: str) -> bytes:
    return _encode_raw(body, auth_info, signer.sign(encode_direct(body, auth_info, chain_id, account.number)))


def _encode_raw(body: bytes, auth_info: bytes, signature: bytes) -> bytes:
    raw = TxRaw(body_bytes=body, auth_info_bytes=auth_info, signatures=[signature])
    encoded: bytes = raw.SerializeToString(deterministic=True)
    return encoded
