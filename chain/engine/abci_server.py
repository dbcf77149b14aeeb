"""The ABCI socket: connections that are served side by side, each answered in order.

A peer may send as many requests as it likes before it reads: answers are handed over at each Flush, after those to what
arrived with it, and a peer that does not read them is not read either.  What is no request closes its connection; an
error of ours stops the node.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

import structlog
from google.protobuf.message import DecodeError

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.abci_frames import FrameError, encode_frame, read_frames

from tendermint.abci import types_pb2 as abci

Answer: TypeAlias = Callable[[abci.Request], Awaitable[bytes]]
"""What answers a request by the bytes of a Response; FrameError for one that ABCI does not have."""

_FLUSH: Final = abci.Request(flush=abci.RequestFlush()).SerializeToString()
_FLUSHED: Final = encode_frame(abci.Response(flush=abci.ResponseFlush()).SerializeToString())
"""CometBFT asks for a flush after almost every transaction that it has checked."""
_BUFFER_BYTES: Final = 1 << 20
_ANSWER_BYTES: Final = 1 << 16
_TURN: Final = 8
"""Requests of one connection before the others have their turn."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def listening(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Serve ABCI on a unix socket at `path`, for this user only, while inside.

    Leaves with the error that an answer was to raise.  OSError: there can be no socket at `path`.
    """
    async with asyncio.TaskGroup() as group:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = group.create_task(_converse(reader, writer, answer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_unix_server(accept, path, limit=_BUFFER_BYTES)
        path.chmod(0o600)  # noqa: ASYNC240  # one call before anything is served
        try:
            yield
        finally:
            server.close()
            for task in tasks:
                task.cancel()


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Serve one connection to its end."""
    try:
        await _answer_all(reader, writer, answer)
        writer.close()
    except (FrameError, DecodeError, ConnectionError) as error:
        log.warning("abci_connection_closed", reason=str(error))
    finally:
        if not writer.is_closing():
            writer.transport.abort()


async def _answer_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    answers, flushed, turn = bytearray(), False, 0
    async for frames in read_frames(reader):
        for frame in frames:
            if frame == _FLUSH:
                answers += _FLUSHED
                flushed = True
            else:
                answers += encode_frame(await answer(abci.Request.FromString(frame)))
            if len(answers) >= _ANSWER_BYTES:
                await _hand_over(writer, answers)
            turn = (turn + 1) % _TURN
            if turn == 0:
                await asyncio.sleep(0)
        if flushed:
            await _hand_over(writer, answers)
            flushed = False


async def _hand_over(writer: asyncio.StreamWriter, answers: bytearray) -> None:
    writer.write(bytes(answers))
    answers.clear()
    await writer.drain()
