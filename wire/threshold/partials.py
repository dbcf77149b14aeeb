"""Signing with shares: a member's partial signatures, their check, and the one signature they make.

Any THRESHOLD partials over a message give the same 48 bytes.  Source: Boldyreva 2003.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rules.seeds import le32
from rules.slots import THRESHOLD
from wire.threshold.curve import (
    G1_BYTES,
    G2_BYTES,
    compute_lagrange,
    derive_scalar,
    hash_message,
    is_signed,
    multiply_g1,
    read_g1,
    split_bytes,
    sum_g1,
    verify,
)
from wire.threshold.dealing import sum_keys


def sign_partials(shares: Sequence[int], message: bytes) -> bytes:
    """A partial signature for each share, 48 bytes each, in their order."""
    hashed = hash_message(message)
    return b"".join([multiply_g1(hashed, share) for share in shares])


def are_partials_right(commitments: bytes, slots: Sequence[int], message: bytes, partials: bytes) -> bool:
    """Whether these are the partial signatures of exactly these slots, in order; all at once, with weights by hash."""
    if len(partials) != G1_BYTES * len(slots) or not slots:
        return False
    try:
        points = [read_g1(partial) for partial in split_bytes(partials, G1_BYTES)]
    except ValueError:
        return False
    weights = [derive_scalar("gonka/partials-check", message, partials, le32(slot)) for slot in slots]
    return is_signed(sum_g1(points, weights), hash_message(message), sum_keys(commitments, slots, weights))


def combine_partials(partials: Mapping[int, bytes]) -> bytes:
    """The signature that the partials by slot make: that of the group if all are right; b"" below THRESHOLD of them.

    Raises ValueError for a partial that is no point of G1.
    """
    if len(partials) < THRESHOLD:
        return b""
    slots = sorted(partials)[:THRESHOLD]
    return sum_g1([read_g1(partials[slot]) for slot in slots], compute_lagrange(slots)).to_compressed_bytes()


def is_group_signature(commitments: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the group whose commitments these are."""
    return verify(commitments[:G2_BYTES], message, signature)
