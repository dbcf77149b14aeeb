"""What a million tokens cost on this machine, beside published list prices: `python -m benchmarks.token_cost`.

SmolLM2-135M (`make model`) in the embedded engine: prompts alone are timed for tokens read, eight greedy streams for
tokens written.  Electricity is the package's by RAPL where the kernel shows it, else `--watts`, a stated assumption,
times the share of the machine's processor time that this process got.  Nothing else is in the cost: no hardware, no
rent, nobody's work.  List prices are others' figures, with where and when they were read.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inference_engine import MODEL, TEXT, measure_engine

RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")
STREAMS = 8
JOULES_PER_KWH = 3.6e6
LIST_PRICES = (
    ("gpt-4o-mini", 0.15, 0.60, "two third-party pages that name OpenAI's list of May and June 2026"),
    ("gpt-5-mini", 0.25, 2.00, "a third-party page that names OpenAI's list, undated"),
    ("llama-3.2-1b-instruct", 0.0351, 0.2613, "modeldatabase.com, a reseller, undated"),
)
"""USD for 10^6 tokens, read and written; read on 2026-11-23 in stored copies of the pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Tokens in wall seconds, on so many processor seconds; joules where a meter said them."""

    tokens: int
    wall_s: float
    processor_s: float
    joules: float | None


async def measure(work: Callable[[], Awaitable[int]]) -> Work:
    """Do it once and count."""
    joules, wall, processor = read_joules(), time.perf_counter(), read_processor_s(os.getpid())
    tokens = await work()
    after = read_joules()
    return Work(
        tokens=tokens,
        wall_s=time.perf_counter() - wall,
        processor_s=read_processor_s(os.getpid()) - processor,
        joules=after - joules if after is not None and joules is not None else None,
    )


def read_processor_s(pid: int) -> float:
    """Processor seconds of a process and all that it has started and that still run.  Source: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    tasks = Path(f"/proc/{pid}/task").iterdir()
    children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return own + sum(read_processor_s(child) for child in children)


def read_joules() -> float | None:
    """The package's meter; None where the kernel shows none."""
    try:
        return int(RAPL.read_text()) / 1e6
    except (OSError, ValueError):
        return None


def compute_usd(work: Work, watts: float, usd_per_kwh: float) -> float:
    """USD of electricity for 10^6 tokens."""
    joules = work.joules if work.joules is not None else watts * work.processor_s / (os.cpu_count() or 1)
    return joules / work.tokens * 1e6 / JOULES_PER_KWH * usd_per_kwh


async def run(watts: float, usd_per_kwh: float, tokens: int) -> None:
    """Print the figures."""
    import torch

    from sidecar.inference.embedded import EmbeddedEngine
    from sidecar.inference.engine import EngineSpec
    from sidecar.inference.manifest import read_manifest
    from sidecar.inference.rendering import Tokenizer

    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    prompt = Tokenizer.open(MODEL).encode(TEXT * 32)
    spec = EngineSpec(folder=MODEL, manifest=read_manifest(MODEL), device="cpu", threads=threads, max_requests=16)
    engine = EmbeddedEngine(spec, lambda: None)
    await engine.open()
    listening = asyncio.create_task(engine.run())

    async def read() -> int:
        for key in range(1, 5):
            await measure_engine(engine, [key + 50, *prompt], 1, range(key, key + 1))
        return 4 * (len(prompt) + 2)

    async def write() -> int:
        await measure_engine(engine, prompt[:16], tokens, range(101, 101 + STREAMS))
        return STREAMS * tokens

    await read()
    meter = "RAPL" if read_joules() is not None else f"no meter here: {watts:.0f} W for the whole machine is assumed"
    print(f"{threads} threads, load {os.getloadavg()[0]:.1f}; {meter}; {usd_per_kwh} USD a kWh")
    for name, work in (("read", await measure(read)), (f"written, {STREAMS} streams", await measure(write))):
        share = work.processor_s / work.wall_s / threads
        alone = work.tokens / work.processor_s * threads
        print(
            f"{name:20} {work.tokens / work.wall_s:8.1f} tokens/s here, with {share:.0%} of the machine; "
            f"{alone:8.1f} with all of it  {compute_usd(work, watts, usd_per_kwh):.4f} USD for 10^6"
        )
    print("list prices, USD for 10^6 tokens read, written:")
    for name, usd_in, usd_out, source in LIST_PRICES:
        print(f"  {name:24} {usd_in:7.4f} {usd_out:7.4f}  {source}")
    await engine.close()
    await listening


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--watts", type=float, default=40.0, help="of the machine, where no meter tells")
    parser.add_argument("--usd-per-kwh", type=float, default=0.15, help="the tariff")
    parser.add_argument("--tokens", type=int, default=48, help="of each answer")
    given = parser.parse_args()
    if not MODEL.is_dir():
        print("no model here: `make model` first")
        return
    asyncio.run(run(given.watts, given.usd_per_kwh, given.tokens))


if __name__ == "__main__":
    main()
