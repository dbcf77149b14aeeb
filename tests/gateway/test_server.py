"""The gateway's process from beginning to end, over a real chain."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from chain_client.cosmos import CosmosLedger
from chain_client.errors import ClientError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from commands.ports import find_free_port
from gateway.config import read_config
from gateway.keeper import Purse
from gateway.server import Surroundings, serve
from tests.chain.api.running import run_chain
from tests.chain.ledger import CHAIN_ID, DAN
from wire.notify import ServiceManager

LONGEST_S = 60


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[str]:
    with run_chain(tmp_path / "chain") as target:
        yield target


@asynccontextmanager
async def running(home: Path, target: str, *, chain_id: str = CHAIN_ID, **flags: str) -> AsyncIterator[str]:
    """The URL of a gateway that serves until the block ends."""
    home.mkdir(exist_ok=True)  # noqa: ASYNC240  # takes no time
    stop, url = asyncio.Event(), asyncio.get_running_loop().create_future()
    async with CosmosLedger.open(target) as ledger:
        around = Surroundings(
            ledger=ledger,
            chain_id=chain_id,
            purse=Purse(signer=SigningKey(Secret(DAN.secret)), home=home, deposit_ngonka=10**9),
            manager=ServiceManager(),
            version="0",
        )
        config = read_config({"listen": "127.0.0.1:0", **flags}, {}, home)
        task = asyncio.create_task(serve(config, around, stop=stop, ready=url.set_result))
        await asyncio.wait({task, url}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        try:
            yield url.result()
        finally:
            stop.set()
            await task


async def open_and_close(home: Path, target: str, *, chain_id: str = CHAIN_ID, **flags: str) -> None:
    async with running(home, target, chain_id=chain_id, **flags):
        pass


async def fetch(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


def test_serve__a_chain_that_answers__is_healthy_counts_and_stops_when_told(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        port = find_free_port()
        async with (
            asyncio.timeout(LONGEST_S),
            running(tmp_path / "g", chain, metrics_port=str(port), renderer=f"unix:{tmp_path / 'nobody.sock'}") as url,
        ):
            while (await fetch(f"{url}/healthz"))[0] != 200:  # noqa: ASYNC110  # over HTTP
                await asyncio.sleep(0.05)
            assert (await fetch(f"{url}/v1/models"))[0] == 401
            status, text = await fetch(f"http://127.0.0.1:{port}/metrics")
            assert status == 200
            assert 'gonka_gateway_answers_total{status="401"} 1.0' in text
            assert "gonka_gateway_requests_running 0.0" in text
            assert 'gonka_gateway_receipts_total{outcome="shown"} 0.0' in text
            assert 'gonka_gateway_prompts_total{held="by_bytes"} 0.0' in text

    asyncio.run(run())


def test_serve__a_second_gateway_in_one_home__is_refused(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST_S), running(tmp_path / "g", chain):
            with pytest.raises(ClientError) as caught:
                await open_and_close(tmp_path / "g", chain)
            assert caught.value.code == "home_locked"

    asyncio.run(run())


def test_serve__a_ledger_of_another_chain__is_refused(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST_S):
            async with running(tmp_path / "g", chain):
                pass
            with pytest.raises(ClientError) as caught:
                await open_and_close(tmp_path / "g", chain, chain_id="other-1")
        assert caught.value.code == "journal_foreign"

    asyncio.run(run())


def test_serve__the_chain_is_another__the_process_ends_with_a_code(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        async with asyncio.timeout(LONGEST_S):
            with pytest.raises(ClientError) as caught:
                await run_until_it_ends(tmp_path / "g", chain)
            assert caught.value.code == "chain_id_mismatch"

    asyncio.run(run())


async def run_until_it_ends(home: Path, target: str) -> None:
    """A gateway for a chain that is not there, never told to stop."""
    home.mkdir()  # noqa: ASYNC240  # takes no time
    async with CosmosLedger.open(target) as ledger:
        purse = Purse(signer=SigningKey(Secret(DAN.secret)), home=home, deposit_ngonka=10**9)
        around = Surroundings(ledger=ledger, chain_id="other-1", purse=purse, manager=ServiceManager(), version="0")
        config = read_config({"listen": "127.0.0.1:0"}, {}, home)
        await serve(config, around, stop=asyncio.Event(), ready=lambda _: None)


def test_serve__a_port_that_is_taken__is_refused(tmp_path: Path, chain: str) -> None:
    async def run() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = f"127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(ClientError) as caught:
                async with asyncio.timeout(LONGEST_S):
                    await open_and_close(tmp_path / "g", chain, listen=listen)
        assert caught.value.code == "listen_failed"

    asyncio.run(run())
