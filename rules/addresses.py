"""Accounts as 20 bytes and as text: bech32 with prefix `gonka`.

Source: BIP-173 (encoding, checksum); Cosmos SDK ADR-028 (account of a secp256k1 key, module accounts).
"""

import hashlib
from functools import lru_cache, reduce
from operator import xor
from typing import Final

from rules.errors import RuleError
from rules.ripemd160 import compute_ripemd160

PREFIX: Final = "gonka"
ADDRESS_BYTES: Final = 20
MAX_TEXT: Final = 90

_ALPHABET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {letter: value for value, letter in enumerate(_ALPHABET)}
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
    values = _regroup(payload, from_bits=8, to_bits=5, pad=True)
    check = _polymod([*_expand(prefix), *values, 0, 0, 0, 0, 0, 0]) ^ 1
    values += [(check >> (5 * (5 - i))) & 31 for i in range(6)]
    return f"{prefix}1{''.join(_ALPHABET[value] for value in values)}"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """The lower-case prefix and the bytes.  Raises address_invalid for a bad letter, length, checksum or padding."""
    if len(text) > MAX_TEXT or not text.isascii() or not text.isprintable():
        raise RuleError("address_invalid", "not an address: too long, or letters that none has")
    if text not in {text.lower(), text.upper()}:
        raise RuleError("address_invalid", "upper and lower case are mixed")
    prefix, separator, data = text.lower().rpartition("1")
    if not separator or not prefix or len(data) < 6:
        raise RuleError("address_invalid", "not an address: the form is prefix, 1, letters and digits")
    strangers = [letter for letter in data if letter not in _VALUES]
    if strangers:
        raise RuleError("address_invalid", f"no address has the letter {strangers[0]!r}", letter=strangers[0])
    values = [_VALUES[letter] for letter in data]
    if _polymod([*_expand(prefix), *values]) != 1:
        raise RuleError("address_invalid", "the checksum does not fit: a letter is wrong")
    return prefix, bytes(_regroup(values[:-6], from_bits=5, to_bits=8, pad=False))


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        check = (check & 0x1FFFFFF) << 5 ^ value ^ _REMAINDERS[check >> 25]
    return check


def _expand(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _regroup(values: bytes | list[int], *, from_bits: int, to_bits: int, pad: bool) -> list[int]:
    """The same bits in groups of another size; without `pad`, what is left over must be short and zero."""
    accumulator = bits = 0
    groups: list[int] = []
    for value in values:
        accumulator = accumulator << from_bits | value
        bits += from_bits
        while bits >= to_bits:
            bits -= to_bits
            groups.append(accumulator >> bits & (1 << to_bits) - 1)
    left = accumulator & (1 << bits) - 1
    if pad and bits:
        groups.append(left << to_bits - bits)
    if not pad and (bits >= from_bits or left):
        raise RuleError("address_invalid", "the last letter carries bits that belong to no byte")
    return groups
