"""Nonces a second of the proof function, and where their time goes: `python -m benchmarks.pow_kernels`.

Every figure is the best of several repetitions.  `open` is from a seed to a function that can be searched, in a process
whose self-test is done.  Stages are measured on one thread, one after another, on one chunk.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch

from pow_kernels.acceptance import judge
from pow_kernels.backends import BACKENDS
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.memory import choose_batch
from pow_kernels.model import Weights
from pow_kernels.selftest import run_selftest
from pow_kernels.spec import PROFILES, Profile, get_profile
from pow_kernels.sprint import SprintFunction
from pow_kernels.stream import draw_int8
from pow_kernels.throughput import measure

SEED, HOST = bytes(32), bytes(20)


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", choices=list(PROFILES), default="dev")
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    profile = get_profile(arguments.profile)
    print(f"{platform.platform()}, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}")
    print(f"profile {profile.name}, load {os.getloadavg()[0]:.2f}, OMP_WAIT_POLICY={os.environ.get('OMP_WAIT_POLICY')}")
    run_selftest(profile.name, "cpu")
    for backend in BACKENDS:
        for threads in (1, 2):
            _print_rates(profile, backend, threads, arguments.repeat)
    _print_stages(profile, arguments.repeat)
    function = _open(profile, "int8", 2)
    print(f"against plain int8 products, 2 threads: {measure(function, profile, 2)}")


def _open(profile: Profile, backend: str, threads: int) -> SprintFunction:
    return SprintFunction.open(sprint_seed=SEED, profile=profile, host=HOST, backend=backend, threads=threads)


def _print_rates(profile: Profile, backend: str, threads: int, repeat: int) -> None:
    opened_s = _time(lambda: _open(profile, backend, threads), repeat)
    function = _open(profile, backend, threads)
    chunk = choose_batch(profile, "cpu")
    rates = {size: size / _time(partial(function.search, 0, size), repeat) for size in (chunk // 2, chunk, 4 * chunk)}
    text = ", ".join(f"{rate:,.0f} in batches of {size}" for size, rate in rates.items())
    print(f"{backend}, {threads} threads: open {opened_s * 1000:.0f} ms; nonces/s {text}")


def _print_stages(profile: Profile, repeat: int) -> None:
    torch.set_num_threads(1)
    keys = SprintKeys.derive(profile, SEED, HOST)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(profile, keys.weights, "cpu", pool)
    evaluator = Evaluator.open(keys, weights, BACKENDS["int8"])
    nonces_B = torch.arange(choose_batch(profile, "cpu"))
    x_BTD = draw_int8(keys.inputs, nonces_B, profile.tokens * profile.width).view(-1, profile.tokens, profile.width)
    y_BV = evaluator.network.forward(x_BTD)
    stages: dict[str, Callable[[], object]] = {
        "inputs": lambda: draw_int8(keys.inputs, nonces_B, profile.tokens * profile.width),
        "forward": lambda: evaluator.network.forward(x_BTD),
        "digest, permutation, test": lambda: judge(profile, keys.inputs, evaluator.target_V, nonces_B, y_BV),
    }
    for name, stage in stages.items():
        print(f"int8, 1 thread: {_time(stage, repeat) / len(nonces_B) * 1e6:.1f} us a nonce for {name}")


def _time(work: Callable[[], object], repeat: int) -> float:
    """The shortest of `repeat` runs after a first one."""
    work()
    durations = []
    for _ in range(repeat):
        started = time.perf_counter()
        work()
        durations.append(time.perf_counter() - started)
    return min(durations)


if __name__ == "__main__":
    main()
