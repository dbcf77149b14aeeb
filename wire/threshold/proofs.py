"""Proofs that one secret is behind several points of G1, and of whom it is.

With one base it shows that its sender holds the secret of a key; with two, that both points come from the same secret.
Source: Schnorr 1991; Chaum and Pedersen 1992; made non-interactive by hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from py_arkworks_bls12381 import G1Point

from rules.seeds import framed_hash
from wire.threshold.curve import ORDER, SCALAR_BYTES, derive_scalar, multiply_g1, read_g1, split_bytes, sum_g1

PROOF_BYTES: Final = 2 * SCALAR_BYTES


def prove_secret(statement: bytes, bases: Sequence[G1Point], secret: int) -> bytes:
    """The PROOF_BYTES that bind the statement to the bases and their multiples by the secret."""
    images = [multiply_g1(base, secret) for base in bases]
    points = [base.to_compressed_bytes() for base in bases]
    once = derive_scalar("gonka/proof-once", secret.to_bytes(SCALAR_BYTES, "big"), statement, *points)
    challenge = _compute_challenge(statement, bases, images, [multiply_g1(base, once) for base in bases])
    answer = (once + challenge * secret) % ORDER
    return challenge.to_bytes(SCALAR_BYTES, "big") + answer.to_bytes(SCALAR_BYTES, "big")


def is_secret_proved(statement: bytes, bases: Sequence[G1Point], images: Sequence[bytes], proof: bytes) -> bool:
    """Whether the images are the bases times one secret, known to who made the proof; False for anything malformed."""
    if len(proof) != PROOF_BYTES:
        return False
    challenge, answer = [int.from_bytes(part, "big") for part in split_bytes(proof, SCALAR_BYTES)]
    if challenge >= ORDER or answer >= ORDER:
        return False
    try:
        points = [read_g1(image) for image in images]
    except ValueError:
        return False
    weights = (answer, ORDER - challenge)
    tries = [sum_g1(pair, weights).to_compressed_bytes() for pair in zip(bases, points, strict=True)]
    return challenge == _compute_challenge(statement, bases, images, tries)


def prove_key(chain_id: str, host: bytes, secret: int) -> bytes:
    """The proof by which a host registers the beacon key of a secret."""
    return prove_secret(_compute_key_statement(chain_id, host), [G1Point()], secret)


def is_key_proved(chain_id: str, host: bytes, key: bytes, proof: bytes) -> bool:
    """Whether the host holds the secret of this 48-byte beacon key, which is not the identity."""
    try:
        point = read_g1(key)
    except ValueError:
        return False
    statement = _compute_key_statement(chain_id, host)
    return point != G1Point.identity() and is_secret_proved(statement, [G1Point()], [key], proof)


def _compute_key_statement(chain_id: str, host: bytes) -> bytes:
    return framed_hash("gonka/beacon-key", chain_id.encode(), host)


def _compute_challenge(
    statement: bytes, bases: Iterable[G1Point], images: Iterable[bytes], tries: Iterable[bytes]
) -> int:
    return derive_scalar("gonka/proof", statement, *[base.to_compressed_bytes() for base in bases], *images, *tries)
