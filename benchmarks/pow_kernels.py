"""The proof function on this machine's CPU beside what plain products make of it: `python -m benchmarks.pow_kernels`.

Everything runs in turn, round after round, in one process, so that other programs disturb all of it alike.  Seconds are
of CPU time, the least of the rounds; each of the threads works on a chunk of nonces of its own, as a search does.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import torch

from benchmarks.float_forward import FloatForward
from pow_kernels.allocator import keep_freed_memory
from pow_kernels.backends import BACKENDS
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.memory import choose_batch
from pow_kernels.model import Weights
from pow_kernels.spec import DEV, PROFILES, Profile, Scale
from pow_kernels.throughput import GEMM_SHAPES, build_product, list_products

SEED, HOST = bytes(32), bytes(20)
WIDE = replace(
    DEV,
    name="wide",
    width=512,
    head_dim=64,
    ffn=2048,
    tokens=16,
    proj=Scale(43, 12),
    attn_out=Scale(43, 9),
    ffn_out=Scale(43, 9),
    score=Scale(23, 12),
)
"""Four layers, width 512, sixteen tokens: between `dev` and what hosts run."""
SELFTEST = "from pow_kernels.selftest import run_selftest; run_selftest('dev', 'cpu')"


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=[*PROFILES, WIDE.name], action="append")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"{platform.platform()}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}")
    _print_compiling()
    for name in arguments.profile or ["dev", WIDE.name]:
        for threads in (1, 2):
            _print_comparison(PROFILES.get(name, WIDE), threads, arguments.rounds)


def _print_compiling() -> None:
    """What Numba costs a process: without its files on disk, and with them."""
    with tempfile.TemporaryDirectory() as folder:
        for state in ("from the source", "from its files"):
            environ = os.environ | {"NUMBA_CACHE_DIR": folder}
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", SELFTEST], env=environ, check=True)
            print(f"start and self-test of `dev`, loops {state}: {time.perf_counter() - started:.1f} s")


def _print_comparison(profile: Profile, threads: int, rounds: int) -> None:
    count = choose_batch(profile, "cpu")
    works = _list_works(profile, count)
    least: dict[str, tuple[float, float]] = dict.fromkeys(works, (1e9, 1e9))
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for _ in range(rounds):
            for name, work in works.items():
                least[name] = tuple(map(min, least[name], _time(pool, threads, work)))  # type: ignore[assignment]
    plain = {f"plain {m} x {k} x {n}": 2 * m * k * n for m, k, n in GEMM_SHAPES}
    nominal = count * profile.operations_per_nonce
    peak = max(operations / least[name][0] for name, operations in plain.items())
    print(f"\n{profile.name}, {threads} threads, chunks of {count} nonces, load {os.getloadavg()[0]:.1f}")
    print("| | CPU us a nonce | GOP/s of a core | share of the int8 peak | all threads, by the clock, nonces/s |")
    print("|---|--:|--:|--:|--:|")
    for name, (cpu_s, wall_s) in least.items():
        rate = plain.get(name, nominal) / cpu_s
        each = "" if name in plain else f"{cpu_s / count * 1e6:.1f}"
        clock = "" if name in plain else f"{threads * count / wall_s:,.0f}"
        print(f"| {name} | {each} | {rate / 1e9:,.0f} | {rate / peak:.2f} | {clock} |")


def _list_works(profile: Profile, count: int) -> dict[str, Callable[[], object]]:
    """What is compared, each for one chunk; the digests of the backends must agree."""
    works = {f"plain {m} x {k} x {n}": build_product((m, k, n), torch.int8, "cpu")[1] for m, k, n in GEMM_SHAPES}
    keys = SprintKeys.derive(profile, SEED, HOST)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(profile, keys.weights, "cpu", pool)
    evaluators = {name: Evaluator.open(keys, weights, BACKENDS[name]) for name in ("numba", "int8", "fp32")}
    nonces_B = torch.arange(count)
    if len({bytes(e.judge(nonces_B[:16]).digest.numpy()) for e in evaluators.values()}) != 1:
        raise AssertionError("the backends disagree")
    own = list_products(evaluators["numba"].network, count, "cpu")
    works["its own products alone"] = lambda: [work() for work in own]
    works |= {name: partial(evaluator.judge, nonces_B) for name, evaluator in evaluators.items()}
    floating = FloatForward(profile)
    return works | {"a bf16 forward of this shape": partial(floating.run, floating.draw_inputs(count))}


def _time(pool: ThreadPoolExecutor, threads: int, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a thread's CPU time, their mean, and of the clock until all have ended."""
    started = time.perf_counter()
    busy = list(pool.map(lambda _: _time_thread(work), range(threads)))
    return sum(busy) / threads, time.perf_counter() - started


def _time_thread(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


if __name__ == "__main__":
    main()
