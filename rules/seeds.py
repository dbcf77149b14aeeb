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


def compute_seed(*, chain_id: str, epoch: int, round: int, block_hash: bytes, beacon_output: bytes) -> bytes:  # noqa: A002 - the protocol's word
    """The 32-byte seed of a round of an epoch.

    `block_hash` is that of the last block before the round opened; `beacon_output` is the group's signature, or what
    `rules.beacon.combine_reveals` gives.
    Source: docs/protocol.md, "Randomness".
    """
    return framed_hash("gonka/seed", chain_id.encode(), le64(epoch), le32(round), block_hash, beacon_output)


def compute_beacon_message(chain_id: str, epoch: int, round: int, block_hash: bytes) -> bytes:  # noqa: A002 - the same
    """The 32 bytes that a group signs in a round; `block_hash` is that of the last block before the round opened."""
    return framed_hash("gonka/beacon", chain_id.encode(), le64(epoch), le32(round), block_hash)


def compute_seed_commitment(chain_id: str, epoch: int, round: int, host: bytes, secret: bytes) -> bytes:  # noqa: A002 - the same
    """32 bytes that bind a host to its 32-byte secret for one round of one epoch."""
    return framed_hash("gonka/commit", chain_id.encode(), le64(epoch), le32(round), host, secret)


def compute_rows_commitment(chain_id: str, epoch: int, verifier: bytes, salt: bytes, rows: bytes) -> bytes:
    """32 bytes that bind a verifier to its rows, as `rules.sampling.encode_rows` writes them, under a 32-byte salt."""
    return framed_hash("gonka/rows", chain_id.encode(), le64(epoch), verifier, salt, rows)


def compute_dispute_commitment(chain_id: str, epoch: int, host: bytes, salt: bytes, bits: bytes) -> bytes:
    """32 bytes that bind a juror to its bits, as `rules.sampling.encode_bits` writes them, under a 32-byte salt."""
    return framed_hash("gonka/dispute", chain_id.encode(), le64(epoch), host, salt, bits)


def consensus_key_message(chain_id: str, host: bytes) -> bytes:
    """The 32 bytes a consensus key signs to prove that it belongs to the host."""
    return framed_hash("gonka/consensus-key", chain_id.encode(), host)
