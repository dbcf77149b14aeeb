"""Reading a TxRaw: one encoding, nothing unknown anywhere, and garbage of every kind refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.handlers import HANDLERS
from chain.modules.bank.coins import make_coin
from chain.modules.handler import pack_any
from chain.transaction import TransactionReader, read_transaction
from rules.errors import RuleError
from tests.chain.ledger import ANN, BOB, GAS, Draft, encode
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim

from cosmos.authz.v1beta1.tx_pb2 import MsgExec
from cosmos.bank.v1beta1.tx_pb2 import MsgMultiSend, MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.tx_pb2 import MsgUpdateParams
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, Tip, TxBody, TxRaw

UNKNOWN = b"\xa2\x38\x01x"
"""Field 900, which no message here has."""
SEND = MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(1)])
DRAFT = Draft(messages=(SEND,), signers=(ANN,), sequences=(0,), numbers=(0,))


def with_body(change: Callable[[TxBody], None]) -> bytes:
    raw = encode(DRAFT)
    body = TxBody.FromString(raw.body_bytes)
    change(body)
    return TxRaw(
        body_bytes=body.SerializeToString(), auth_info_bytes=raw.auth_info_bytes, signatures=raw.signatures
    ).SerializeToString()


def with_auth(change: Callable[[AuthInfo], object]) -> bytes:
    raw = encode(DRAFT)
    auth = AuthInfo.FromString(raw.auth_info_bytes)
    change(auth)
    return TxRaw(
        body_bytes=raw.body_bytes, auth_info_bytes=auth.SerializeToString(), signatures=raw.signatures
    ).SerializeToString()


def with_message(message: Any) -> bytes:
    def change(body: TxBody) -> None:
        del body.messages[:]
        body.messages.append(message)

    return with_body(change)


def nest(depth: int) -> MsgExec:
    inner = MsgExec(grantee=ANN.text, msgs=[pack_any(SEND)])
    for _ in range(depth):
        inner = MsgExec(grantee=ANN.text, msgs=[pack_any(inner)])
    return inner


def unknown_in_exec() -> Any:
    hidden = Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=SEND.SerializeToString() + UNKNOWN)
    return pack_any(MsgExec(grantee=ANN.text, msgs=[hidden]))


RAW = encode(DRAFT)
TX = RAW.SerializeToString()
SIGNATURE_FIELD = TxRaw(signatures=RAW.signatures).SerializeToString()

CASES: list[tuple[bytes, str, str]] = [
    (b"", "tx_malformed", "nothing"),
    (b"\xff" * 50, "tx_malformed", "garbage"),
    (TX[:-1], "tx_malformed", "truncated"),
    (TX + UNKNOWN, "tx_malformed", "an unknown field in TxRaw"),
    (SIGNATURE_FIELD + TX.removesuffix(SIGNATURE_FIELD), "tx_malformed", "fields reordered"),
    (TX.replace(b"\x0a", b"\x8a\x00", 1), "tx_malformed", "a tag in two bytes where one does"),
    (with_body(lambda b: b.MergeFromString(UNKNOWN) and None), "tx_malformed", "an unknown field in the body"),
    (with_auth(lambda a: a.fee.MergeFromString(UNKNOWN)), "tx_malformed", "an unknown field in the fee"),
    (
        with_message(Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=SEND.SerializeToString() + UNKNOWN)),
        "tx_malformed",
        "an unknown field in a message",
    ),
    (with_message(unknown_in_exec()), "tx_malformed", "an unknown field in a message of a message"),
    (
        with_message(Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=b"\xff")),
        "tx_malformed",
        "a message that is none",
    ),
    (with_message(Any(type_url="cosmos.bank.v1beta1.MsgSend")), "message_unknown", "a type URL without slash"),
    (with_message(Any(type_url="/cosmos.bank.v1beta1.MsgBurn")), "message_unknown", "a message of no module"),
    (with_message(pack_any(MsgUpdateParams())), "params_wrong_message", "Cosmos's message for parameters"),
    (with_message(pack_any(nest(2))), "tx_malformed", "messages nested four deep"),
    (with_body(lambda b: b.messages.pop() and None), "tx_malformed", "no message"),
    (with_body(lambda b: setattr(b, "unordered", True)), "tx_malformed", "an unordered transaction"),
    (
        with_body(lambda b: b.timeout_timestamp.CopyFrom(Timestamp(seconds=1))),
        "tx_malformed",
        "a time-out by the clock",
    ),
    (with_body(lambda b: b.extension_options.append(pack_any(SEND))), "tx_malformed", "an extension"),
    (with_auth(lambda a: a.tip.CopyFrom(Tip(tipper=ANN.text))), "tx_malformed", "a tip"),
    (with_auth(lambda a: setattr(a.fee, "granter", BOB.text)), "tx_malformed", "a fee grant"),
    (with_auth(lambda a: setattr(a.fee, "gas_limit", 2**63)), "tx_malformed", "more gas than a result can say"),
    (with_auth(lambda a: a.signer_infos.append(a.signer_infos[0])), "signature_invalid", "a signer too many"),
    (with_auth(lambda a: a.signer_infos.pop()), "signature_invalid", "no signer"),
    (
        with_auth(lambda a: a.signer_infos[0].public_key.CopyFrom(pack_any(SEND))),
        "signature_invalid",
        "a key of another kind",
    ),
    (with_auth(lambda a: a.fee.amount.append(make_coin(1))), "amount_invalid", "two coins for a fee"),
    (with_auth(lambda a: a.fee.amount[0].CopyFrom(Coin(denom="atom", amount="1"))), "amount_invalid", "other money"),
    (
        with_message(pack_any(MsgSend(from_address="gonka1x", to_address=BOB.text))),
        "address_invalid",
        "a signer without address",
    ),
    (
        with_message(pack_any(MsgSend(from_address=ANN.text.upper(), to_address=BOB.text))),
        "address_invalid",
        "a signer in capitals",
    ),
    (with_message(pack_any(MsgMultiSend())), "tx_malformed", "a message that nobody signs"),
]


@pytest.mark.parametrize(("tx", "code", "because"), CASES, ids=[case[2] for case in CASES])
def test_read_transaction__broken__is_refused_with_a_code(tx: bytes, code: str, because: str) -> None:
    with pytest.raises(RuleError, match=f"^{code}"):
        read_transaction(tx, HANDLERS)


@given(st.binary(max_size=300))
def test_read_transaction__any_bytes__are_refused_with_a_code(garbage: bytes) -> None:
    with pytest.raises(RuleError):
        read_transaction(garbage, HANDLERS)


@settings(max_examples=200)
@given(st.integers(0, len(TX) - 1), st.integers(1, 255))
def test_read_transaction__one_byte_changed__is_read_or_refused_never_worse(index: int, flip: int) -> None:
    changed = TX[:index] + bytes([TX[index] ^ flip]) + TX[index + 1 :]
    with suppress(RuleError):
        assert read_transaction(changed, HANDLERS).size == len(TX)


def test_read_transaction__right__says_what_it_says() -> None:
    tx = read_transaction(TX, HANDLERS)
    assert [order.message for order in tx.orders] == [SEND]
    assert (tx.payer, tx.fee, tx.gas_limit, tx.duty, tx.gas) == (ANN.address, GAS, GAS, False, 20_000)
    assert [signer.address for signer in tx.signers] == [ANN.address]


def test_read_transaction__duties_only__is_a_duty() -> None:
    claim, stake = MsgClaim(host=ANN.text), SEND
    for messages, duty in [((claim,), True), ((claim, claim), True), ((claim, stake), False)]:
        tx = read_transaction(encode(replace(DRAFT, messages=messages)).SerializeToString(), HANDLERS)
        assert tx.duty is duty


def test_read_transaction__duties_executed_for_another__are_duties_and_cost_their_gas() -> None:
    claim = MsgClaim(host=BOB.text)
    for inner, duty in [((claim,), True), ((claim, SEND), False)]:
        exec_message = MsgExec(grantee=ANN.text, msgs=[pack_any(message) for message in inner])
        tx = read_transaction(encode(replace(DRAFT, messages=(exec_message,))).SerializeToString(), HANDLERS)
        assert tx.duty is duty
        assert tx.gas == 10_000 + sum(HANDLERS[message.DESCRIPTOR.full_name].gas for message in inner)


CLAIM = pack_any(MsgClaim(host=ANN.text, epoch=1, count=5, root=bytes(32)))
PADDED = Any(type_url=CLAIM.type_url, value=CLAIM.value + (b"\x22\x20" + bytes(32)) * 30_000)
"""Says the same in 1 MiB."""


@pytest.mark.parametrize(
    ("message", "exact"),
    [
        (CLAIM, True),
        (PADDED, False),
        (pack_any(MsgExec(grantee=ANN.text, msgs=[CLAIM])), True),
        (pack_any(MsgExec(grantee=ANN.text, msgs=[PADDED])), False),
    ],
)
def test_read_transaction__a_duty_that_says_a_thing_over_and_over__is_refused_as_it_pays_for_no_byte(
    message: Any, exact: bool
) -> None:
    if exact:
        assert read_transaction(with_message(message), HANDLERS).duty
    else:
        with pytest.raises(RuleError, match="tx_malformed"):
            read_transaction(with_message(message), HANDLERS)


def test_read_transaction__the_body_of_a_duty_with_its_memo_again__is_refused_and_one_that_pays_is_not() -> None:
    for message, taken in ((CLAIM, False), (pack_any(SEND), True)):
        raw = TxRaw.FromString(with_message(message))
        raw.body_bytes += b"\x12\x01m" * 1000
        if taken:
            assert read_transaction(raw.SerializeToString(), HANDLERS).memo == "m"
        else:
            with pytest.raises(RuleError, match="canonical"):
                read_transaction(raw.SerializeToString(), HANDLERS)


def test_reader__same_bytes__are_read_once() -> None:
    reader = TransactionReader(HANDLERS)
    assert reader.read(TX) is reader.read(bytes(bytearray(TX)))


def test_reader__more_than_it_keeps__forgets_the_oldest() -> None:
    reader = TransactionReader(HANDLERS)
    first = reader.read(TX)
    memo = "x" * (1 << 20)
    for number in range(33):
        reader.read(encode(replace(DRAFT, memo=memo, sequences=(number,))).SerializeToString())
    again = reader.read(TX)
    assert again == first
    assert again is not first
