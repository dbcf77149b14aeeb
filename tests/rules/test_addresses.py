"""Bech32 against BIP-173's own examples, and addresses against a known key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.addresses import (
    address_from_pubkey,
    decode_address,
    decode_bech32,
    encode_address,
    encode_bech32,
    module_address,
)
from rules.errors import RuleError

VALID = [
    ("A12UEL5L", "upper case"),
    ("a12uel5l", "empty data"),
    ("an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs", "longest prefix"),
    ("abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw", "every letter"),
    ("split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w", "words"),
]
INVALID = [
    ("\x201nwldj5", "a prefix letter below 33 is refused by the checksum"),
    ("\x7f1axkwrx", "a control character"),
    ("\x801eym55h", "no ASCII"),
    ("an84characterslonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1569pvx", "91 letters"),
    ("pzry9x0s0muk", "no separator"),
    ("1pzry9x0s0muk", "no prefix"),
    ("x1b4n0q5v", "a letter that is no digit"),
    ("li1dgmt3", "checksum too short"),
    ("A1G7SGD8", "checksum of another case"),
    ("10a06t8", "empty prefix"),
    ("1qzzfhee", "empty prefix, good checksum"),
    ("A12uEL5L", "mixed case"),
    ("a12uel5q", "last letter changed"),
]
ZERO = encode_address(bytes(20))


@pytest.mark.parametrize(("text", "words"), VALID)
def test_decode_bech32__bip173_valid_text__encodes_back(text: str, words: str) -> None:
    prefix, payload = decode_bech32(text)

    assert encode_bech32(prefix, payload) == text.lower()


@pytest.mark.parametrize(("text", "words"), INVALID)
def test_decode_address__bip173_invalid_text__is_refused(text: str, words: str) -> None:
    with pytest.raises(RuleError, match="address_invalid"):
        decode_address(text)


@given(st.binary(min_size=20, max_size=20))
def test_decode_address__any_account__round_trips(address: bytes) -> None:
    assert decode_address(encode_address(address)) == address
    assert encode_address(address).startswith("gonka1")


@given(st.integers(min_value=6, max_value=len(ZERO) - 1), st.sampled_from("qpzry9x8gf2tvdw0s3jn54khce6mua7l"))
def test_decode_address__one_letter_changed__is_refused(at: int, letter: str) -> None:
    changed = ZERO[:at] + letter + ZERO[at + 1 :]
    if changed == ZERO:
        assert decode_address(changed) == bytes(20)
        return
    with pytest.raises(RuleError, match="checksum"):
        decode_address(changed)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (encode_bech32("cosmos", bytes(20)), "prefix"),
        (encode_bech32("gonka", bytes(32)), "20 bytes"),
        (encode_bech32("gonka", b""), "20 bytes"),
    ],
)
def test_decode_address__good_bech32_of_something_else__says_what(text: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        decode_address(text)


def test_encode_address__wrong_length__is_refused() -> None:
    with pytest.raises(RuleError, match="19"):
        encode_address(bytes(19))


def test_address_from_pubkey__generator_point__is_the_well_known_hash() -> None:
    generator = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")

    assert address_from_pubkey(generator).hex() == "751e76e8199196d454941c45d1b3a323f1433bd6"


@pytest.mark.parametrize("public_key", [b"", bytes(33), b"\x02" * 32, b"\x04" + bytes(64)])
def test_address_from_pubkey__no_compressed_key__is_refused(public_key: bytes) -> None:
    with pytest.raises(RuleError, match="address_invalid"):
        address_from_pubkey(public_key)


def test_module_address__gov__is_the_one_of_every_cosmos_chain() -> None:
    assert encode_bech32("cosmos", module_address("gov")) == "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn"
