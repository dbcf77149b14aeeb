"""Domain-separated derivations: what every seed, key and commitment of the protocol is hashed with.

`H(label, p1, p2, ...)` of the specification is `framed_hash`.  Lengths are framed, so two different
lists of parts never meet in one byte string.
"""

from __future__ import annotations

from hashlib import sha256


def le32(value: int) -> bytes:
    """Four little-endian bytes; `OverflowError` outside [0, 2^32)."""
    return value.to_bytes(4, "little")


def le64(value: int) -> bytes:
    """Eight little-endian bytes; `OverflowError` outside [0, 2^64)."""
    return value.to_bytes(8, "little")


def framed_hash(label: str, *parts: bytes) -> bytes:
    """SHA-256 over LE32(length) and bytes of the ASCII label, then of each part in order."""
    hasher = sha256()
    for part in (label.encode("ascii"), *parts):
        hasher.update(le32(len(part)))
        hasher.update(part)
    return hasher.digest()
