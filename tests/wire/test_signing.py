"""Signatures equal to cosmpy's own for the same key and document, low s only, nothing malformed accepted."""

import hashlib

import ecdsa
import pytest
from cosmpy.aerial.tx import SigningCfg, Transaction, TxFee
from cosmpy.crypto.address import Address
from cosmpy.crypto.keypairs import PrivateKey as CosmpyKey
from hypothesis import given, settings
from hypothesis import strategies as st

import wire.signing as signing

from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin

SECRET = hashlib.sha256(b"a key for tests").digest()
KEY = CosmpyKey(SECRET)
PUBLIC = KEY.public_key.public_key_bytes


def cosmpy_transaction() -> tuple[bytes, bytes, bytes]:
    """Body, auth info and signature of a transfer as cosmpy builds and signs it."""
    sender = str(Address(KEY.public_key, "gonka"))
    tx = Transaction()
    tx.add_message(MsgSend(from_address=sender, to_address=sender, amount=[Coin(denom="ngonka", amount="5")]))
    tx.seal(SigningCfg.direct(KEY.public_key, 3), fee=TxFee("10ngonka", gas_limit=70_000), memo="hello")
    tx.sign(KEY, "gonka-test", 7, deterministic=True)
    raw = tx.complete().tx
    return raw.body.SerializeToString(), raw.auth_info.SerializeToString(), raw.signatures[0]


def test_sign__a_transfer_built_by_cosmpy__gives_cosmpys_signature() -> None:
    body, auth_info, theirs = cosmpy_transaction()

    ours = signing.sign(SECRET, signing.encode_direct(body, auth_info, "gonka-test", 7))

    assert ours == theirs
    assert signing.verify_direct(PUBLIC, theirs, body, auth_info, "gonka-test", 7)


@settings(max_examples=20)
@given(st.binary(max_size=300), st.integers(min_value=1, max_value=signing.GROUP_ORDER - 1))
def test_sign__any_document__equals_rfc6979_by_another_library(document: bytes, secret: int) -> None:
    raw = secret.to_bytes(32, "big")

    signature = signing.sign(raw, document)

    assert signature == CosmpyKey(raw).sign(document)
    assert int.from_bytes(signature[32:], "big") <= signing.GROUP_ORDER // 2


@pytest.mark.parametrize(
    ("chain_id", "account_number", "words"),
    [("gonka-other", 7, "another chain"), ("gonka-test", 8, "another account"), ("", 7, "no chain")],
)
def test_verify_direct__bound_to_something_else__is_false(chain_id: str, account_number: int, words: str) -> None:
    body, auth_info, signature = cosmpy_transaction()

    assert not signing.verify_direct(PUBLIC, signature, body, auth_info, chain_id, account_number)


@pytest.mark.parametrize("part", ["body", "auth_info"])
def test_verify_direct__one_bit_changed__is_false(part: str) -> None:
    body, auth_info, signature = cosmpy_transaction()
    changed = {"body": body, "auth_info": auth_info}
    changed[part] = bytes([changed[part][0] ^ 1]) + changed[part][1:]

    assert not signing.verify_direct(PUBLIC, signature, changed["body"], changed["auth_info"], "gonka-test", 7)


def test_verify__the_other_s__is_refused_though_the_curve_accepts_it() -> None:
    document = b"pay me once"
    signature = signing.sign(SECRET, document)
    high = signing.GROUP_ORDER - int.from_bytes(signature[32:], "big")
    twin = signature[:32] + high.to_bytes(32, "big")

    assert ecdsa.VerifyingKey.from_string(PUBLIC, ecdsa.SECP256k1, hashlib.sha256).verify(twin, document)
    assert signing.verify(PUBLIC, signature, document)
    assert not signing.verify(PUBLIC, twin, document)


ORDER = signing.GROUP_ORDER.to_bytes(32, "big")
GOOD = signing.sign(SECRET, b"document")
MALFORMED = [
    (PUBLIC, b"", "empty"),
    (PUBLIC, GOOD[:63], "one byte short"),
    (PUBLIC, GOOD + b"\0", "one byte long"),
    (PUBLIC, bytes(64), "zeros"),
    (PUBLIC, bytes(32) + GOOD[32:], "r is zero"),
    (PUBLIC, GOOD[:32] + bytes(32), "s is zero"),
    (PUBLIC, ORDER + GOOD[32:], "r is the group order"),
    (PUBLIC, b"\xff" * 32 + GOOD[32:], "r is above the group order"),
    (PUBLIC[:32], GOOD, "key one byte short"),
    (b"\x05" + PUBLIC[1:], GOOD, "key with a wrong first byte"),
    (b"\x02" + b"\xff" * 32, GOOD, "key that is no point"),
    (bytes(33), GOOD, "key of zeros"),
    (b"", GOOD, "no key"),
]


@pytest.mark.parametrize(("public_key", "signature", "words"), MALFORMED)
def test_verify__malformed__is_false(public_key: bytes, signature: bytes, words: str) -> None:
    assert not signing.verify(public_key, signature, b"document")


@pytest.mark.parametrize("secret", [bytes(32), ORDER, b"\xff" * 32])
def test_sign__no_valid_secret__raises(secret: bytes) -> None:
    with pytest.raises(ValueError, match=r"[Ss]ecret"):
        signing.sign(secret, b"document")


def test_sign_digest__is_sign_without_the_hash() -> None:
    digest = hashlib.sha256(b"document").digest()

    assert signing.sign_digest(SECRET, digest) == GOOD
    assert signing.verify_digest(PUBLIC, GOOD, digest)
    assert not signing.verify_digest(PUBLIC, GOOD, bytes(32))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_verify_digest__not_32_bytes__is_false(length: int) -> None:
    assert not signing.verify_digest(PUBLIC, GOOD, bytes(length))
