"""Inference bought and sold by real processes: to the last ngonka, and whoever is killed."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom

import aiohttp
import pytest

from chain_client.ledger import Ledger
from commands.demo.watch import Watch
from commands.homes import BALANCE_NGONKA
from commands.inference.books import find_gaps, read_books
from commands.inference.market import MarketNetwork, run_market
from commands.inference.show import compute_genesis_supply, list_people, open_shop, wait_for_settlement
from commands.processes import Child
from gateway.store import Store
from sidecar.inference.importing import get_model
from tests.gateway.shop import check_pairs
from tests.sidecar.inference.tiny import make_tiny_model

Say = Callable[[str], None]
ROOT = Path(__file__).resolve().parents[2]
MODEL = "smollm2-135m-instruct"
KILLS = int(os.environ.get("GNK_E2E_KILLS", "20")) // 2
SEED = int(os.environ.get("GNK_E2E_SEED") or SystemRandom().getrandbits(32))
CUSTOMERS = 4
GAP_S = (1.5, 5.0)
QUIET_TIMEOUT_S = 300


@dataclass(slots=True, kw_only=True)
class Asked:
    """One request as its application saw it; `usage` is (in, out) where the answer came to its end."""

    status: int = 0
    request_id: str = ""
    pieces: int = 0
    usage: tuple[int, int] | None = None


@dataclass(slots=True, kw_only=True)
class Crowd:
    """Applications that ask all the time, and take what comes."""

    url: str
    key: str
    model: str
    random: Random
    asked: list[Asked] = field(default_factory=list)
    stopping: bool = False

    async def run(self) -> None:
        """Ask until told to stop; every request ends by itself, or with its gateway."""
        connector = aiohttp.TCPConnector(force_close=True)
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await asyncio.gather(*(self._ask_on(session) for _ in range(CUSTOMERS)))

    async def _ask_on(self, session: aiohttp.ClientSession) -> None:
        while not self.stopping:
            asked = Asked()
            self.asked.append(asked)
            try:
                await self._ask(session, asked)
            except (aiohttp.ClientError, TimeoutError, ConnectionError):
                await asyncio.sleep(0.3)

    async def _ask(self, session: aiohttp.ClientSession, asked: Asked) -> None:
        text = "tell me more " * self.random.randint(1, 55)
        body = {
            "model": self.model,
            "messages": [{"role": "user", "content": text}],
            "max_tokens": self.random.randint(1, 120),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        headers = {"Authorization": f"Bearer {self.key}"}
        async with session.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as response:
            asked.status, asked.request_id = response.status, response.headers.get("X-Request-Id", "")
            if response.status != 200:
                await asyncio.sleep(0.3)
                return
            usage = None
            async for line in response.content:
                if line.strip() == b"data: [DONE]":
                    asked.usage = usage
                    return
                if line.startswith(b"data: "):
                    event = json.loads(line.removeprefix(b"data: "))
                    asked.pieces += bool(event.get("choices") and event["choices"][0]["delta"].get("content"))
                    if event.get("usage"):
                        usage = (event["usage"]["prompt_tokens"], event["usage"]["completion_tokens"])


@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_an_openai_client_buys_an_answer_and_every_ngonka_is_accounted_for(tmp_path: Path) -> None:
    if not (ROOT / ".models" / MODEL / "manifest.json").exists():
        subprocess.run(["make", "model"], cwd=ROOT, check=True, timeout=600)
    line = [sys.executable, "-m", "cli", "inference-demo", "--dir", str(tmp_path / "demo"), "--json"]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "Paris" in told["answer"]
    assert told["gaps"] == []
    assert told["settled_ngonka"] == told["paid_to_hosts_ngonka"] + told["burned_ngonka"] > 0


@pytest.mark.e2e
@pytest.mark.timeout(900 + 60 * KILLS)
def test_whoever_is_killed_no_voucher_is_lost_none_counted_twice_and_money_is_conserved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True)

    say(f"GNK_E2E_SEED={SEED}, {KILLS} kills, homes and logs in {tmp_path}")
    asyncio.run(sell_and_kill(tmp_path, say))


async def sell_and_kill(directory: Path, say: Say) -> None:
    models = directory / "models"
    manifest = get_model(models, make_tiny_model(models).name)
    random = Random(SEED)
    async with run_market(directory, models, manifest, hosts=2) as (network, ledger):
        key = await open_shop(network, manifest.name)
        crowd = Crowd(url=network.url, key=key, model=manifest.name, random=random)
        asking = asyncio.create_task(crowd.run())
        await until_answered(crowd, 3)
        say("answers come")
        await kill_at_random(network, random, say)
        await until_answered(crowd, count_answered(crowd) + 3)
        crowd.stopping = True
        await asking
        say(describe_crowd(crowd))
        await check_market(network, ledger, crowd, say)


async def kill_at_random(network: MarketNetwork, random: Random, say: Say) -> None:
    """SIGKILL to one process after the other, each started again at once."""
    for number in range(1, KILLS + 1):
        await asyncio.sleep(random.uniform(*GAP_S))
        network.check_running()
        victim: Child = random.choice(network.children)
        await victim.kill()
        await victim.start()
        say(f"kill {number} of {KILLS}: {victim.name}")


async def check_market(network: MarketNetwork, ledger: Ledger, crowd: Crowd, say: Say) -> None:
    """What must hold once all is quiet."""
    assert await wait_for_settlement(network, ledger) == ()
    developer = network.developer.address
    height = await wait_for_epoch(network, ledger)
    books = await read_books(ledger, list_people(network), developer, height=height)
    assert find_gaps(books, compute_genesis_supply(len(network.sellers)), BALANCE_NGONKA, developer) == []
    say(f"{books.flows.settlements} settlements, {books.settled} ngonka, {books.flows.burned} burned; all sums agree")
    network.operate("balance")  # checks the gateway's own sums
    with Store.open(network.gateway_home) as store:
        check_pairs(store)
        assert store.read("SELECT count(*) FROM requests WHERE ended_ms IS NULL") == [(0,)]
        rows = {
            row[0]: row[1:] for row in store.read("SELECT request_id, tokens_in, tokens_out, outcome FROM requests")
        }
        signed = store.read("SELECT sum(signed_in), sum(signed_out) FROM pairs")
    for asked in crowd.asked:
        if asked.usage is not None:
            assert rows[asked.request_id] == (*asked.usage, "done"), asked
    checked, missing = await wait_for_receipts(network)
    assert missing == 0
    say(f"{checked} receipts asked for, all of them where they belong")
    say(f"{len(rows)} requests in the ledger, outcomes {Counter(row[2] for row in rows.values())}, signed {signed}")


async def wait_for_receipts(network: MarketNetwork) -> tuple[int, int]:
    """Receipts that the gateway asked for and found, once it found some; and those that it did not find."""
    async with asyncio.timeout(QUIET_TIMEOUT_S):
        while True:
            network.check_running()
            tallies = json.loads(network.operate("receipts"))
            checked, missing = (sum(tally[word] for tally in tallies) for word in ("checked", "missing"))
            if checked or missing:
                return checked, missing
            await asyncio.sleep(1)


async def wait_for_epoch(network: MarketNetwork, ledger: Ledger) -> int:
    """The first height of the next epoch: what burned in those before is in their summaries."""
    watch = Watch(ledger)
    now = (await watch.epoch()).epoch
    status = await watch.until(
        lambda s: s.epoch > now and s.height >= s.first_height, timeout_s=QUIET_TIMEOUT_S, guard=network.check_running
    )
    return int(status.first_height)


async def until_answered(crowd: Crowd, count: int) -> None:
    async with asyncio.timeout(QUIET_TIMEOUT_S):
        while count_answered(crowd) < count:  # noqa: ASYNC110  # the crowd's own list
            await asyncio.sleep(0.2)


def count_answered(crowd: Crowd) -> int:
    return sum(asked.usage is not None for asked in crowd.asked)


def describe_crowd(crowd: Crowd) -> str:
    """How it went for the applications."""
    statuses = Counter(asked.status for asked in crowd.asked)
    broken = sum(asked.status == 200 and asked.usage is None for asked in crowd.asked)
    return f"{count_answered(crowd)} answered whole, {broken} broken off, statuses {dict(statuses)}"
