"""Answers of our engine beside plain `transformers.generate`, in turn, on the model of `make model`.

`python -m benchmarks.inference_engine [--rounds N] [--tokens N] [--threads N]`: tokens/s of one stream by `generate`,
of one and of eight streams by the engine in its process, greedy, and for each round the ratios to `generate`.
"""

import argparse
import asyncio
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

MODEL = Path(".models/smollm2-135m-instruct")
TEXT = "The history of computing begins long before the first electronic machines. "
STREAMS = 8
LINE = "{:8} generate {:6.1f}/s   one {:6.1f}/s   eight {:6.1f}/s   ratios {:.2f} {:.2f}"


def measure_generate(model: Any, prompt: list[int], tokens: int) -> float:
    """Tokens/s of one greedy `generate`."""
    import torch

    ids = torch.tensor([prompt])
    started = time.perf_counter()
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False
        )
    return (out.shape[1] - len(prompt)) / (time.perf_counter() - started)


async def measure_engine(engine: Any, prompt: list[int], tokens: int, keys: range) -> float:
    """Tokens/s of as many streams as keys, together."""
    from sidecar.inference.sampler import Sampling
    from sidecar.inference.tasks import GenerateTask

    sampling = Sampling(
        temperature_milli=0,
        top_k=0,
        top_p_ppm=0,
        frequency_penalty_milli=0,
        presence_penalty_milli=0,
        bias=((2, -1_000_000),),
        seed=bytes(32),
    )

    async def answer(key: int) -> int:
        task = GenerateTask(
            prompt=(*prompt, key % 1000 + 100),
            sampling=sampling,
            max_tokens=tokens,
            stop=(),
            logprobs=False,
            top_logprobs=0,
            allowance=1 << 40,
        )
        return sum([len(progress.tokens) async for progress in engine.generate(key, task)])

    started = time.perf_counter()
    counts = await asyncio.gather(*(answer(key) for key in keys))
    return sum(counts) / (time.perf_counter() - started)


async def run(rounds: int, tokens: int, threads: int) -> None:
    """Print one line a round, then medians."""
    import torch
    import transformers

    from sidecar.inference.embedded import EmbeddedEngine
    from sidecar.inference.engine import EngineSpec
    from sidecar.inference.manifest import read_manifest
    from sidecar.inference.rendering import Tokenizer

    torch.set_num_threads(threads)
    prompt = Tokenizer.open(MODEL).encode(TEXT * 4)
    model = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    spec = EngineSpec(folder=MODEL, manifest=read_manifest(MODEL), device="cpu", threads=threads, max_requests=16)
    engine = EmbeddedEngine(spec, lambda: None)
    await engine.open()
    listening = asyncio.create_task(engine.run())
    print(f"{platform.processor()} {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {threads} threads")
    print(f"torch {torch.__version__}, transformers {transformers.__version__}; prompt {len(prompt)}, answer {tokens}")
    rows = []
    for number in range(rounds):
        one_plain = measure_generate(model, prompt, tokens)
        one = await measure_engine(engine, prompt, tokens, range(1000 * number + 1, 1000 * number + 2))
        many = await measure_engine(engine, prompt, tokens, range(1000 * number + 11, 1000 * number + 11 + STREAMS))
        rows.append((one_plain, one, many, one / one_plain, many / one_plain))
        print(
            "generate {:6.1f}/s   one {:6.1f}/s   eight {:6.1f}/s   ratios {:.2f} {:.2f}".format(*rows[-1]), flush=True
        )
    medians = tuple(statistics.median(column) for column in zip(*rows, strict=True))
    print(LINE.format("medians", *medians))
    await engine.close()
    await listening


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if not MODEL.is_dir():
        print("no model here: `make model` first")
        return
    asyncio.run(run(given.rounds, given.tokens, given.threads))


if __name__ == "__main__":
    main()
