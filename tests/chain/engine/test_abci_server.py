"""The socket: pipelined, in order, back-pressured, closed on what is no request, and alive after it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from chain.engine.abci_frames import FrameError
from chain.engine.abci_server import listening
from chain.store.errors import StoreError
from tests.chain.engine.abci_node import FLUSH, INFO, Peer

from tendermint.abci import types_pb2 as abci

Result = TypeVar("Result")


async def answer_echo(request: abci.Request) -> bytes:
    """Echo and flush; an info is a failure of ours, anything else no request."""
    match request.WhichOneof("value"):
        case "echo":
            return abci.Response(echo=abci.ResponseEcho(message=request.echo.message)).SerializeToString()
        case "flush":
            return abci.Response(flush=abci.ResponseFlush()).SerializeToString()
        case "info":
            raise StoreError("store_full")
        case other:
            raise FrameError(f"{other}")


def serve(tmp_path: Path, talk: Callable[[Path], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with asyncio.timeout(30), listening(tmp_path / "s", answer_echo):
            return await talk(tmp_path / "s")

    return asyncio.run(run())


def echo(message: str) -> abci.Request:
    return abci.Request(echo=abci.RequestEcho(message=message))


def test_four_connections_are_answered_side_by_side_each_in_order(tmp_path: Path) -> None:
    async def ask_many(path: Path, name: str) -> list[str]:
        async with Peer.connect(path) as peer:
            peer.send(*(echo(f"{name}{i}") for i in range(500)), FLUSH)
            responses = [await peer.read() for _ in range(501)]
            assert responses[-1].WhichOneof("value") == "flush"
            return [response.echo.message for response in responses[:-1]]

    async def talk(path: Path) -> list[list[str]]:
        return await asyncio.gather(*(ask_many(path, name) for name in "abcd"))

    assert serve(tmp_path, talk) == [[f"{name}{i}" for i in range(500)] for name in "abcd"]


def test_answers_come_with_a_flush(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        async with Peer.connect(path) as peer:
            peer.send(echo("a"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await peer.reader.read(1)
            peer.send(FLUSH)
            assert (await peer.read()).echo.message == "a"

    serve(tmp_path, talk)


def test_who_does_not_read_answers_is_not_read_either(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        async with Peer.connect(path) as deaf, Peer.connect(path) as other:
            deaf.reader._transport.pause_reading()
            sent = await fill(deaf)
            assert sent < 16 << 20
            assert (await other.ask(echo("still here"))).echo.message == "still here"
            deaf.reader._transport.resume_reading()
            for _ in range(10):
                assert (await deaf.read()).echo.message == "x" * 100_000
                assert (await deaf.read()).WhichOneof("value") == "flush"

    serve(tmp_path, talk)


async def fill(peer: Peer) -> int:
    """Send until nothing goes out any more; the bytes sent."""
    for sent in range(0, 1 << 28, 100_000):
        peer.send(echo("x" * 100_000), FLUSH)
        try:
            async with asyncio.timeout(0.5):
                await peer.writer.drain()
        except TimeoutError:
            return sent
    return 1 << 28


def garbage() -> list[bytes]:
    chance = random.Random(4)
    return [
        b"\x05\xff\xff\xff\xff\xff",
        b"\x00",
        b"\xff" * 50,
        b"\xff\xff\xff\xff\x7f",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 9,
        b"\x02\x5a\x00",
        *[bytes([len(word)]) + word for word in (chance.randbytes(chance.randrange(1, 90)) for _ in range(30))],
    ]


@pytest.mark.parametrize("data", garbage(), ids=lambda data: data[:6].hex())
def test_garbage_closes_its_connection_and_no_other(tmp_path: Path, data: bytes) -> None:
    async def talk(path: Path) -> None:
        async with Peer.connect(path) as good, Peer.connect(path) as bad:
            bad.writer.write(data)
            bad.writer.write_eof()
            assert await bad.read() is None
            assert (await good.ask(echo("alive"))).echo.message == "alive"

    serve(tmp_path, talk)


def test_a_frame_that_ends_early_closes_its_connection(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        async with Peer.connect(path) as good:
            async with Peer.connect(path) as bad:
                bad.writer.write(b"\x7fabc")
            assert (await good.ask(echo("alive"))).echo.message == "alive"

    serve(tmp_path, talk)


def test_an_error_of_ours_stops_serving(tmp_path: Path) -> None:
    async def talk(path: Path) -> None:
        async with Peer.connect(path) as peer:
            peer.send(INFO)
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        serve(tmp_path, talk)
    assert [error.code for error in caught.value.exceptions] == ["store_full"]


def test_the_socket_is_for_this_user_only(tmp_path: Path) -> None:
    async def talk(path: Path) -> int:
        return path.stat().st_mode & 0o777  # noqa: ASYNC240  # nothing else runs

    assert serve(tmp_path, talk) == 0o600
