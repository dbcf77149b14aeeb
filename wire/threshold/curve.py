"""Points and scalars of BLS12-381, and plain BLS signatures.

Scalars are integers modulo ORDER.  Points travel compressed, in their one canonical form.  Source: RFC 9380, 8.8.1;
draft-irtf-cfrg-bls-signature-05 with signatures on G1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from rules.seeds import framed_hash

ORDER: Final = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
G1_BYTES: Final = 48
G2_BYTES: Final = 96
SCALAR_BYTES: Final = 32
_DST: Final = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"


def read_g1(data: bytes) -> G1Point:
    """A point of the subgroup G1.  Raises ValueError for anything but its canonical 48 bytes; the identity is one."""
    point = G1Point.from_compressed_bytes(data)
    if point.to_compressed_bytes() != data:  # the decoder also takes other encodings of the identity
        raise ValueError("not the canonical form of a point of G1")
    return point


def read_g2(data: bytes) -> G2Point:
    """A point of the subgroup G2.  Raises ValueError for anything but its canonical 96 bytes; the identity is one."""
    point = G2Point.from_compressed_bytes(data)
    if point.to_compressed_bytes() != data:  # the same
        raise ValueError("not the canonical form of a point of G2")
    return point


def multiply_g1(point: G1Point, scalar: int) -> bytes:
    """A multiple of a point, compressed."""
    return (point * Scalar(scalar)).to_compressed_bytes()


def sum_g1(points: Iterable[G1Point], scalars: Iterable[int]) -> G1Point:
    """The sum of the points, each times its scalar; as many of one as of the other."""
    return G1Point.multiexp_unchecked(list(points), [Scalar(scalar) for scalar in scalars])


def sum_g2(points: Iterable[G2Point], scalars: Iterable[int]) -> G2Point:
    """The sum of the points, each times its scalar; as many of one as of the other."""
    return G2Point.multiexp_unchecked(list(points), [Scalar(scalar) for scalar in scalars])


def derive_scalar(label: str, *parts: bytes) -> int:
    """A scalar that nobody could choose: 512 bits of framed hashes over the parts, modulo ORDER."""
    wide = framed_hash(label, *parts, b"\0") + framed_hash(label, *parts, b"\1")
    return int.from_bytes(wide, "big") % ORDER


def split_bytes(data: bytes, size: int) -> list[bytes]:
    """The data in pieces of `size` bytes, the last one shorter where it does not divide."""
    return [data[start : start + size] for start in range(0, len(data), size)]


def evaluate(coefficients: Sequence[int], x: int) -> int:
    """The polynomial, constant term first, at x."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % ORDER
    return value


def compute_lagrange(points: Sequence[int]) -> list[int]:
    """What the values of a polynomial at these distinct points (none 0) are weighed with to sum to its value at 0."""
    weights = []
    for i in points:
        top, bottom = 1, 1
        for j in points:
            if j != i:
                top, bottom = top * j % ORDER, bottom * (j - i) % ORDER
        weights.append(top * pow(bottom, -1, ORDER) % ORDER)
    return weights


def hash_message(message: bytes) -> G1Point:
    """The point that a message is signed at."""
    return G1Point.hash_to_curve(message, _DST)


def sign(secret: int, message: bytes) -> bytes:
    """The 48-byte signature of a secret over a message."""
    return multiply_g1(hash_message(message), secret)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is that of the 96-byte public key over the message; False for anything malformed."""

    try:
        key, point = read_g2(public_key), read_g1(signature)
    except ValueError:
        return False
    return key != G2Point.identity() and is_signed(point, hash_message(message), key)


def is_signed(signature: G1Point, hashed: G1Point, key: G2Point) -> bool:
    """Whether the signature is the hashed message times the secret behind the key."""
    return GT.pairing_check([signature, -hashed], [G2Point(), key])
