"""Accounts as 20 bytes and as text: bech32 with prefix `gonka`.

Source: BIP-173 (encoding, checksum); Cosmos SDK ADR-028 (account of a secp256k1 key, module accounts).
"""

import binascii
import hashlib
from base64 import b32decode, b32encode
from contextlib import suppress
from functools import lru_cache, reduce
from operator import xor
from typing import Final

from rules.errors import RuleError
from rules.ripemd160 import compute_ripemd160

PREFIX: Final = "gonka"
ADDRESS_BYTES: Final = 20
MAX_TEXT: Final = 90

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BASE32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
"""The letters of RFC 4648, which names the same groups of five bits by others."""
_TO_BECH32: Final = bytes.maketrans(_BASE32, _ALPHABET.encode())
_FROM_BECH32: Final = bytes.maketrans(_ALPHABET.encode(), _BASE32)
_TO_VALUES: Final = bytes.maketrans(_BASE32, bytes(range(32)))
_NO_CHECK: Final = bytes(6)
_CHECK_SHIFTS: Final = (25, 20, 15, 10, 5, 0)
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_REMAINDERS: Final = tuple(
    reduce(xor, (generator for bit, generator in enumerate(_GENERATOR) if top >> bit & 1), 0) for top in range(32)
)
"""What the five bits that leave the checksum at its top put back into it."""


@lru_cache(maxsize=1 << 16)
def encode_address(address: bytes) -> str:
    """The text of an account's 20 bytes, such as gonka1...  Raises address_invalid for another length."""
    if len(address) != ADDRESS_BYTES:
        raise RuleError("address_invalid", f"an account is 20 bytes, not {len(address)}", length=len(address))
    return encode_bech32(PREFIX, address)


@lru_cache(maxsize=1 << 16)
def decode_address(text: str) -> bytes:
    """The 20 bytes of an account's text.  Raises address_invalid, which says why."""
    prefix, payload = decode_bech32(text)
    if prefix != PREFIX:
        raise RuleError("address_invalid", f"the prefix is {prefix!r}, not {PREFIX!r}", prefix=prefix)
    if len(payload) != ADDRESS_BYTES:
        raise RuleError("address_invalid", f"an account is 20 bytes, not {len(payload)}", length=len(payload))
    return payload


def address_from_pubkey(public_key: bytes) -> bytes:
    """The account of a compressed secp256k1 key (33 bytes, first 2 or 3): RIPEMD-160 of its SHA-256, 20 bytes.

    Whether the key is a point of the curve is for the signature check.  Raises address_invalid.
    """
    if len(public_key) != 33 or public_key[0] not in {2, 3}:
        raise RuleError("address_invalid", "an account key is 33 bytes and begins with 02 or 03")
    return compute_ripemd160(hashlib.sha256(public_key).digest())


def module_address(name: str) -> bytes:
    """The account of a module, which no key opens: the first 20 bytes of the SHA-256 of its name."""
    return hashlib.sha256(name.encode()).digest()[:ADDRESS_BYTES]


def encode_bech32(prefix: str, payload: bytes) -> str:
    """Bech32 text of any bytes under a lower-case prefix."""
    letters = b32encode(payload).rstrip(b"=")
    check = _polymod(_expand(prefix), letters.translate(_TO_VALUES) + _NO_CHECK) ^ 1
    ending = "".join([_ALPHABET[check >> shift & 31] for shift in _CHECK_SHIFTS])
    return f"{prefix}1{letters.translate(_TO_BECH32).decode()}{ending}"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """The lower-case prefix and the bytes.  Raises address_invalid for a bad letter, length, checksum or padding."""
    if len(text) > MAX_TEXT or not text.isascii() or not text.isprintable():
        raise RuleError("address_invalid", "not an address: too long, or letters that none has")
    if text not in {text.lower(), text.upper()}:
        raise RuleError("address_invalid", "upper and lower case are mixed")
    prefix, separator, data = text.lower().rpartition("1")
    if not separator or not prefix or len(data) < len(_NO_CHECK):
        raise RuleError("address_invalid", "not an address: the form is prefix, 1, letters and digits")
    strangers = data.strip(_ALPHABET)
    if strangers:
        raise RuleError("address_invalid", f"no address has the letter {strangers[0]!r}", letter=strangers[0])
    letters = data.encode().translate(_FROM_BECH32)
    if _polymod(_expand(prefix), letters.translate(_TO_VALUES)) != 1:
        raise RuleError("address_invalid", "the checksum does not fit: a letter is wrong")
    return prefix, _decode_base32(letters[: -len(_NO_CHECK)])


def _decode_base32(letters: bytes) -> bytes:
    """The bytes that these letters, without padding, encode."""
    with suppress(binascii.Error):
        payload = b32decode(letters + b"=" * (-len(letters) % 8))
        if b32encode(payload).startswith(letters):
            return payload
    raise RuleError("address_invalid", "the last letter carries bits that belong to no byte")


def _polymod(check: int, values: bytes) -> int:
    """The checksum goes on from `check` over values of five bits."""
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _REMAINDERS[check >> 25]
    return check


@lru_cache(maxsize=16)
def _expand(prefix: str) -> int:
    """The checksum of a prefix alone."""
    letters = prefix.encode()
    return _polymod(1, bytes([*(letter >> 5 for letter in letters), 0, *(letter & 31 for letter in letters)]))
