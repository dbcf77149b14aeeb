"""The course of the inference demo, step by step."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chain_client.errors import PermanentError, TransientError
from commands.homes import BALANCE_NGONKA
from commands.inference.books import Books, read_books
from commands.inference.market import MarketNetwork, run_market

if TYPE_CHECKING:
    from chain_client.ledger import Ledger
    from sidecar.inference.manifest import Manifest

Progress = Callable[[str], None]
QUESTION = "What is the capital of France?"
CUSTOMER = "acme"
CREDIT_USD = "5"
PRICE_IN_USD, PRICE_OUT_USD = "0.02", "0.06"
GNK_USD = "0.45"
MAX_TOKENS = 32
ANSWER_TIMEOUT_S = 180
SETTLE_TIMEOUT_S = 90
POLL_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen; `pairs` are (escrow, host, signed in, signed out, amount) as the gateway has them."""

    answer: str
    chunks: int
    usage: dict[str, int]
    charged_usd: str
    balance_usd: str
    books: Books
    hosts: int
    unsettled: tuple[str, ...]
    duration_s: float
    invoice: dict[str, object]


async def run_show(directory: Path, models: Path, manifest: Manifest, say: Progress) -> Facts:
    """Runs it all in `directory`.  Raises ClientError where it cannot go on."""
    began = time.monotonic()
    say(f"starting a chain, and two hosts that serve {manifest.name}")
    async with run_market(directory, models, manifest, hosts=2) as (network, ledger):
        say("both hosts staked, and offer the model on chain")
        key = await open_shop(network, manifest.name)
        say("the gateway sells it by API key; it opens an escrow by itself")
        answer, chunks, usage = await ask_streaming(network, key, manifest.name)
        say(f"{QUESTION}  {answer!r}, {chunks} chunks")
        unsettled = await wait_for_settlement(network, ledger)
        say("vouchers are settled on chain")
        people = list_people(network)
        books = await read_books(ledger, people, network.developer.address)
        invoice = json.loads(network.operate("invoice", CUSTOMER))
        balance = json.loads(network.operate("balance", CUSTOMER))[0]
        return Facts(
            answer=answer,
            chunks=chunks,
            usage=usage,
            charged_usd=invoice["charged_usd"],
            balance_usd=balance["balance_usd"],
            books=books,
            hosts=len(network.sellers),
            unsettled=unsettled,
            duration_s=time.monotonic() - began,
            invoice=invoice,
        )


async def open_shop(network: MarketNetwork, model: str) -> str:
    """Price, credit and an API key, by the commands that an operator types; returns the key."""
    network.operate("price", "set", model, PRICE_IN_USD, PRICE_OUT_USD)
    network.operate("price", "gnk-usd", GNK_USD)
    network.operate("credit", CUSTOMER, CREDIT_USD)
    return str(json.loads(network.operate("key", "create", CUSTOMER))["key"])


async def ask_streaming(network: MarketNetwork, key: str, model: str) -> tuple[str, int, dict[str, int]]:
    """The question as an application asks it: answer, chunks with text, and usage."""
    import openai

    client = openai.AsyncOpenAI(base_url=f"{network.url}/v1", api_key=key, timeout=ANSWER_TIMEOUT_S, max_retries=0)
    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    async with client:
        while True:
            network.check_running()
            try:
                return await _ask_once(client, model)
            except (openai.APIStatusError, openai.APIConnectionError) as error:
                waiting = isinstance(error, openai.APIConnectionError) or error.status_code in {502, 503}
                if not waiting or time.monotonic() > deadline:
                    raise PermanentError("demo_failed", f"the gateway said: {error}") from error
            await asyncio.sleep(POLL_S)


async def _ask_once(client: object, model: str) -> tuple[str, int, dict[str, int]]:
    from openai import AsyncOpenAI

    if not isinstance(client, AsyncOpenAI):
        raise TypeError("an AsyncOpenAI is needed")
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": QUESTION}],
        temperature=0,
        max_tokens=MAX_TOKENS,
        stream=True,
        stream_options={"include_usage": True},
    )
    pieces, usage = [], {}
    async for chunk in stream:
        pieces += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        if chunk.usage is not None:
            usage = {"in": chunk.usage.prompt_tokens, "out": chunk.usage.completion_tokens}
    return "".join(pieces), len(pieces), usage


async def wait_for_settlement(network: MarketNetwork, ledger: Ledger) -> tuple[str, ...]:
    """Wait until the chain has paid every voucher that the gateway signed; what is left of them after a while.

    A chain that was just killed may be starting; answers come without it.
    """
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    left: tuple[str, ...] = ("the chain did not answer",)
    while True:
        network.check_running()
        with suppress(TransientError):
            left = await find_unsettled(network, ledger)
        if not left or time.monotonic() > deadline:
            return left
        await asyncio.sleep(POLL_S)


async def find_unsettled(network: MarketNetwork, ledger: Ledger) -> tuple[str, ...]:
    """Vouchers that the gateway signed and the chain has not paid to the last token, in words."""
    from wire.gonka.inference.v1.query_pb2 import QueryEscrowsRequest, QueryEscrowsResponse

    request = QueryEscrowsRequest(developer=network.developer.address)
    answer = await ledger.query("/gonka.inference.v1.Query/Escrows", request, QueryEscrowsResponse)
    paid = {
        (escrow.escrow_id, reserve.host): (reserve.tokens_in, reserve.tokens_out, reserve.serial)
        for escrow in answer.escrows
        for reserve in escrow.reserves
    }
    left = []
    for escrow_id, host, signed_in, signed_out, serial in read_pairs(network.gateway_home):
        found = paid.get((escrow_id, host))
        if serial and found != (signed_in, signed_out, serial):
            left.append(f"escrow {escrow_id}, {host}: signed {signed_in}+{signed_out}, serial {serial}; paid {found}")
    return tuple(left)


def read_pairs(home: Path) -> list[tuple[int, str, int, int, int]]:
    """(escrow, host, signed in, signed out, serial) from the gateway's ledger."""
    with closing(sqlite3.connect(f"file:{home / 'gateway.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT escrow_id, host, signed_in, signed_out, serial FROM pairs").fetchall()


def list_people(network: MarketNetwork) -> dict[str, str]:
    """The accounts of a market that are people's, by name."""
    people = {"developer": network.developer.address}
    for seller in network.sellers:
        people[seller.member.name] = seller.member.address
        people[f"{seller.member.name} serving"] = seller.serving.address
    return people


def compute_genesis_supply(hosts: int) -> int:
    """What the genesis file of a market holds: the hosts and the developer, each the same."""
    return (hosts + 1) * BALANCE_NGONKA
