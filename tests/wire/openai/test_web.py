"""The edge towards strangers: what they send is not unpacked for them, waits for nobody, and fills no log."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from wire.openai import web as edge
from wire.openai.web import answer_errors, make_runner, read_body

Scene = Callable[[aiohttp.ClientSession, int], Awaitable[None]]


async def take(request: web.Request) -> web.Response:
    return web.json_response({"bytes": len(await read_body(request))})


async def measure(request: web.Request) -> web.Response:
    return web.json_response({"bytes": len(await request.read())})


def play(scene: Scene) -> None:
    async def run() -> None:
        app = web.Application(middlewares=[answer_errors])
        app.add_routes([web.post("/take", take), web.post("/measure", measure)])
        runner = make_runner(app, close_s=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            async with asyncio.timeout(30), aiohttp.ClientSession() as session:
                await scene(session, runner.addresses[0][1])
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_body__packed__is_not_unpacked_and_is_refused() -> None:
    bomb = gzip.compress(bytes(10_000_000))
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    async def scene(session: aiohttp.ClientSession, port: int) -> None:
        async with session.post(f"http://127.0.0.1:{port}/measure", data=bomb, headers=headers) as response:
            assert (await response.json())["bytes"] == len(bomb)
        async with session.post(f"http://127.0.0.1:{port}/take", data=bomb, headers=headers) as response:
            assert response.status == 415
            assert (await response.json())["error"]["code"] == "content_type_invalid"

    play(scene)


def test_bytes__that_are_no_http__are_answered_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(_session: aiohttp.ClientSession, port: int) -> None:
        for nonsense in (b"\x00\x01\r\n\r\n", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(nonsense)
            assert b"400" in await reader.readline()
            writer.close()

    with caplog.at_level(logging.DEBUG):
        play(scene)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_connection__without_a_whole_request__is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "KEEP_ALIVE_S", 0.2)

    async def scene(_session: aiohttp.ClientSession, port: int) -> None:
        for begun in (b"", b"POST /take HTTP/1.1\r\nHost: x\r\nX-Slow"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()

    play(scene)
