"""What a gateway adds to a request, and five hundred streams at once: `python -m benchmarks.gateway`.

A stub host without a model, a gateway with a real ledger, and the client that measures are three processes on loopback;
only the chain's word is made up.  Direct requests bring a signed ticket of their own, and take turns with those through
the gateway.  A request asks for 8 words as a stream; the first word and the end of the answer are timed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import structlog

from benchmarks.token_cost import read_processor_s
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from gateway.promises import read_voucher_secret
from gateway.store import Store
from rules.vouchers import Terms, Ticket
from tests.gateway.shop import HOSTS, ask, make_market, open_shop
from tests.gateway.stub_host import Habits, run_host
from wire.openai.notes import TICKET_HEADER, encode_header
from wire.vouchers import sign_ticket

WARM_UP = 30
FIRST_DIRECT_TICKET = 10**9


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="requests of each kind, one after another")
    parser.add_argument("--streams", type=int, default=500, help="streams at once")
    parser.add_argument("--words", type=int, default=40, help="words of each of these")
    parser.add_argument("--pause-ms", type=int, default=50, help="between a stream's words")
    parser.add_argument("--role", choices=("host", "gateway"), help="used by this program for its children")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--slow", action="store_true")
    arguments = parser.parse_args()
    if arguments.role == "host":
        habits = Habits(words=arguments.words, pause_s=arguments.pause_ms / 1e3) if arguments.slow else Habits()
        asyncio.run(serve_host(arguments.home, habits))
    elif arguments.role == "gateway":
        asyncio.run(serve_gateway(arguments.home, arguments.url))
    else:
        measure_latency(arguments.requests)
        measure_streams(arguments.streams, arguments.words, arguments.pause_ms)


def measure_latency(count: int) -> None:
    """One request after another, in turns."""
    with run_pair([]) as (home, host, gateway, key):
        direct, through = asyncio.run(take_turns(home, host, gateway, key, count))
    print(f"{count} requests each, one after another, in ms: 10th percentile, median, 95th")
    for what, place in (("first word", 0), ("whole answer", 1)):
        alone, added = [d[place] for d in direct], [t[place] for t in through]
        print(f"  {what:12}  direct {describe(alone)}  through the gateway {describe(added)}", end="  ")
        print(f"added at the median {1e3 * (statistics.median(added) - statistics.median(alone)):.2f}")


def measure_streams(count: int, words: int, pause_ms: int) -> None:
    """Many streams at once, direct and then through the gateway."""
    slow = ["--slow", "--words", str(words), "--pause-ms", str(pause_ms)]
    body = make_body(words)
    with run_pair(slow) as (home, host, gateway, key):
        terms, secret = read_terms(home)
        direct = [(host, open_ticket(terms, secret, n, body)) for n in range(count)]
        through = [(gateway, {"Authorization": f"Bearer {key}"})] * count
        for name, asks in (("direct", direct), ("through the gateway", through)):
            began = time.perf_counter()
            found = asyncio.run(ask_together(asks, body))
            whole = [answer for answer in found if answer is not None]
            print(
                f"{count} streams of {words} words, {pause_ms} ms apart, {name}: {len(whole)} whole, "
                f"{time.perf_counter() - began:.1f} s in all, first word {describe([w[0] for w in whole])} ms"
            )


async def take_turns(
    home: Path, host: str, gateway: str, key: str, count: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Seconds to the first word and to the end, direct and through the gateway."""
    terms, secret = read_terms(home)
    body = make_body(8)
    direct, through = [], []
    async with aiohttp.ClientSession() as session:
        for n in range(WARM_UP + count):
            alone = await time_one(session, host, open_ticket(terms, secret, n, body), body)
            added = await time_one(session, gateway, {"Authorization": f"Bearer {key}"}, body)
            if n >= WARM_UP:
                direct.append(alone)
                through.append(added)
    return direct, through


async def ask_together(asks: list[tuple[str, dict[str, str]]], body: bytes) -> list[tuple[float, float] | None]:
    """The same of requests that all begin at once; None for one that failed."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(300)) as session:
        asked = (time_one(session, url, headers, body) for url, headers in asks)
        found = await asyncio.gather(*asked, return_exceptions=True)
    return [None if isinstance(answer, BaseException) else answer for answer in found]


async def time_one(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
) -> tuple[float, float]:
    """Seconds to the first word and to the end."""
    began, first = time.perf_counter(), 0.0
    sent = headers | {"Content-Type": "application/json"}
    async with session.post(f"{url}/v1/chat/completions", data=body, headers=sent) as response:
        async for line in response.content:
            if not first and b'"w1 "' in line:
                first = time.perf_counter() - began
            if line.startswith(b"data: [DONE]"):
                return first, time.perf_counter() - began
    raise RuntimeError(f"status {response.status}, no end")


def make_body(max_tokens: int) -> bytes:
    """One question."""
    return json.dumps(ask("hello", stream=True, max_tokens=max_tokens)).encode()


def read_terms(home: Path) -> tuple[Terms, bytes]:
    """What the escrow promises the stub, with endless credit, and the secret that signs its tickets."""
    with Store.open(home) as store:
        secret = read_voucher_secret(store.connection)
    market = make_market(["http://x"], SigningKey(Secret(secret)).public_key)
    return replace(market.make_terms(market.escrows[0], HOSTS[0]), credit_tokens=10**9), secret


def open_ticket(terms: Terms, secret: bytes, number: int, body: bytes) -> dict[str, str]:
    """The header that opens a direct request."""
    ticket = Ticket(
        chain_id=terms.chain_id,
        escrow_id=terms.escrow_id,
        host=terms.host,
        model_id=terms.model_id,
        request=FIRST_DIRECT_TICKET + number,
        developer_nonce=secrets.token_bytes(32),
        body_hash=hashlib.sha256(body).digest(),
    )
    return {TICKET_HEADER: encode_header(sign_ticket(secret, ticket))}


@contextmanager
def run_pair(host_words: list[str]) -> Iterator[tuple[Path, str, str, str]]:
    """Home, the host's URL, the gateway's, and an API key; both processes end with the block."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with Store.open(home):
            pass  # makes the ledger, whose voucher key the stub knows
        with run_role(["--role", "host", "--home", folder, *host_words]) as host:
            (url,) = host
            with run_role(["--role", "gateway", "--home", folder, "--url", url]) as (gateway, key, pid):
                before = read_processor_s(int(pid))
                yield home, url, gateway, key
                print(
                    f"the gateway used {read_processor_s(int(pid)) - before:.2f} s of processor time for all of these"
                )


@contextmanager
def run_role(words: list[str]) -> Iterator[list[str]]:
    """What a child says in its first line; it ends with the block."""
    line = [sys.executable, "-m", "benchmarks.gateway", *words]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            if child.stdout is None:
                raise RuntimeError("no output")
            yield child.stdout.readline().split()
        finally:
            child.terminate()


async def serve_host(home: Path, habits: Habits) -> None:
    """The stub's process."""
    terms, secret = read_terms(home)
    async with run_host(terms, SigningKey(Secret(secret)).public_key, habits) as host:
        print(host.url, flush=True)
        await asyncio.Event().wait()


async def serve_gateway(home: Path, url: str) -> None:
    """The gateway's process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with open_shop(home, elsewhere=[url], silence_s=60) as shop:
        print(shop.url, shop.key, os.getpid(), flush=True)
        await asyncio.Event().wait()


def describe(seconds: list[float]) -> str:
    """10th percentile, median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    picked = (ordered[len(ordered) // 10], statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))])
    return " ".join(f"{1e3 * value:7.2f}" for value in picked)


if __name__ == "__main__":
    main()
