"""A snapshot: the state of one height in chunks, from which a new node starts without the blocks before.

    chunk      pairs in key order: LE32(length) || key || LE32(length) || value, some CHUNK_BYTES of them
    metadata   SHA-256 of each chunk, in order, 32 bytes each
    hash       SHA-256 of the metadata

A chunk is checked when it arrives, against metadata that came from a stranger; the pairs of all of them are checked
against the app hash, which the joining node knows from a header that it trusts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from chain.store.errors import StoreError
from chain.store.store import MAX_KEY_BYTES

FORMAT: Final = 1
CHUNK_BYTES: Final = 1 << 20
MAX_CHUNKS: Final = 1 << 12
_HASH_BYTES: Final = 32
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is told of a snapshot: the height, and SHA-256 of each chunk, at least one."""

    height: int
    chunk_hashes: tuple[bytes, ...]

    @property
    def metadata(self) -> bytes:
        """The chunks' hashes, one after the other."""
        return b"".join(self.chunk_hashes)

    @property
    def hash(self) -> bytes:
        """What names the snapshot, 32 bytes."""
        return sha256(self.metadata).digest()


def read_snapshot(height: int, metadata: bytes) -> Snapshot:
    """The snapshot that a stranger tells of.  StoreError snapshot_malformed."""
    count, rest = divmod(len(metadata), _HASH_BYTES)
    if rest or not 0 < count <= MAX_CHUNKS or height < 1:
        raise StoreError("snapshot_malformed", f"height {height}, {len(metadata)} bytes of metadata")
    starts = range(0, len(metadata), _HASH_BYTES)
    return Snapshot(height=height, chunk_hashes=tuple([metadata[at : at + _HASH_BYTES] for at in starts]))


def encode_chunks(pairs: Iterable[tuple[bytes, bytes]], chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The chunks of a state; at least one.  A chunk ends with the pair that fills it."""
    chunk = bytearray()
    for key, value in pairs:
        for part in (key, value):
            chunk += len(part).to_bytes(_LENGTH_BYTES, "little") + part
        if len(chunk) >= chunk_bytes:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def decode_chunk(chunk: bytes) -> dict[bytes, bytes]:
    """The pairs of a chunk.  StoreError snapshot_malformed.

    One that goes on after the pair that fills it is refused: small pairs take several times their bytes in memory.
    """
    pairs: dict[bytes, bytes] = {}
    parts, read_bytes = _read_parts(chunk), 0
    for key in parts:
        if read_bytes >= CHUNK_BYTES:
            raise StoreError("snapshot_malformed", f"{len(chunk)} bytes, and pairs after the one that fills a chunk")
        value = next(parts, b"")
        read_bytes += 2 * _LENGTH_BYTES + len(key) + len(value)
        if not 0 < len(key) <= MAX_KEY_BYTES or not value:
            raise StoreError("snapshot_malformed", f"a key of {len(key)} bytes, a value of {len(value)}")
        pairs[key] = value
    return pairs


def _read_parts(chunk: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(chunk):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(chunk[at:start], "little")
        if at > len(chunk):
            raise StoreError("snapshot_malformed", "a length that runs past the end")
        yield chunk[start:at]
