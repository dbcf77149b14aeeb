"""What holding an answer by its tokens adds to it, and how honest answers are spelled.

    python -m benchmarks.answer_count --models .models             what it adds, through a gateway
    python -m benchmarks.answer_count --models .models --spelled   tokens of sampled answers beside the fewest

The first: a stub host that writes and tells as a host does, a gateway with a real ledger, and the client that measures
are one process on loopback; the sidecar that only renders is another.  Answers whose tokens are told take turns with
answers held by bytes; prompts are counted in both.  The second generates answers in a sidecar with the whole model.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from benchmarks.prompt_count import SENTENCE, describe, run_renderer
from chain_client.errors import TransientError
from chain_client.inference_stub import InferenceStub
from gateway.spelling import FewestTokens, Vocabulary
from gateway.vocabularies import read_vocabulary
from sidecar.inference.manifest import find_models
from tests.gateway.shop import Shop, open_shop
from tests.gateway.stub_host import Habits
from wire.gonka.sidecar.v1 import inference_pb2 as pb

WARM_UP = 10
START_S = 60.0
LENGTHS = (50, 200, 1000)
QUESTIONS = (
    "Write a story about a fox.",
    "Explain how photosynthesis works.",
    "Write a Python function that sorts a list, with comments.",
    "Liste dix villes de France avec une phrase chacune.",
    "What is 2+2? Show many sums.",
    "Write a poem with many emoji.",
    "Describe a JSON schema for a person.",
    "Tell me about the history of Rome.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """An answer's tokens that a text shows, the fewest that spell it, and those that no text shows."""

    shown: int
    fewest: int
    hidden: int


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, required=True, help="a folder of models, as of `gnk model import`")
    parser.add_argument("--requests", type=int, default=100, help="of each kind and length, one after another")
    parser.add_argument("--tokens", type=int, default=200, help="of each sampled answer, at most")
    parser.add_argument("--spelled", action="store_true", help="sample answers instead; needs the weights")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    model = find_models(arguments.models)[0]
    if arguments.spelled:
        with tempfile.TemporaryDirectory() as folder, run_sidecar(Path(folder), arguments.models, model.name) as target:
            asyncio.run(sample(target, arguments.tokens))
        return
    with tempfile.TemporaryDirectory() as folder, run_renderer(Path(folder), arguments.models, model.name) as target:
        hashes = (model.content_hash, model.tokenizer_hash)
        asyncio.run(measure(Path(folder) / "gateway", target, hashes, arguments.requests))


# ---- what it adds --------------------------------------------------------------------------------------------------


async def measure(home: Path, target: str, hashes: tuple[bytes, bytes], count: int) -> None:
    """Every length of answer."""
    async with InferenceStub.open(target) as stub:
        loaded = await wait_for_model(stub)
        began = time.perf_counter()
        vocabulary = await read_vocabulary(stub, loaded)
        print(f"{loaded.name}: {len(vocabulary.texts)} tokens read in {time.perf_counter() - began:.2f} s, once")
        draw_evenly(vocabulary)
        chat = json.dumps({"messages": [{"role": "user", "content": "Hi"}]})
        prompt = await stub.render(pb.RenderRequest(content_hash=loaded.content_hash, chat=chat))
    for length in LENGTHS:
        habits = Habits(
            words=length,
            note_each=1,
            prompt_tokens=len(prompt),
            prompt=prompt,
            writes=lambda place: f" {SENTENCE[place % len(SENTENCE)]}",
            spells=build_speller(vocabulary),
        )
        async with open_shop(home / str(length), [habits], renderer=target, hashes=hashes, usd=1000) as shop:
            await measure_length(shop, length, count)


def build_speller(vocabulary: Vocabulary) -> Callable[[str], list[int]]:
    """Words that are one token each."""
    found = {text: token for token, text in enumerate(vocabulary.texts)}
    return lambda word: [found[word.encode()]]


async def measure_length(shop: Shop, length: int, count: int) -> None:
    """Answers of one length, in turns."""
    (host,) = shop.hosts
    found: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * (WARM_UP + count)):
        host.habits.tells = bool(turn % 2)
        began = time.perf_counter()
        status, told, _ = await shop.chat("Hi", max_tokens=length)
        if status != 200:
            raise RuntimeError(str(told))
        if turn >= 2 * WARM_UP:
            found[host.habits.tells].append(time.perf_counter() - began)
    by_bytes, by_tokens = found[False], found[True]
    added = statistics.median(by_tokens) - statistics.median(by_bytes)
    print(
        f"{length} tokens: by bytes {describe(by_bytes)}  told {describe(by_tokens)} ms: 10th percentile, median, 95th"
    )
    print(f"  added at the median {1e3 * added:.2f} ms, {1e6 * added / length:.1f} us a token")


# ---- how answers are spelled ---------------------------------------------------------------------------------------


async def sample(target: str, most: int) -> None:
    """Answers to QUESTIONS, together, under each sampling."""
    async with InferenceStub.open(target) as stub:
        model = await wait_for_model(stub)
        vocabulary = await read_vocabulary(stub, model)
        chats = [json.dumps({"messages": [{"role": "user", "content": text}]}) for text in QUESTIONS]
        hashes = model.content_hash
        prompts = [await stub.render(pb.RenderRequest(content_hash=hashes, chat=chat)) for chat in chats]
        for milli, penalty in [(0, 0), (700, 0), (1000, 0), (1500, 0), (2000, 0), (1000, 2000)]:
            found = await asyncio.gather(
                *(
                    spell_answer(
                        stub,
                        vocabulary,
                        pb.GenerateRequest(
                            request_id=f"{milli}-{penalty}-{place}",
                            content_hash=hashes,
                            prompt=prompt,
                            sampling=pb.Sampling(
                                temperature_milli=milli,
                                frequency_penalty_milli=penalty,
                                seed=hashlib.sha256(f"{milli} {penalty} {place}".encode()).digest(),
                            ),
                            max_tokens=most,
                            allowance_tokens=1 << 40,
                        ),
                    )
                    for place, prompt in enumerate(prompts)
                )
            )
            shown, fewest = (sum(getattr(one, name) for one in found) for name in ("shown", "fewest"))
            worst = max(one.shown / one.fewest for one in found)
            over, hidden = max(one.shown - one.fewest for one in found), max(one.hidden for one in found)
            print(f"temperature {milli / 1000}, frequency penalty {penalty / 1000}: {shown} tokens, {fewest} fewest")
            print(f"  {shown / fewest:.4f} of all, {worst:.4f} and {over} more at worst; {hidden} hidden", flush=True)


def draw_evenly(vocabulary: Vocabulary) -> None:
    """100 texts of 500 tokens, every token that shows something equally likely: a temperature without end."""
    draw = random.Random(1)
    shown = [token for token, text in enumerate(vocabulary.texts) if text]
    found = [spell(vocabulary, draw.choices(shown, k=500)) for _ in range(100)]
    worst, all_fewest = max(one.shown / one.fewest for one in found), sum(one.fewest for one in found)
    print(f"drawn evenly: {500 * 100 / all_fewest:.4f} of the fewest, {worst:.4f} at worst")


async def spell_answer(stub: InferenceStub, vocabulary: Vocabulary, request: pb.GenerateRequest) -> Spelled:
    """One answer."""
    return spell(vocabulary, [token.token async for chunk in stub.generate(request) for token in chunk.tokens])


def spell(vocabulary: Vocabulary, tokens: Sequence[int]) -> Spelled:
    """Tokens beside the fewest for their text."""
    texts = [vocabulary.texts[token] for token in tokens]
    counted = FewestTokens(vocabulary)
    counted.add(b"".join(texts))
    shown, ends = sum(map(bool, texts)), sum(token in vocabulary.ends for token in tokens)
    return Spelled(shown=shown, fewest=max(1, counted.total), hidden=len(tokens) - shown - ends)


@contextmanager
def run_sidecar(home: Path, models: Path, name: str) -> Iterator[str]:
    """A sidecar that generates on the CPU; its address."""
    words = ["sidecar", "start", "--home", str(home), "--models", str(models), "--model", name, "--devices", "cpu"]
    with subprocess.Popen([sys.executable, "-m", "cli", *words], stdout=subprocess.DEVNULL) as child:
        try:
            yield f"unix:{home / 'sidecar.sock'}"
        finally:
            child.terminate()


async def wait_for_model(stub: InferenceStub) -> pb.LoadedModel:
    """The sidecar's model, once it answers."""
    began = time.perf_counter()
    while True:
        try:
            (loaded,) = await stub.models()
        except TransientError:  # it is not there yet
            if time.perf_counter() - began > START_S:
                raise
            await asyncio.sleep(0.02)
        else:
            return loaded


if __name__ == "__main__":
    main()
