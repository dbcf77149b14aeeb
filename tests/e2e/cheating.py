"""A market in which one host computes with other weights than the chain's model has: who plays, who buys, what is seen.

`python -m tests.e2e.cheating --runs int8 --epochs 6` lets a market run for so many settled epochs and prints what they
came to; whether that is as it should be is asked in test_cheating_host.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp
import openai

from chain_client.ledger import Ledger
from commands.demo.watch import Watch
from commands.inference.market import STAKE_NGONKA, MarketNetwork, open_market
from commands.inference.show import GNK_USD, PRICE_IN_USD, PRICE_OUT_USD
from commands.ports import find_free_port
from detection.prompts import list_prompts
from rules.params import THRESHOLDS
from rules.presets import LOCAL
from rules.types import Phase
from sidecar.inference.importing import get_model

Say = Callable[[str], None]
ROOT: Final = Path(__file__).resolve().parents[2]
MODEL: Final = "smollm2-135m-instruct"
RUNS: Final = ("fp32", "bf16", "fp32")
"""What the honest hosts compute in: as CPUs do, and as cards do."""
PARAMS: Final = replace(
    LOCAL,
    sprint=replace(
        LOCAL.sprint,
        genesis_blocks=60,
        sprint_blocks=20,
        claim_blocks=6,
        reveal_blocks=32,
        rows_commit_blocks=32,
        rows_reveal_blocks=8,
        dispute_commit_blocks=32,
        dispute_reveal_blocks=8,
        serve_blocks=12,
        profile="tiny",
        threshold=THRESHOLDS["tiny"],
        samples=64,
    ),
    stake=replace(LOCAL.stake, base_ratio_ppm=0, stake_per_unit_ngonka=STAKE_NGONKA // 400),
)
"""LOCAL with a Sprint that costs little and 52 s to verify answers in; what is asked of answers is MAINNET's.

Only units that stake backs count, 400 of each host: all weigh the same, whatever their sidecars find time to prove.
"""
ASK_EVERY_S: Final = 8.0
MAX_TOKENS: Final = 32
SETTINGS: Final[tuple[dict[str, float], ...]] = ({}, {"temperature": 0.7, "top_p": 0.95}, {"temperature": 0})
"""OpenAI's default, what is widely recommended, and greedy."""
ANSWER_TIMEOUT_S: Final = 300
EPOCH_TIMEOUT_S: Final = 900


@dataclass(slots=True, kw_only=True)
class Buyer:
    """An application with a key of its own, that asks one thing after the other; `first` is its first question."""

    url: str
    key: str
    first: int
    answers: int = 0
    tokens: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    stopping: bool = False

    async def run(self) -> None:
        """Ask until told to stop."""
        prompts = list_prompts()
        client = openai.AsyncOpenAI(
            base_url=f"{self.url}/v1", api_key=self.key, timeout=ANSWER_TIMEOUT_S, max_retries=0
        )
        async with client:
            for number in count():
                if self.stopping:
                    return
                next_s = time.monotonic() + ASK_EVERY_S
                question = prompts[(self.first + number) % len(prompts)]
                await self._ask(client, question, SETTINGS[number % len(SETTINGS)])
                await asyncio.sleep(max(0.0, next_s - time.monotonic()))

    async def _ask(self, client: openai.AsyncOpenAI, question: str, setting: dict[str, Any]) -> None:
        try:
            answer = await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": question}], max_tokens=MAX_TOKENS, **setting
            )
        except openai.APIStatusError as error:
            self.refusals[str(error.status_code)] += 1
        except openai.APIConnectionError as error:
            self.refusals[type(error).__name__] += 1
        else:
            self.answers += 1
            self.tokens += answer.usage.completion_tokens if answer.usage else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A running market: what each host computes in, by name, the cheat's last; the buyers; where the RPC listens."""

    network: MarketNetwork
    ledger: Ledger
    watch: Watch
    buyers: tuple[Buyer, ...]
    asking: tuple[asyncio.Task[None], ...]
    runs: dict[str, str]
    rpc: str

    @property
    def cheat(self) -> str:
        """The bech32 account of the host with other weights."""
        return self.network.sellers[-1].member.address

    @property
    def addresses(self) -> dict[str, str]:
        """Accounts by name."""
        return {seller.member.name: seller.member.address for seller in self.network.sellers}

    async def stop_asking(self) -> None:
        """Every question that was asked has its answer."""
        for buyer in self.buyers:
            buyer.stopping = True
        await asyncio.gather(*self.asking)


@asynccontextmanager
async def open_trial(directory: Path, models: Path, cheat: str) -> AsyncIterator[Trial]:
    """A market of three honest hosts and one that is altered as `cheat` says, with buyers that ask."""
    runs = (*RUNS, cheat)
    network = MarketNetwork(directory, models, get_model(models, MODEL), hosts=len(runs), params=PARAMS)
    rpc = f"127.0.0.1:{find_free_port()}"
    network.chain.words += ("--rpc", rpc)
    for sidecar, kind in zip(network.sidecars, runs, strict=True):
        if kind != "fp32":
            sidecar.module, sidecar.words = "tests.e2e.altered_sidecar", (kind, *sidecar.words)
    for server in network.servers:
        server.words += ("--log-format", "json")
    async with open_market(network) as ledger, asyncio.TaskGroup() as group:
        buyers = tuple(
            Buyer(url=network.url, key=key, first=300 * place) for place, key in enumerate(_open_shop(network))
        )
        asking = tuple([group.create_task(buyer.run()) for buyer in buyers])
        names = [seller.member.name for seller in network.sellers]
        yield Trial(
            network=network,
            ledger=ledger,
            watch=Watch(ledger),
            buyers=buyers,
            asking=asking,
            runs=dict(zip(names, runs, strict=True)),
            rpc=f"http://{rpc}",
        )
        for task in asking:
            task.cancel()


def _open_shop(network: MarketNetwork) -> list[str]:
    """Three customers whose keys reach all hosts by three policies, so that the gateway keeps three escrows."""
    network.operate("price", "set", MODEL, PRICE_IN_USD, PRICE_OUT_USD)
    network.operate("price", "gnk-usd", GNK_USD)
    everybody = [word for seller in network.sellers for word in ("--host", seller.member.address)]
    policies = {"acme": (), "globex": ("--region", "DE", "--region", "FR"), "initech": everybody}
    keys = []
    for customer, words in policies.items():
        network.operate("credit", customer, "5")
        keys.append(str(json.loads(network.operate("key", "create", customer, *words))["key"]))
    return keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One host after one SETTLE, as `gnk host conduct` tells it: the lots that were judged, and what it stands at.

    `units` are effective ones, from this SETTLE on.
    """

    name: str
    runs: str
    units: int
    lots: tuple[dict[str, Any], ...]
    reports: tuple[dict[str, Any], ...]
    bet: float
    reputation: int
    verdict_epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What an epoch came to, once it is settled: its hosts, what the chain said of answers, buyers' totals so far."""

    epoch: int
    lines: tuple[Line, ...]
    events: tuple[dict[str, str], ...]
    answers: int
    tokens: int

    def list_events(self, kind: str) -> list[dict[str, str]]:
        """The events of one kind."""
        return [event for event in self.events if event["type"] == kind]


async def read_sheets(trial: Trial) -> AsyncIterator[Sheet]:
    """A sheet after each SETTLE, for ever, from the running epoch on."""
    epoch, height = (await trial.watch.epoch()).epoch, 1
    while True:
        status = await trial.watch.until(
            lambda s, e=epoch: s.epoch > e or (s.epoch == e and s.phase >= Phase.SERVE),
            timeout_s=EPOCH_TIMEOUT_S,
            guard=trial.network.check_running,
        )
        if status.epoch > epoch:  # the machine was too busy to look in time
            epoch = status.epoch
            continue
        lines = await asyncio.gather(*(_read_line(trial, name) for name in trial.runs))
        last = (await trial.ledger.latest()).height
        yield Sheet(
            epoch=epoch,
            lines=tuple(lines),
            events=tuple(await _read_events(trial.rpc, height, last)),
            answers=sum(buyer.answers for buyer in trial.buyers),
            tokens=sum(buyer.tokens for buyer in trial.buyers),
        )
        epoch, height = epoch + 1, last + 1


async def _read_line(trial: Trial, name: str) -> Line:
    home = trial.network.directory / name
    words = ("-m", "cli", "host", "conduct", trial.addresses[name], "--home", str(home), "--json")
    process = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0, f"gnk host conduct ended with {process.returncode}"
    told = json.loads(out)
    standing = told["models"][0] if told["models"] else {"bet": "0", "reputation": 0, "verdict_epoch": None}
    return Line(
        name=name,
        runs=trial.runs[name],
        units=int((await trial.watch.host(trial.addresses[name])).entry.effective_units),
        lots=tuple(told["lots"]),
        reports=tuple(told["reports"]),
        bet=float(standing["bet"]),
        reputation=standing["reputation"],
        verdict_epoch=standing["verdict_epoch"],
    )


async def _read_events(rpc: str, first: int, last: int) -> list[dict[str, str]]:
    """What blocks tell at their end, attributes by name and `type` beside them."""
    found = []
    async with aiohttp.ClientSession() as session:
        for height in range(first, last + 1):
            async with session.get(f"{rpc}/block_results", params={"height": str(height)}) as response:
                result = (await response.json())["result"]
            for event in result["finalize_block_events"] or ():
                attributes = {one["key"]: one["value"] for one in event["attributes"]}
                found.append(attributes | {"type": event["type"].rpartition(".")[2], "height": str(height)})
    return found


def render_sheet(sheet: Sheet, addresses: dict[str, str]) -> str:
    """A table for people."""
    names = {address: name for name, address in addresses.items()}
    rows = [
        f"epoch {sheet.epoch}: {sheet.answers} answers so far, {sheet.tokens} tokens",
        "  host    runs    units  opened  reported         distances, ppm               bet  reputation",
        *map(_render_line, sheet.lines),
    ]
    cheat = sheet.lines[-1].name
    said = [r for line in sheet.lines for r in line.reports if names[r["verifier"]] == cheat and r["distance_ppm"]]
    if said:
        worst = median(report["distance_ppm"] for report in said)
        rows.append(f"  {cheat} as a verifier reports {worst:,.0f} ppm of honest lots (median of {len(said)})")
    rows += [
        f"  VERDICT at height {event['height']}: {names[event['host']]} did not run the model"
        for event in sheet.list_events("answers_condemned")
    ]
    rows += [
        f"  {names[event['host']]} loses {event['amount_ngonka']} ngonka of stake: {event['cause']}"
        for event in sheet.list_events("slashed")
    ]
    return "\n".join(rows)


def _render_line(line: Line) -> str:
    opened = sum(lot["opened"] for lot in line.lots)
    reported = " ".join(lot["reported"] for lot in line.lots) or "-"
    distances = " ".join(f"{lot['distance_ppm'] or 0:,}" for lot in line.lots) or "-"
    standing = f"{line.bet:9,.3g}  {line.reputation:10}"
    return f"  {line.name:7} {line.runs:5} {line.units:7}  {opened:6}  {reported:15}  {distances:24} {standing}"


def describe_checking(trial: Trial) -> str:
    """What verifiers found and how long it took them, from the logs of serving processes."""
    events = {name: _read_log(trial.network.directory / name / "serving.log") for name in trial.runs}
    scored = [event for found in events.values() for event in found if event["event"] == "lot_checked"]
    late = sum(event["event"] == "lot_not_checked_in_time" for found in events.values() for event in found)
    if not scored:
        return "no lot was scored"
    spent = sorted(event["ms"] / 1000 for event in scored)
    tokens = sum(event["tokens"] for event in scored)
    times = f"{median(spent):.1f} s a lot (median), {spent[-1]:.1f} s at most"
    each = f"{1000 * sum(spent) / max(1, tokens):.0f} ms a token"
    rows = [f"{len(scored)} lots scored, {tokens} tokens; {times}, {each}; {late} not in time"]
    names = {address: name for name, address in trial.addresses.items()}
    found = defaultdict(list)
    for verifier, told in events.items():
        for event in told:
            if event["event"] == "lot_checked":
                found[trial.runs[verifier], trial.runs[names[event["host"]]]].append(event["ppm"])
    rows += [
        f"  {verifier} verifiers of {host} answers: {len(ppm)} reports, {sum(ppm) / len(ppm):,.0f} ppm on average, "
        f"{min(ppm):,} to {max(ppm):,}"
        for (verifier, host), ppm in sorted(found.items())
    ]
    return "\n".join(rows)


def _read_log(path: Path) -> list[dict[str, Any]]:
    """The events of a log in JSON; what else a process printed is passed over."""
    lines = path.read_text(errors="replace").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def _watch_market(directory: Path, cheat: str, epochs: int, say: Say) -> None:
    async with open_trial(directory, ROOT / ".models", cheat) as trial:
        async for sheet in read_sheets(trial):
            say(render_sheet(sheet, trial.addresses))
            epochs -= any(line.lots for line in sheet.lines)
            if not epochs:
                break
        say(describe_checking(trial))
        say(f"refusals: {[dict(buyer.refusals) for buyer in trial.buyers]}")


def main() -> None:
    """Run a market and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", default="int4", help="what the last host computes with: int4, int8, half, bf16")
    parser.add_argument("--epochs", type=int, default=6, help="epochs with judged lots")
    given = parser.parse_args()
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="gnk-cheat-"))
    print(f"homes and logs in {directory}")

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {line}", flush=True)

    asyncio.run(_watch_market(directory, given.runs, given.epochs, say))


if __name__ == "__main__":
    main()
