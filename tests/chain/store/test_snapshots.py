"""Snapshots as bytes: what goes in comes out, and what a stranger sends is read or refused."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.store.errors import StoreError
from chain.store.snapshots import CHUNK_BYTES, MAX_CHUNKS, Snapshot, decode_chunk, encode_chunks, read_snapshot

PAIRS = st.dictionaries(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=90), max_size=40)


@given(pairs=PAIRS, chunk_bytes=st.integers(1, 400))
def test_chunks__of_any_size__hold_every_pair_once(pairs: dict[bytes, bytes], chunk_bytes: int) -> None:
    found: dict[bytes, bytes] = {}
    for chunk in encode_chunks(sorted(pairs.items()), chunk_bytes):
        part = decode_chunk(chunk)
        assert not found.keys() & part.keys()
        found |= part
    assert found == pairs


def test_encode_chunks__no_pairs__is_one_empty_chunk() -> None:
    assert list(encode_chunks([])) == [b""]


def test_encode_chunks__two_pairs__are_the_pinned_bytes() -> None:
    (chunk,) = encode_chunks([(b"a", b"\x01\x02"), (b"bc", b"\x03")])
    assert chunk.hex() == "010000006102000000" + "0102" + "020000006263" + "0100000003"


@given(chunk=st.binary(max_size=60))
def test_decode_chunk__any_bytes__are_pairs_or_refused(chunk: bytes) -> None:
    with suppress(StoreError):
        for key, value in decode_chunk(chunk).items():
            assert key
            assert value


@pytest.mark.parametrize(
    "chunk",
    [
        b"\x01",
        b"\x01\x00\x00\x00",
        b"\x01\x00\x00\x00a",
        b"\x01\x00\x00\x00a\x00\x00\x00\x00",
        b"\x00\x00\x00\x00\x01\x00\x00\x00a",
        b"\xff\xff\xff\xffa\x01\x00\x00\x00b",
        b"\x00\x02\x00\x00" + bytes(512) + b"\x01\x00\x00\x00b",
    ],
)
def test_decode_chunk__cut_off_empty_or_too_long__is_refused(chunk: bytes) -> None:
    with pytest.raises(StoreError, match="snapshot_malformed"):
        decode_chunk(chunk)


def test_decode_chunk__more_pairs_than_fill_it__is_refused_before_they_fill_the_memory() -> None:
    long, short = (b"a", bytes(CHUNK_BYTES)), (b"b", b"v")
    (whole,) = list(encode_chunks([short, long]))[:1]
    assert decode_chunk(whole) == dict([short, long])
    (overfull,) = encode_chunks([long, short], 2 * CHUNK_BYTES)
    with pytest.raises(StoreError, match="snapshot_malformed"):
        decode_chunk(overfull)


def test_read_snapshot__what_was_told__comes_back() -> None:
    told = Snapshot(height=7, chunk_hashes=(sha256(b"a").digest(), sha256(b"b").digest()))
    assert read_snapshot(7, told.metadata) == told
    assert told.hash == sha256(told.metadata).digest()


@pytest.mark.parametrize(
    ("height", "metadata"),
    [(7, b""), (7, bytes(31)), (7, bytes(33)), (0, bytes(32)), (7, bytes(32 * (MAX_CHUNKS + 1)))],
)
def test_read_snapshot__no_chunks_half_a_hash_or_too_many__is_refused(height: int, metadata: bytes) -> None:
    with pytest.raises(StoreError, match="snapshot_malformed"):
        read_snapshot(height, metadata)
