"""A whole gateway on loopback, with real ledger, sockets and stub hosts; only the chain's word is made up."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from gateway.accounts import add_customer, check_sums, top_up
from gateway.api import GatewayApi
from gateway.charges import settle_left
from gateway.desk import Desk
from gateway.guard import open_session, parse_networks
from gateway.hosts import HostClient
from gateway.keys import create_key
from gateway.market import Escrow, Market, Offer, OnChainModel
from gateway.money import PUSD, UsdPrice
from gateway.policies import ANYWHERE, Policy, Territory
from gateway.prices import set_price
from gateway.promises import read_voucher_secret
from gateway.relay import Relay
from gateway.routing import Chance
from gateway.server import open_counter
from gateway.store import Store
from rules.addresses import decode_address, encode_address
from rules.vouchers import Price
from tests.gateway.stub_host import Habits, StubHost, run_host, serving_key
from wire.openai.web import make_runner

MODEL = "tiny-1"
MODEL_ID = b"\x11" * 32
CONTENT_HASH, TOKENIZER_HASH = b"\x22" * 32, b"\x33" * 32
CONTEXT = 4096
PRICE = UsdPrice(in_musd=20_000, out_musd=60_000)
HOSTS = tuple(sorted(encode_address(bytes([number]) * 20) for number in range(1, 5)))
ESCROW_ID = 7
RESERVE = 10**12
LOOPBACK = ("127.0.0.0/8",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running gateway: its URL, a key of the customer acme with 10 USD, and what is behind it."""

    url: str
    key: str
    desk: Desk
    hosts: tuple[StubHost, ...]
    session: aiohttp.ClientSession
    relay: Relay
    api: GatewayApi

    async def post(self, path: str, body: Any, *, key: str | None = None) -> tuple[int, Any, Any]:
        """Status, JSON (or text), headers."""
        headers = {
            "Authorization": f"Bearer {self.key if key is None else key}",
            "Content-Type": "application/json",
        }
        content = io.BytesIO(json.dumps(body).encode())
        async with self.session.post(self.url + path, data=content, headers=headers) as response:
            is_json = response.content_type == "application/json"
            told = await response.json() if is_json else await response.text()
            return response.status, told, response.headers

    async def chat(self, text: str = "hello", **more: Any) -> tuple[int, Any, Any]:
        """One question."""
        return await self.post("/v1/chat/completions", ask(text, **more))

    def query(self, sql: str) -> list[Any]:
        """Rows of the ledger."""
        return self.desk.store.read(sql)

    async def settled(self) -> dict[str, int]:
        """The ledger's sums once nothing is under way.  Raises when they do not agree."""
        await self.relay.drain()
        assert self.query("SELECT count(*) FROM requests WHERE ended_ms IS NULL") == [(0,)]
        check_pairs(self.desk.store)
        return check_sums(self.desk.store.connection)


def ask(text: str = "hello", **more: Any) -> dict[str, Any]:
    """The body of a chat request."""
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], "max_tokens": 100, **more}


def check_pairs(store: Store) -> None:
    """Delivered is the sum of the attempts; signed covers it."""
    for row in store.read(
        "SELECT p.delivered_in, p.delivered_out, p.signed_in, p.signed_out, sum(a.tokens_in), sum(a.tokens_out), "
        "max(a.ticket), p.requests, count(*) FROM pairs p JOIN attempts a USING (escrow_id, host) "
        "GROUP BY escrow_id, host"
    ):
        done_in, done_out, signed_in, signed_out, sum_in, sum_out, last, requests, count = row
        assert (done_in, done_out) == (sum_in, sum_out)
        assert signed_in >= done_in
        assert signed_out >= done_out
        assert signed_in - done_in + signed_out - done_out <= 256
        assert last == requests == count


def make_market(
    urls: Sequence[str],
    voucher_key: bytes,
    *,
    territory: Territory = ANYWHERE,
    hashes: tuple[bytes, bytes] = (CONTENT_HASH, TOKENIZER_HASH),
) -> Market:
    """One model, one escrow over all hosts, credit 256; regions are DE, FR, DE, FR."""
    offers = {
        host: Offer(
            host=host,
            model_ids=frozenset({MODEL_ID}),
            endpoint=url,
            region=("DE", "FR")[place % 2],
            weight=100,
            serving_pubkey=serving_key(decode_address(host)),
        )
        for place, (host, url) in enumerate(zip(HOSTS, urls, strict=False))
    }
    price = Price(in_ngonka=1_000_000, out_ngonka=2_000_000)
    escrow = Escrow(
        escrow_id=ESCROW_ID,
        model_id=MODEL_ID,
        price=price,
        territory=territory,
        deposit_ngonka=RESERVE * len(offers),
        reserves=dict.fromkeys(offers, RESERVE),
        settled=dict.fromkeys(offers, 0),
        voucher_pubkey=voucher_key,
    )
    model = OnChainModel(
        name=MODEL,
        model_id=MODEL_ID,
        content_hash=hashes[0],
        tokenizer_hash=hashes[1],
        max_context=CONTEXT,
        price=price,
    )
    return Market(
        chain_id="test-1",
        height=5,
        epoch=3,
        credit_tokens=256,
        group_size=8,
        min_deposit_ngonka=1,
        models={MODEL: model},
        offers=offers,
        escrows=(escrow,),
    )


@asynccontextmanager
async def open_shop(
    home: Path,
    habits: Sequence[Habits] = (Habits(),),
    *,
    policy: Policy | None = None,
    usd: int = 10,
    allowed: Sequence[str] = LOOPBACK,
    silence_s: float = 5.0,
    most_requests: int = 1000,
    elsewhere: Sequence[str] = (),
    renderer: str = "",
    requires_tokens: bool = False,
    hashes: tuple[bytes, bytes] = (CONTENT_HASH, TOKENIZER_HASH),
) -> AsyncIterator[Shop]:
    """A gateway over a ledger in `home`, which may be there from before; hosts are asked in order of their place.

    `elsewhere` are URLs of hosts that run in another process, instead of those with `habits`.  `renderer` is a
    sidecar's address, `hashes` name the content and the tokenizer of the model on chain.
    """
    async with AsyncExitStack() as stack:
        store = stack.enter_context(Store.open(home))
        stack.enter_context(store.serve())
        secret = read_voucher_secret(store.connection)
        voucher_key = SigningKey(Secret(secret)).public_key
        blank = make_market(["http://x"] * len(habits), voucher_key)
        hosts = [
            await stack.enter_async_context(run_host(blank.make_terms(blank.escrows[0], host), voucher_key, habit))
            for host, habit in zip(HOSTS, () if elsewhere else habits, strict=False)
        ]
        now_ms = lambda: time.time_ns() // 10**6  # noqa: E731
        store.write_now(lambda c: settle_left(c, now_ms()))
        store.write_now(lambda c: set_price(c, MODEL, PRICE, now_ms()))
        store.write_now(lambda c: add_customer(c, "acme", now_ms()))
        if usd:
            store.write_now(lambda c: top_up(c, "acme", usd * PUSD, "", now_ms()))
        _, text = store.write_now(
            lambda c: create_key(c, "acme", policy or Policy(), entropy=secrets.token_bytes, now_ms=now_ms())
        )
        outward = await stack.enter_async_context(open_session(parse_networks(allowed), connections=2000))
        counter = await stack.enter_async_context(open_counter(renderer))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        desk = Desk(
            store=store,
            client=HostClient(outward, silence_s=silence_s),
            tasks=tasks,
            secret=secret,
            voucher_key=voucher_key,
            chance=Chance(now_ms=now_ms, entropy=secrets.token_bytes, draw=lambda _: 0),
            counter=counter,
            requires_tokens=requires_tokens,
        )
        desk.set_market(make_market(elsewhere or [host.url for host in hosts], voucher_key, hashes=hashes))
        relay = Relay(desk)
        api = GatewayApi(desk, relay, version="0", most_requests=most_requests)
        runner = make_runner(api.build(), close_s=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        inward = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=2000), timeout=aiohttp.ClientTimeout(60))
        )
        port = runner.addresses[0][1]
        try:
            yield Shop(
                url=f"http://127.0.0.1:{port}",
                key=text.reveal().decode(),
                desk=desk,
                hosts=tuple(hosts),
                session=inward,
                relay=relay,
                api=api,
            )
        finally:
            await runner.cleanup()
            await relay.drain()
            for task in desk.deliveries.values():
                task.cancel()


def with_reserve(shop: Shop, reserve: int) -> Market:
    """The shop's market with another reserve for every host."""
    assert shop.desk.market is not None
    market = shop.desk.market
    (escrow,) = market.escrows
    return replace(market, escrows=(replace(escrow, reserves=dict.fromkeys(escrow.reserves, reserve)),))
