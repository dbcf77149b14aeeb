"""What a gateway's exact count of a prompt adds to a request: `python -m benchmarks.prompt_count --models .models`.

A stub host, a gateway with a real ledger, and the client that measures are one process on loopback; the sidecar that
only renders is another.  Requests whose prompts are counted take turns with requests whose prompts are held by bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from chain_client.errors import TransientError
from chain_client.inference_stub import InferenceStub
from gateway.counting import compute_bounds
from sidecar.inference.manifest import find_models
from tests.gateway.shop import CONTEXT, Shop, ask, open_shop
from wire.openai.requests import ChatRequest

WARM_UP = 20
START_S = 60
WORDS = (1, 100, 1000, 3000)
SENTENCE = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "and", "runs", "away"]


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="a folder of models, as of `gnk model import`")
    parser.add_argument("--requests", type=int, default=200, help="of each kind, one after another")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    model = find_models(arguments.models)[0]
    with tempfile.TemporaryDirectory() as folder, run_renderer(Path(folder), arguments.models, model.name) as target:
        hashes = (model.content_hash, model.tokenizer_hash)
        asyncio.run(measure(Path(folder) / "gateway", target, hashes, arguments.requests))


async def measure(home: Path, target: str, hashes: tuple[bytes, bytes], count: int) -> None:
    """Every length of prompt."""
    began = time.perf_counter()
    async with InferenceStub.open(target) as stub:
        while True:
            try:
                (loaded,) = await stub.models()
                break
            except TransientError:  # it is not there yet
                if time.perf_counter() - began > START_S:
                    raise
                await asyncio.sleep(0.02)
    print(f"{loaded.name}: the sidecar answered {time.perf_counter() - began:.2f} s after its start")
    async with open_shop(home, renderer=target, hashes=hashes, usd=1000) as shop:
        for words in WORDS:
            await measure_length(shop, words, count)


async def measure_length(shop: Shop, words: int, count: int) -> None:
    """Requests in turns, for the whole answer; and the bounds."""
    text = " ".join(SENTENCE[place % len(SENTENCE)] for place in range(words))
    counter = shop.desk.counter
    found: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * (WARM_UP + count)):
        is_counted = bool(turn % 2)
        shop.desk.counter = counter if is_counted else None
        began = time.perf_counter()
        status, told, _ = await shop.chat(text, max_tokens=8)
        if status != 200:
            raise RuntimeError(str(told))
        if turn >= 2 * WARM_UP:
            found[is_counted].append(time.perf_counter() - began)
    shop.desk.counter = counter
    assert counter is not None
    assert shop.desk.market is not None
    request = ChatRequest.model_validate(ask(text, max_tokens=8))
    exact = await counter.count(request, shop.desk.market.models[request.model])
    bytes_bound = compute_bounds(request, CONTEXT).most_in
    by_bytes, counted = found[False], found[True]
    print(f"{words} words: exactly {exact} tokens, at most {bytes_bound} by bytes (context {CONTEXT})")
    print(f"  by bytes {describe(by_bytes)}  counted {describe(counted)} ms: 10th percentile, median, 95th", end="; ")
    print(f"added at the median {1e3 * (statistics.median(counted) - statistics.median(by_bytes)):.2f}")


@contextmanager
def run_renderer(home: Path, models: Path, name: str) -> Iterator[str]:
    """The sidecar's address; it ends with the block."""
    words = ["sidecar", "start", "--render-only", "--home", str(home), "--models", str(models), "--model", name]
    with subprocess.Popen([sys.executable, "-m", "cli", *words], stdout=subprocess.DEVNULL) as child:
        try:
            yield f"unix:{home / 'renderer.sock'}"
        finally:
            child.terminate()


def describe(seconds: list[float]) -> str:
    """10th percentile, median and 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    picked = (ordered[len(ordered) // 10], statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))])
    return " ".join(f"{1e3 * value:.2f}" for value in picked)


if __name__ == "__main__":
    main()
