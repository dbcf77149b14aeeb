"""Frames of every length, and what is none."""

import asyncio

import pytest

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.abci_frames import MAX_FRAME_BYTES, FrameError, encode_frame, read_frames

from tendermint.abci import types_pb2 as abci


def read_all(data: bytes) -> list[bytes]:
    async def run() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return [frame async for frames in read_frames(reader) for frame in frames]

    return asyncio.run(run())


@pytest.mark.parametrize("size", [0, 1, 120, 127, 128, 129, 16_383, 16_384, 300_000])
def test_read_frames__what_encode_frame_made__comes_back(size: int) -> None:
    messages = [b"a" * size, b"", b"b"]
    assert read_all(b"".join(map(encode_frame, messages))) == messages


def test_encode_frame__known_bytes__are_those_of_the_specification() -> None:
    """A flush is the request 0x1a with an empty body: two bytes, so 0x02 goes before them."""
    assert encode_frame(abci.Request(flush=abci.RequestFlush()).SerializeToString()) == b"\x02\x12\x00"
    assert encode_frame(abci.RequestEcho(message="a" * 298).SerializeToString())[:2] == b"\xad\x02"


def too_long() -> bytes:
    size, length = MAX_FRAME_BYTES + 1, bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(length) + bytes([size])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x05abc", "the end 2 bytes before"),
        (b"\x80", "the end inside a length"),
        (b"\xff" * 20, "more than 35 bits"),
        (too_long(), f"the limit is {MAX_FRAME_BYTES}"),
        (b"\xff\xff\xff\xff\x7f", f"the limit is {MAX_FRAME_BYTES}"),
    ],
)
def test_read_frames__what_is_no_frame__is_refused_before_it_is_read(data: bytes, reason: str) -> None:
    with pytest.raises(FrameError, match=reason):
        read_all(data)
