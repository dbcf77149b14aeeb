"""How fast a proof function is here, and next to what the same threads make of plain int8 products in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter
from typing import Final

import torch

from pow_kernels.memory import choose_batch
from pow_kernels.spec import Profile
from pow_kernels.sprint import SprintFunction

ROUNDS: Final = 20
GEMM_SHAPES: Final = ((1024, 512, 2048), (2048, 2048, 2048), (4096, 1024, 1024))
"""(M, K, N) of the int8 products that stand for the machine's peak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """gop: 10^9 operations, counted nominally for nonces.  share_of_peak: the median over the rounds' own ratios."""

    nonces_per_s: float
    gop_per_s: float
    gemm_gop_per_s: float
    share_of_peak: float


def measure(function: SprintFunction, profile: Profile, threads: int) -> Throughput:
    """Twenty rounds, each an int8 product of every shape and then a search; a first, unmeasured one warms up."""
    batch = 2 * threads * choose_batch(profile, "cpu")
    function.search(0, batch)
    products = [_build_product(*shape) for shape in GEMM_SHAPES]
    torch.set_num_threads(threads)
    searched_s, peaks, ratios = 0.0, [], []
    for number in range(1, ROUNDS + 1):
        peak = max(operations / _time(product) for operations, product in products)
        elapsed_s = _time(partial(function.search, number * batch, batch))
        searched_s += elapsed_s
        peaks.append(peak)
        ratios.append(batch * profile.operations_per_nonce / elapsed_s / peak)
    nonces_per_s = ROUNDS * batch / searched_s
    return Throughput(
        nonces_per_s=nonces_per_s,
        gop_per_s=nonces_per_s * profile.operations_per_nonce / 1e9,
        gemm_gop_per_s=max(peaks) / 1e9,
        share_of_peak=median(ratios),
    )


def _build_product(rows: int, inner: int, columns: int) -> tuple[int, Callable[[], object]]:
    """The operations of an int8 product, and the product."""
    left = torch.randint(-127, 128, (rows, inner), dtype=torch.int8)
    right = torch.randint(-7, 8, (inner, columns), dtype=torch.int8)
    return 2 * rows * inner * columns, partial(torch._int_mm, left, right)


def _time(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
