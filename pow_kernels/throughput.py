"""How fast a proof function is on a device, and next to what plain products make of it there in the same run."""

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
"""(M, K, N) of the products whose fastest stands for the device's peak: int8, and on a card also bf16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """gop: 10^9 operations, counted nominally for nonces.  share_of_peak: the median over the rounds' own ratios."""

    nonces_per_s: float
    gop_per_s: float
    gemm_gop_per_s: float
    share_of_peak: float


def measure(function: SprintFunction, profile: Profile, threads: int, device: str = "cpu") -> Throughput:
    """Twenty rounds, each a plain product of every shape and then a search; a first, unmeasured one warms up."""
    batch = 2 * threads * choose_batch(profile, device)
    function.search(0, batch)
    types = (torch.int8,) if device == "cpu" else (torch.int8, torch.bfloat16)
    products = [_build_product(shape, dtype, device) for shape in GEMM_SHAPES for dtype in types]
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


def _build_product(shape: tuple[int, int, int], dtype: torch.dtype, device: str) -> tuple[int, Callable[[], object]]:
    """The operations of a product, int8 or bf16, and the product, which has ended when it returns."""
    rows, inner, columns = shape
    left = torch.randint(-127, 128, (rows, inner), dtype=torch.int8, device=device).to(dtype)
    right = torch.randint(-7, 8, (columns, inner), dtype=torch.int8, device=device).to(dtype).t()
    multiply = torch._int_mm if dtype == torch.int8 else torch.mm

    def work() -> None:
        multiply(left, right)
        if device != "cpu":
            torch.cuda.synchronize(device)

    return 2 * rows * inner * columns, work


def _time(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
