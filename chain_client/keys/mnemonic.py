"""Words that are a key: BIP-39 with the English list, checksum checked."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import Final

from mnemonic import Mnemonic

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret

LENGTHS: Final = (12, 15, 18, 21, 24)
ENTROPY_BYTES: Final = 32  # 24 words


def generate_words(entropy: bytes | None = None) -> Secret:
    """24 new words, separated by spaces; `entropy` is 32 bytes from the system unless given."""
    return Secret(_list().to_mnemonic(entropy or secrets.token_bytes(ENTROPY_BYTES)))


def compute_seed(words: Secret) -> Secret:
    """The 64-byte seed of checked words, without a BIP-39 passphrase."""
    return Secret(Mnemonic.to_seed(check_words(words).reveal().decode()))


def check_words(words: Secret) -> Secret:
    """The words in lower case with single spaces, once their number, spelling and checksum are right.

    Raises mnemonic_wrong_length, mnemonic_unknown_word (with its position, from 1), mnemonic_wrong_checksum.
    No error repeats a word.
    """
    given = words.reveal().decode(errors="replace").lower().split()
    if len(given) not in LENGTHS:
        raise PermanentError("mnemonic_wrong_length", f"there are {len(given)} words", count=len(given))
    numbers = _numbers()
    for position, word in enumerate(given, start=1):
        if word not in numbers:
            detail = f"word {position} is not in the English BIP-39 list"
            raise PermanentError("mnemonic_unknown_word", detail, position=position)
    bits = 0
    for word in given:
        bits = bits << 11 | numbers[word]
    check_bits = len(given) // 3
    entropy = (bits >> check_bits).to_bytes(4 * check_bits, "big")
    if hashlib.sha256(entropy).digest()[0] >> 8 - check_bits != bits & (1 << check_bits) - 1:
        raise PermanentError("mnemonic_wrong_checksum", "every word is known, but together they are no key")
    return Secret(" ".join(given))


@cache
def _list() -> Mnemonic:
    return Mnemonic("english")


@cache
def _numbers() -> dict[str, int]:
    return {word: number for number, word in enumerate(_list().wordlist)}
