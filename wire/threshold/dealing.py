"""Dealing a key: everyone's part of it, the shares, and the proof that a share is wrong.

A dealer draws a polynomial of degree THRESHOLD - 1, publishes its coefficients times G2's generator, and encrypts its
value at each slot to who holds the slot, by a Diffie-Hellman key on G1.  The group's key is the sum of the good deals.
A holder that gets a wrong share opens what the dealer sent it: the key the two share in this deal, with a proof that it
is that key.  Source: Feldman 1987; Gennaro and others 2007 on who deals last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from py_arkworks_bls12381 import G1Point, G2Point, Scalar

from rules.seeds import framed_hash, le32, le64
from rules.slots import SLOTS, THRESHOLD
from wire.threshold.curve import (
    G2_BYTES,
    ORDER,
    SCALAR_BYTES,
    derive_scalar,
    evaluate,
    multiply_g1,
    read_g1,
    read_g2,
    sign,
    split_bytes,
    sum_g2,
    verify,
)
from wire.threshold.proofs import is_secret_proved, prove_secret

COMMITMENTS_BYTES: Final = THRESHOLD * G2_BYTES
SHARES_BYTES: Final = SLOTS * SCALAR_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """What a deal is made for: a chain, an epoch, a dealer, and the 48-byte key that each slot's share is for."""

    chain_id: str
    epoch: int
    dealer: bytes
    keys: tuple[bytes, ...]

    @property
    def context(self) -> tuple[bytes, ...]:
        """What everything hashed in this dealing is bound to."""
        return self.chain_id.encode(), le64(self.epoch), self.dealer


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedDeal:
    """A deal as it is published: COMMITMENTS_BYTES, a 48-byte proof, a 48-byte key, SHARES_BYTES."""

    commitments: bytes
    proof: bytes
    ephemeral_key: bytes
    shares: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The key that a dealer and a holder share in one deal (48 bytes), and the proof that it is this key (64 bytes)."""

    shared_key: bytes
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKey:
    """A group's public key (96 bytes) and those of its slots (SLOTS times 96 bytes)."""

    public_key: bytes
    slot_keys: bytes


def deal(dealing: Dealing, entropy: bytes) -> SealedDeal:
    """The deal that `entropy`, 32 secret bytes or more, gives; the same entropy gives the same deal again."""
    coefficients = [derive_scalar("gonka/deal-secret", entropy, *dealing.context, le32(i)) for i in range(THRESHOLD)]
    commitments = b"".join([sum_g2([G2Point()], [value]).to_compressed_bytes() for value in coefficients])
    once = derive_scalar("gonka/deal-once", entropy, *dealing.context)
    ephemeral_key = multiply_g1(G1Point(), once)
    pads = {key: _derive_pad_key(dealing, multiply_g1(read_g1(key), once)) for key in set(dealing.keys)}
    shares = [evaluate(coefficients, slot) ^ _compute_pad(pads[key], slot) for slot, key in enumerate(dealing.keys, 1)]
    proof = sign(coefficients[0], _compute_proof_message(dealing, commitments, ephemeral_key))
    return SealedDeal(commitments=commitments, proof=proof, ephemeral_key=ephemeral_key, shares=_join(shares))


@lru_cache(maxsize=512)
def is_well_formed(dealing: Dealing, sealed: SealedDeal) -> bool:
    """Whether anybody can see that a deal is one, whatever is in its shares.

    The proof keeps a dealer from choosing a key that takes away what others dealt.  10 ms the first time.
    """
    if (len(sealed.commitments), len(sealed.shares)) != (COMMITMENTS_BYTES, SHARES_BYTES):
        return False
    try:
        ephemeral_key, _ = read_g1(sealed.ephemeral_key), read_commitments(sealed.commitments)
    except ValueError:
        return False
    message = _compute_proof_message(dealing, sealed.commitments, sealed.ephemeral_key)
    return ephemeral_key != G1Point.identity() and verify(sealed.commitments[:G2_BYTES], message, sealed.proof)


def open_shares(dealing: Dealing, sealed: SealedDeal, shared_key: bytes, slots: Iterable[int]) -> list[int]:
    """The shares of these slots by the key that dealer and holder share; of a wrong deal they may be any 256 bits."""
    masked, pad_key = split_bytes(sealed.shares, SCALAR_BYTES), _derive_pad_key(dealing, shared_key)
    return [int.from_bytes(masked[slot - 1], "big") ^ _compute_pad(pad_key, slot) for slot in slots]


def compute_shared_key(sealed: SealedDeal, secret: int) -> bytes:
    """The key that the holder with this secret shares with the dealer."""
    return multiply_g1(read_g1(sealed.ephemeral_key), secret)


def are_shares_right(commitments: bytes, slots: Sequence[int], shares: Sequence[int]) -> bool:
    """Whether the shares are the committed polynomial's values at the slots; all at once, with weights by hash."""
    if any(share >= ORDER for share in shares):
        return False
    weights = [derive_scalar("gonka/deal-check", commitments, _join(shares), le32(slot)) for slot in slots]
    total = sum(weight * share for weight, share in zip(weights, shares, strict=True)) % ORDER
    return sum_g2([G2Point()], [total]) == _sum_values(commitments, slots, weights)


def _sum_values(commitments: bytes, slots: Sequence[int], weights: Sequence[int]) -> G2Point:
    """The sum of the committed polynomial's values at the slots, each times its weight and the generator."""
    powers, by_degree = list(weights), []
    for _ in range(THRESHOLD):
        by_degree.append(sum(powers) % ORDER)
        powers = [power * slot % ORDER for power, slot in zip(powers, slots, strict=True)]
    return sum_g2(read_commitments(commitments), by_degree)


def open_deal(dealing: Dealing, sealed: SealedDeal, secret: int) -> Opening:
    """What the holder with this secret publishes so that everyone can open its shares of one deal, and no others."""
    bases = (G1Point(), read_g1(sealed.ephemeral_key))
    proof = prove_secret(_compute_opening_statement(dealing), bases, secret)
    return Opening(shared_key=compute_shared_key(sealed, secret), proof=proof)


def is_opening_of(dealing: Dealing, sealed: SealedDeal, key: bytes, opening: Opening) -> bool:
    """Whether `shared_key` is what the holder of `key` shares with the dealer of a well-formed deal."""
    bases = (G1Point(), read_g1(sealed.ephemeral_key))
    return is_secret_proved(_compute_opening_statement(dealing), bases, (key, opening.shared_key), opening.proof)


def make_key(deals: Iterable[bytes]) -> GroupKey:
    """The key that the deals with these commitments, at least one, make together.  0.1 s, for the 128 slots."""
    columns = zip(*[read_commitments(commitments) for commitments in deals], strict=True)
    sums = [sum(column[1:], start=column[0]) for column in columns]
    slot_keys = [_evaluate_in_exponent(sums, slot).to_compressed_bytes() for slot in range(1, SLOTS + 1)]
    return GroupKey(public_key=sums[0].to_compressed_bytes(), slot_keys=b"".join(slot_keys))


def _evaluate_in_exponent(commitments: Sequence[G2Point], x: int) -> G2Point:
    """The committed polynomial at a small x, times the generator: cheaper by Horner's rule than as one sum."""
    value, scalar = commitments[-1], Scalar(x)
    for commitment in reversed(commitments[:-1]):
        value = value * scalar + commitment
    return value


@lru_cache(maxsize=512)
def read_commitments(commitments: bytes) -> tuple[G2Point, ...]:
    """The points that the coefficients are committed to.  Raises ValueError where one is none; 9 ms the first time."""
    return tuple([read_g2(point) for point in split_bytes(commitments, G2_BYTES)])


def _derive_pad_key(dealing: Dealing, shared_key: bytes) -> bytes:
    return framed_hash("gonka/deal-pads", *dealing.context, shared_key)


def _compute_pad(pad_key: bytes, slot: int) -> int:
    """256 bits that hide the share of a slot; each key and slot is used once."""
    return int.from_bytes(framed_hash("gonka/deal-pad", pad_key, le32(slot)), "big")


def _join(scalars: Iterable[int]) -> bytes:
    return b"".join([scalar.to_bytes(SCALAR_BYTES, "big") for scalar in scalars])


def _compute_proof_message(dealing: Dealing, commitments: bytes, ephemeral_key: bytes) -> bytes:
    return framed_hash("gonka/deal", *dealing.context, commitments, ephemeral_key)


def _compute_opening_statement(dealing: Dealing) -> bytes:
    return framed_hash("gonka/opening", *dealing.context)
