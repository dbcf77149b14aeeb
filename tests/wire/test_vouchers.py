"""Vouchers and tickets: signed by the escrow's key, bound to every field, nothing malformed read."""

import json
from pathlib import Path

import pytest
from coincurve import PrivateKey

from rules.errors import RuleError
from rules.receipts import SignedReceipt
from rules.types import Host
from rules.vouchers import Ticket, Tokens, Voucher
from wire.vouchers import (
    is_public_key,
    read_receipt,
    read_ticket,
    read_voucher,
    sign_receipt,
    sign_ticket,
    sign_voucher,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "vouchers.json").read_text())
SECRET = bytes.fromhex(VECTORS["signatures"]["secret"])
KEY = PrivateKey(SECRET).public_key.format()
MODEL = bytes.fromhex(VECTORS["model"]["hash"])
VOUCHER = Voucher(
    chain_id="gonka-1",
    escrow_id=5,
    host=Host(bytes(range(20))),
    model_id=MODEL,
    serial=9,
    tokens=Tokens(tokens_in=1000, tokens_out=2**40),
    amount_ngonka=123_456_789,
)
TICKET = Ticket(
    chain_id="gonka-1",
    escrow_id=5,
    host=Host(bytes(range(20))),
    model_id=MODEL,
    request=2,
    developer_nonce=bytes(range(32)),
    body_hash=bytes(range(32, 64)),
)

SIGNED = SignedReceipt(
    chain_id="gonka-1", escrow_id=5, host=Host(bytes(range(20))), request=2, after_serial=8, receipt=bytes(range(32))
)


def test_sign_receipt__equals_its_vector_and_reads_back() -> None:
    message = sign_receipt(SECRET, SIGNED)
    assert message.signature.hex() == VECTORS["signatures"]["signed-receipt"]
    assert read_receipt(message, KEY) == SIGNED


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("chain_id", "gonka-2", "signature_invalid"),
        ("escrow_id", 6, "signature_invalid"),
        ("request", 3, "signature_invalid"),
        ("after_serial", 9, "signature_invalid"),
        ("receipt", bytes(32), "signature_invalid"),
        ("receipt", bytes(31), "tx_malformed"),
        ("signature", bytes(64), "signature_invalid"),
        ("signature", b"", "signature_invalid"),
        ("host", "GONKA1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSN4E6QS9", "address_invalid"),
    ],
)
def test_read_receipt__one_field_changed__is_refused(field: str, value: object, code: str) -> None:
    message = sign_receipt(SECRET, SIGNED)
    setattr(message, field, value)
    with pytest.raises(RuleError) as error:
        read_receipt(message, KEY)
    assert error.value.code == code


def test_sign_voucher_and_ticket__equal_their_vectors_and_read_back() -> None:
    voucher, ticket = sign_voucher(SECRET, VOUCHER), sign_ticket(SECRET, TICKET)
    assert voucher.signature.hex() == VECTORS["signatures"]["voucher"]
    assert ticket.signature.hex() == VECTORS["signatures"]["ticket"]
    assert read_voucher(voucher, KEY) == VOUCHER
    assert read_ticket(ticket, KEY) == TICKET


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", "gonka-2"),
        ("escrow_id", 6),
        ("model_id", bytes(32)),
        ("serial", 10),
        ("tokens_in", 0),
        ("tokens_out", 1),
        ("amount_ngonka", 1),
        ("signature", bytes(64)),
        ("signature", b""),
    ],
)
def test_read_voucher__one_field_changed__is_not_signed(field: str, value: object) -> None:
    message = sign_voucher(SECRET, VOUCHER)
    setattr(message, field, value)
    with pytest.raises(RuleError, match="signature_invalid"):
        read_voucher(message, KEY)


def test_read_voucher__another_key__is_refused() -> None:
    with pytest.raises(RuleError, match="signature_invalid"):
        read_voucher(sign_voucher(SECRET, VOUCHER), PrivateKey(bytes(31) + b"\x01").public_key.format())


@pytest.mark.parametrize("host", ["", "gonka1x", "GONKA"])
def test_read_voucher__no_host__is_refused(host: str) -> None:
    message = sign_voucher(SECRET, VOUCHER)
    message.host = host
    with pytest.raises(RuleError, match="address_invalid"):
        read_voucher(message, KEY)


def test_read_voucher__an_address_in_capitals__is_refused_as_it_has_another_hash() -> None:
    message = sign_voucher(SECRET, VOUCHER)
    message.host = message.host.upper()
    with pytest.raises(RuleError, match="address_invalid"):
        read_voucher(message, KEY)


def test_read_voucher__unknown_fields__are_refused() -> None:
    message = sign_voucher(SECRET, VOUCHER)
    message.MergeFromString(b"\xa0\x06\x01")
    with pytest.raises(RuleError, match="tx_malformed"):
        read_voucher(message, KEY)


@pytest.mark.parametrize("field", ["developer_nonce", "body_hash"])
def test_read_ticket__a_short_nonce_or_hash__is_refused(field: str) -> None:
    message = sign_ticket(SECRET, TICKET)
    setattr(message, field, bytes(31))
    with pytest.raises(RuleError, match="tx_malformed"):
        read_ticket(message, KEY)


@pytest.mark.parametrize(
    ("key", "good", "words"),
    [
        (KEY, True, "a key"),
        (PrivateKey(SECRET).public_key.format(compressed=False), False, "not compressed"),
        (KEY[:32], False, "short"),
        (b"\x02" + b"\xff" * 32, False, "no point of the curve"),
        (bytes(33), False, "zeros"),
        (b"", False, "none"),
    ],
)
def test_is_public_key__case__is(key: bytes, good: bool, words: str) -> None:
    assert is_public_key(key) is good
