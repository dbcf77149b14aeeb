"""Signing with shares: a member's partial signatures, their check, and the one signature they make.

Any THRESHOLD partials over a message give the same 48 bytes.  Source: Boldyreva 2003.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from py_arkworks_bls12381 import G1Point, G2Point

from rules.seeds import framed_hash, le32
from rules.slots import THRESHOLD
from wire.threshold.curve import (
    G1_BYTES,
    G2_BYTES,
    ORDER,
    SCALAR_BYTES,
    compute_lagrange,
    hash_message,
    is_signed,
    multiply_g1,
    read_g1,
    split_bytes,
    sum_g1,
    sum_g2,
)


def sign_partials(shares: Sequence[int], message: bytes) -> bytes:
    """A partial signature for each share, 48 bytes each, in their order."""
    hashed = hash_message(message)
    return b"".join([multiply_g1(hashed, share) for share in shares])


def are_shares_of(slot_keys: bytes, shares: Sequence[int]) -> bool:
    """Whether the shares are the secrets of exactly these slots, in order: then every partial signed with them is
    right.
    """
    keys, encoded = _read_keys(slot_keys), b"".join([share.to_bytes(SCALAR_BYTES, "big") for share in shares])
    weights = [_derive_weight(slot_keys, encoded, index) for index in range(len(keys))]
    total = sum(weight * share for weight, share in zip(weights, shares, strict=True)) % ORDER
    return sum_g2([G2Point()], [total]) == sum_g2(keys, weights)


@lru_cache(maxsize=1024)
def are_partials_right(slot_keys: bytes, message: bytes, partials: bytes) -> bool:
    """Whether these are the partial signatures of exactly these slots, in order; all at once, with weights by hash.

    Kept for a while, so that who has checked a vote need not check it again to combine it.
    """
    keys = _read_keys(slot_keys)
    if len(partials) != G1_BYTES * len(keys) or not keys:
        return False
    try:
        points = [read_g1(partial) for partial in split_bytes(partials, G1_BYTES)]
    except ValueError:
        return False
    weights = [_derive_weight(message, partials, index) for index in range(len(keys))]
    return is_signed(sum_g1(points, weights), hash_message(message), sum_g2(keys, weights))


def combine_partials(partials: Mapping[int, bytes]) -> bytes:
    """The signature that the partials by slot make: that of the group if all are right; b"" below THRESHOLD of them.

    It must be verified: whether the partials lie in the subgroup is not looked at.  Raises ValueError for a partial
    that is no point of the curve.
    """
    if len(partials) < THRESHOLD:
        return b""
    slots = sorted(partials)[:THRESHOLD]
    points = [G1Point.from_compressed_bytes_unchecked(partials[slot]) for slot in slots]
    return sum_g1(points, compute_lagrange(slots)).to_compressed_bytes()


@lru_cache(maxsize=512)
def _read_keys(slot_keys: bytes) -> tuple[G2Point, ...]:
    """The points of keys that the chain computed itself, so that they need no check."""
    return tuple([G2Point.from_compressed_bytes_unchecked(key) for key in split_bytes(slot_keys, G2_BYTES)])


def _derive_weight(context: bytes, checked: bytes, index: int) -> int:
    """128 bits are enough: what is wrong passes with a chance of 2^-128."""
    return int.from_bytes(framed_hash("gonka/slots-check", context, checked, le32(index))[:16], "big")
