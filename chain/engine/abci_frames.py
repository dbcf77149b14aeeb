"""ABCI's framing: each message is preceded by its length as an unsigned varint.  Source: ABCI 2.0, "Socket protocol".

A peer that sends anything else is no CometBFT, and loses its connection.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache

MAX_FRAME_BYTES = 100 << 20
"""The longest frame, 100 MiB, as CometBFT has it."""
_LENGTH_BYTES = 5
_CHUNK_BYTES = 1 << 16


class FrameError(Exception):
    """The bytes are no frame, or too long a one."""


async def read_frames(reader: asyncio.StreamReader) -> AsyncIterator[list[bytes]]:
    """The frames without their lengths, as many at a time as have arrived, until the peer ends.  Raises: FrameError."""
    more = rest = b""
    while True:
        frames, rest, missing = _split(rest + more)
        if frames:
            yield frames
        try:
            more = await (reader.readexactly(missing) if missing else reader.read(_CHUNK_BYTES))
        except asyncio.IncompleteReadError as error:
            raise FrameError(f"the end {missing - len(error.partial)} bytes before that of a frame") from error
        if not more and rest:
            raise FrameError("the end inside a length")
        if not more:
            return


def _split(data: bytes) -> tuple[list[bytes], bytes, int]:
    """The whole frames in `data`, what is left of it, and how many bytes that lacks; 0 where its length is not whole.

    Raises: FrameError.
    """
    frames: list[bytes] = []
    begin = 0
    while (length := _read_length(data, begin)) is not None:
        size, start = length
        if size > MAX_FRAME_BYTES:
            raise FrameError(f"a frame of {size} bytes, the limit is {MAX_FRAME_BYTES}")
        if start + size > len(data):
            return frames, data[begin:], start + size - len(data)
        frames.append(data[start : start + size])
        begin = start + size
    return frames, data[begin:], 0


def _read_length(data: bytes, begin: int) -> tuple[int, int] | None:
    """The length that stands at `begin`, and where it ends; None where it is not whole."""
    size = 0
    for index, byte in enumerate(data[begin : begin + _LENGTH_BYTES]):
        size |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return size, begin + index + 1
    if len(data) - begin >= _LENGTH_BYTES:
        raise FrameError(f"a length of more than {7 * _LENGTH_BYTES} bits")
    return None


def encode_frame(message: bytes) -> bytes:
    """A message with its length before it."""
    return encode_length(len(message)) + message


@lru_cache(1 << 14)
def encode_length(size: int) -> bytes:
    """A length as an unsigned varint."""
    length = bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes(length)
