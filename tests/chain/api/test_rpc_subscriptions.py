"""Subscriptions over WebSocket: notices, bounds, and readers that do not read."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cosmpy.crypto.address import Address

from chain.api.rpc_subscriptions import (
    MAX_CONNECTIONS,
    MAX_SUBSCRIPTIONS,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    Notice,
    Subscriber,
    describe_block,
    parse_query,
)
from rules.errors import RuleError
from tests.chain.api.asking import ask
from tests.chain.api.node import open_api
from tests.chain.api.running import run_interfaces
from tests.chain.api.test_cosmpy import DENOM, connect, wallet
from tests.chain.ledger import ANN, BOB

TIMEOUT_S = 20
BLOCKS = "tm.event='NewBlock'"


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    home: Path = tmp_path_factory.mktemp("chain")
    with run_interfaces(home) as found:
        yield found


@asynccontextmanager
async def open_socket(addresses: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"http://{addresses['rpc']}/websocket"
    async with asyncio.timeout(TIMEOUT_S), aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        yield socket


async def call(socket: aiohttp.ClientWebSocketResponse, call_id: object, method: str, query: str = "") -> Any:
    """The answer with the id of the call; notices before it are passed over."""
    params = {"query": query} if query else {}
    await socket.send_json({"jsonrpc": "2.0", "id": call_id, "method": method, "params": params})
    while True:
        answer = await socket.receive_json()
        if answer["id"] == call_id and "data" not in (answer.get("result") or {}):
            return answer


def test_blocks_are_told_one_after_the_other(addresses: Mapping[str, str]) -> None:
    async def listen() -> list[int]:
        async with open_socket(addresses) as socket:
            assert (await call(socket, "b", "subscribe", BLOCKS))["result"] == {}
            told = [await socket.receive_json() for _ in range(3)]
            for notice in told:
                assert (notice["id"], notice["result"]["query"]) == ("b", BLOCKS)
                assert notice["result"]["data"]["type"] == "tendermint/event/NewBlock"
                assert notice["result"]["events"]["tm.event"] == ["NewBlock"]
            return [int(notice["result"]["data"]["value"]["block"]["header"]["height"]) for notice in told]

    heights = asyncio.run(listen())
    assert heights == [heights[0], heights[0] + 1, heights[0] + 2]


def test_only_the_transactions_asked_for_are_told(addresses: Mapping[str, str]) -> None:
    async def listen() -> Any:
        async with open_socket(addresses) as socket:
            await call(socket, 1, "subscribe", f"tm.event='Tx' AND transfer.recipient='{BOB.text}'")
            await call(socket, 2, "subscribe", "tm.event='Tx' AND message.sender='nobody'")
            await asyncio.to_thread(send)
            return await socket.receive_json()

    def send() -> None:
        connect(addresses["grpc"]).send_tokens(Address(BOB.text), 5, DENOM, wallet(ANN)).wait_to_complete()

    notice = asyncio.run(listen())
    assert notice["id"] == 1
    assert notice["result"]["data"]["value"]["TxResult"]["result"]["code"] == 0
    assert ANN.text in notice["result"]["events"]["message.sender"]


def test_who_unsubscribes_hears_no_more_and_other_calls_are_answered(addresses: Mapping[str, str]) -> None:
    async def talk() -> list[Any]:
        async with open_socket(addresses) as socket:
            answers = [
                await call(socket, 1, "subscribe", BLOCKS),
                await call(socket, 2, "subscribe", BLOCKS),
                await call(socket, 3, "unsubscribe", BLOCKS),
                await call(socket, 4, "unsubscribe", BLOCKS),
                await call(socket, 5, "status"),
                await call(socket, 6, "unsubscribe_all"),
            ]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await socket.receive()
            return answers

    said = [answer.get("error", {}).get("data", "") for answer in asyncio.run(talk())]
    assert said == ["", "already subscribed", "", "subscription not found", "", ""]


def test_garbage_on_the_socket_is_answered_with_a_code(addresses: Mapping[str, str]) -> None:
    async def talk() -> list[int]:
        async with open_socket(addresses) as socket:
            codes = []
            for text in ("{", "[]", "[" * 50_000, '{"id": 1, "method": "nothing"}', '{"id": 1, "method": "subscribe"}'):
                await socket.send_str(text)
                codes.append((await socket.receive_json())["error"]["code"])
            await socket.send_bytes(b"\x00\x01")
            assert (await call(socket, 9, "health"))["result"] == {}
            return codes

    assert asyncio.run(talk()) == [-32700, -32600, -32700, -32601, -32603]


def test_a_message_over_the_limit_closes_the_connection_and_the_node_lives(addresses: Mapping[str, str]) -> None:
    async def is_closed() -> bool:
        async with open_socket(addresses) as socket:
            try:
                await socket.send_str("x" * (3 << 20))
            except ConnectionError:
                return True  # it read the length, and did not wait for the rest
            kind = (await socket.receive()).type
        return kind in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}

    assert asyncio.run(is_closed())
    assert ask(f"http://{addresses['rpc']}/health").json["result"] == {}


def test_subscriptions_of_one_connection_are_bounded(addresses: Mapping[str, str]) -> None:
    async def talk() -> list[Any]:
        async with open_socket(addresses) as socket:
            queries = [f"tm.event='Tx' AND tx.hash='{number}'" for number in range(1000)]
            return [await call(socket, number, "subscribe", query) for number, query in enumerate(queries)]

    answers = asyncio.run(talk())
    assert sum("result" in answer for answer in answers) == MAX_SUBSCRIPTIONS
    assert "max_subscriptions_per_client" in answers[-1]["error"]["data"]


def test_connections_are_bounded_and_given_back(addresses: Mapping[str, str]) -> None:
    url = f"http://{addresses['rpc']}/websocket"

    async def crowd() -> tuple[int, int]:
        connector = aiohttp.TCPConnector(limit=0)
        async with asyncio.timeout(3 * TIMEOUT_S), aiohttp.ClientSession(connector=connector) as session:
            sockets = [await session.ws_connect(url) for _ in range(MAX_CONNECTIONS)]
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(url)
            for socket in sockets:
                await socket.close()
            return refused.value.status, len(sockets)

    assert asyncio.run(crowd()) == (503, MAX_CONNECTIONS)

    async def come_again() -> None:
        async with open_socket(addresses) as socket:
            assert (await call(socket, 1, "health"))["result"] == {}

    asyncio.run(come_again())


def test_a_reader_that_does_not_read_is_dropped_and_the_chain_goes_on(addresses: Mapping[str, str]) -> None:
    async def stall() -> bytes:
        host, _, port = addresses["rpc"].rpartition(":")
        async with asyncio.timeout(3 * TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
            writer.write(
                b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            await reader.readuntil(b"\r\n\r\n")
            call_genesis = frame(json.dumps({"id": 1, "method": "genesis"}).encode())
            with pytest.raises(ConnectionError):
                await flood(writer, call_genesis)
            writer.transport.abort()
            return b"dropped"

    assert asyncio.run(stall()) == b"dropped"
    assert ask(f"http://{addresses['rpc']}/status").status == 200


async def flood(writer: asyncio.StreamWriter, call: bytes) -> None:
    """Call again and again; the answers pile up, and are never read."""
    while True:
        writer.write(call * 50)
        await writer.drain()


def frame(payload: bytes) -> bytes:
    """A masked text frame of a client, of less than 126 bytes; the mask is zero."""
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def test_a_plain_request_to_the_socket_is_refused(addresses: Mapping[str, str]) -> None:
    assert ask(f"http://{addresses['rpc']}/websocket").status == 400


def test_send__more_waits_than_may__the_subscriber_is_gone() -> None:
    subscriber = Subscriber()
    for number in range(MAX_WAITING):
        subscriber.send(str(number))
    assert not subscriber.gone.is_set()
    subscriber.send("x")
    assert subscriber.gone.is_set()
    assert subscriber.waiting.qsize() == MAX_WAITING


def test_send__longer_messages_than_may_wait__the_subscriber_is_gone() -> None:
    subscriber = Subscriber()
    half = "x" * (MAX_WAITING_BYTES // 2)
    subscriber.send(half)
    assert len(asyncio.run(subscriber.take())) == len(half)
    subscriber.send(half)
    subscriber.send(half)
    assert not subscriber.gone.is_set()
    subscriber.send("x")
    assert subscriber.gone.is_set()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "tm.event='Nothing'",
        "message.sender='x'",
        "tm.event=NewBlock",
        "tm.event='Tx' OR tx.height=1",
        "tm.event='Tx' AND tx.height>1",
        "tm.event='Tx'" + " AND a='b'" * 9,
        "tm.event='" + "x" * 1000 + "'",
    ],
)
def test_parse_query__another_text__is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="request_invalid"):
        parse_query(text)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("tm.event='Tx'", True),
        ("tm.event='Tx' AND tx.height=5", True),
        ("tx.height = '5'  AND  tm.event = 'Tx'", True),
        ("tm.event='Tx' AND tx.height=6", False),
        ("tm.event='Tx' AND tx.other=5", False),
        ("tm.event='NewBlock'", False),
    ],
)
def test_matches__a_notice__by_kind_and_attributes(text: str, matches: bool) -> None:
    notice = Notice(kind="Tx", data={}, attributes={"tx.height": ["4", "5"]})
    assert parse_query(text).matches(notice) is matches


def test_describe_block__a_block_with_transactions__is_told_with_each() -> None:
    with open_api() as api:
        api.send(ANN, BOB, 5)
        logged = api.block()
        notices = list(describe_block(api.node.store.latest.records, logged))
    assert [notice.kind for notice in notices] == ["NewBlock", "NewBlockHeader", "Tx"]
    assert notices[2].attributes["tx.height"] == [str(logged.block.height)]
    assert notices[0].data["block"]["header"] == notices[1].data["header"]
