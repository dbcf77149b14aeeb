"""New blocks and transactions over a WebSocket, to whoever subscribed.

A subscriber that does not read is let go: what waits for it is bounded, and its connection ends when that is full.

Source: CometBFT 0.38, RPC, subscribe; its query language, of which AND and = are taken.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import structlog
from aiohttp import WSMsgType, web

from chain.api.http import MAX_BODY_BYTES
from chain.api.rpc_json import Json, list_attributes, write_block, write_finalized, write_tx_result
from chain.api.rpc_methods import RpcMethods
from chain.api.rpc_params import Params
from chain.api.rpc_server import CallError, call_method, read_call, read_json, write_error, write_result
from chain.engine.blocklog import LoggedBlock
from chain.engine.headerlog import read_signed_header
from chain.store.kv import Reader
from rules.errors import RuleError
from wire.headers_json import write_base64, write_header, write_hex

MAX_CONNECTIONS: Final = 256
MAX_SUBSCRIPTIONS: Final = 8
"""Of one connection."""
MAX_WAITING: Final = 256
"""Messages that wait for one connection to be read."""
MAX_WAITING_BYTES: Final = 64 << 20
HEARTBEAT_S: Final = 30
_LONGEST_QUERY: Final = 512
_MOST_CONDITIONS: Final = 8
_CONDITION: Final = re.compile(r"\s*([A-Za-z_0-9.]+)\s*=\s*(?:'([^']*)'|(\d{1,18}))\s*")
_KINDS: Final = {"NewBlock", "NewBlockHeader", "Tx"}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Query:
    """What a subscription asks for: a kind of event, and attributes that it must have."""

    kind: str
    conditions: tuple[tuple[str, str], ...]

    def matches(self, notice: Notice) -> bool:
        """Whether the notice is what it asks for."""
        return self.kind == notice.kind and all(
            value in notice.attributes.get(name, ()) for name, value in self.conditions
        )


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that happened: its kind, its data as CometBFT writes it, its attributes by name."""

    kind: str
    data: Json
    attributes: dict[str, list[str]]

    @cached_property
    def text(self) -> str:
        """What every subscriber is told of it, written once: the members of a result but the query."""
        data = {"type": f"tendermint/event/{self.kind}", "value": self.data}
        return f'"data":{_write(data)},"events":{_write(self.attributes | {"tm.event": [self.kind]})}'


def parse_query(text: str) -> Query:
    """The query of a subscription.  RuleError request_invalid."""
    parts = re.split(r"\s+AND\s+", text.strip()) if len(text) <= _LONGEST_QUERY else []
    conditions: dict[str, str] = {}
    for part in parts[:_MOST_CONDITIONS]:
        match = _CONDITION.fullmatch(part)
        if match is None:
            raise RuleError("request_invalid", f"failed to parse query: {part[:80]!r} is no NAME='VALUE'")
        conditions[match[1]] = match[3] if match[2] is None else match[2]
    kind = conditions.pop("tm.event", "")
    if kind not in _KINDS or len(parts) > _MOST_CONDITIONS:
        raise RuleError("request_invalid", f"a query names tm.event as one of {', '.join(sorted(_KINDS))}")
    return Query(kind, tuple(conditions.items()))


def describe_block(records: Reader, logged: LoggedBlock) -> Iterator[Notice]:
    """What a new block gives notice of: itself, its header, its transactions."""
    height = logged.block.height
    signed = read_signed_header(records, height)
    if signed is None:
        return
    of_block = list_attributes(logged.result.events)
    whole = write_block(logged, signed, read_signed_header(records, height - 1))
    whole = {"block": whole["block"], "block_id": whole["block_id"], "result_finalize_block": write_finalized(logged)}
    yield Notice(kind="NewBlock", data=whole, attributes=of_block)
    yield Notice(kind="NewBlockHeader", data={"header": write_header(signed.header)}, attributes=of_block)
    for index, (tx, result) in enumerate(zip(logged.block.txs, logged.result.tx_results, strict=True)):
        attributes = list_attributes(result.events)
        attributes |= {"tx.hash": [write_hex(sha256(tx).digest())], "tx.height": [str(height)]}
        told = {"height": str(height), "index": index, "tx": write_base64(tx), "result": write_tx_result(result)}
        yield Notice(kind="Tx", data={"TxResult": told}, attributes=attributes)


@dataclass(slots=True, eq=False)
class Subscriber:
    """One connection: its subscriptions, by query, with the id that each was asked for by, and what waits for it.

    A message waits in parts, of which subscribers share the long ones.
    """

    queries: dict[str, tuple[Any, Query]] = field(default_factory=dict)
    waiting: asyncio.Queue[tuple[str, ...]] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    waiting_bytes: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, *parts: str) -> None:
        """Let a message wait; a subscriber for whom too much waits is gone."""
        self.waiting_bytes += sum(map(len, parts))
        if self.waiting.full() or self.waiting_bytes > MAX_WAITING_BYTES:
            self.gone.set()
        else:
            self.waiting.put_nowait(parts)

    def tell(self, notice: Notice) -> None:
        """Send a notice once for each subscription that asks for it."""
        for text, (call_id, query) in self.queries.items():
            if query.matches(notice):
                head = f'{{"jsonrpc":"2.0","id":{_write(call_id)},"result":{{"query":{_write(text)},'
                self.send(head, notice.text, "}}")

    async def take(self) -> str:
        """The next message, as soon as there is one."""
        text = "".join(await self.waiting.get())
        self.waiting_bytes -= len(text)
        return text


class Subscriptions:
    """All connections.  `run` tells them of new blocks; `converse` serves one."""

    def __init__(
        self,
        methods: RpcMethods,
        subscribe: Callable[[], AbstractContextManager[asyncio.Queue[LoggedBlock]]],
        records: Callable[[], Reader],
    ) -> None:
        self._methods = methods
        self._subscribe = subscribe
        self._records = records
        self._subscribers: set[Subscriber] = set()

    async def run(self) -> None:
        """Tell the subscribers of every block, for ever."""
        with self._subscribe() as blocks:
            while True:
                logged = await blocks.get()
                if any(subscriber.queries for subscriber in self._subscribers):
                    for notice in describe_block(self._records(), logged):
                        for subscriber in self._subscribers:
                            subscriber.tell(notice)

    async def converse(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection to its end."""
        if len(self._subscribers) >= MAX_CONNECTIONS:
            return web.Response(status=503, text=f"{MAX_CONNECTIONS} connections are open")
        socket = web.WebSocketResponse(max_msg_size=MAX_BODY_BYTES, heartbeat=HEARTBEAT_S, timeout=1)
        if not socket.can_prepare(request).ok:
            return web.Response(status=400, text="this is a WebSocket")
        await socket.prepare(request)
        subscriber = Subscriber()
        self._subscribers.add(subscriber)
        tasks = [
            asyncio.create_task(work)
            for work in (_deliver(socket, subscriber), self._read(socket, subscriber), subscriber.gone.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._subscribers.discard(subscriber)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if subscriber.gone.is_set() and request.transport is not None:
                log.warning("subscriber_dropped", waiting=subscriber.waiting.qsize())
                request.transport.abort()
        with suppress(ConnectionError, TimeoutError):
            await socket.close()
        return socket

    async def _read(self, socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._answer(message.data, subscriber)

    async def _answer(self, text: str, subscriber: Subscriber) -> None:
        call_id = None
        try:
            call_id, method, params = read_call(read_json(text))
            if method in {"subscribe", "unsubscribe", "unsubscribe_all"}:
                result = _change(subscriber, call_id, method, params)
            else:
                result = await call_method(self._methods, method, params)
        except CallError as error:
            subscriber.send(_write(write_error(call_id, error.error)))
        else:
            if call_id is not None:
                subscriber.send(_write(write_result(call_id, result)))


async def _deliver(socket: web.WebSocketResponse, subscriber: Subscriber) -> None:
    with suppress(ConnectionError):
        while True:
            await socket.send_str(await subscriber.take())


def _write(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _change(subscriber: Subscriber, call_id: Any, method: str, params: Any) -> Json:
    """Add or remove a subscription.  CallError."""
    if method == "unsubscribe_all":
        subscriber.queries.clear()
        return {}
    try:
        text = Params.of_json(params, ("query",)).read_text("query")
        query = parse_query(text)
    except RuleError as error:
        raise CallError({"code": -32603, "message": "Internal error"}, error.detail) from error
    reason = ""
    if method == "unsubscribe":
        reason = "" if subscriber.queries.pop(text, None) else "subscription not found"
    elif text in subscriber.queries:
        reason = "already subscribed"
    elif len(subscriber.queries) >= MAX_SUBSCRIPTIONS:
        reason = f"max_subscriptions_per_client {MAX_SUBSCRIPTIONS} reached"
    else:
        subscriber.queries[text] = (call_id, query)
    if reason:
        raise CallError({"code": -32603, "message": "Internal error"}, reason)
    return {}
