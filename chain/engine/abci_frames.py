"""ABCI's framing: each message is preceded by its length as an unsigned varint.  Source: ABCI 2.0, "Socket protocol".

A peer that sends anything else is no CometBFT, and loses its connection.
"""

import asyncio
from typing import Protocol

MAX_FRAME_BYTES = 100 << 20
"""The longest frame, 100 MiB, as CometBFT has it."""
_LENGTH_BITS = 35


class FrameError(Exception):
    """The bytes are no frame, or too long a one."""


class Serializable(Protocol):
    """A message."""

    def SerializeToString(self) -> bytes:  # noqa: N802  # protobuf's
        """Its bytes."""
        ...


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame without its length, None where the peer ended between two.  Raises: FrameError."""
    size = await _read_length(reader)
    if size is None:
        return None
    if size > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {size} bytes, the limit is {MAX_FRAME_BYTES}")
    try:
        return await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise FrameError(f"the end after {len(error.partial)} of {size} bytes") from error


async def _read_length(reader: asyncio.StreamReader) -> int | None:
    size = 0
    for shift in range(0, _LENGTH_BITS, 7):
        byte = await reader.read(1)
        if not byte:
            if shift:
                raise FrameError("the end inside a length")
            return None
        size |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return size
    raise FrameError(f"a length of more than {_LENGTH_BITS} bits")


def encode_frame(message: Serializable) -> bytes:
    """A message with its length before it."""
    body = message.SerializeToString()
    size, length = len(body), bytearray()
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes(length) + body
