"""How fast a proof function is on a device, and next to what plain products make of it there in the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter, process_time
from typing import Final

import torch

from pow_kernels.backends.cards import on_card
from pow_kernels.energy import NoMeterError, read_energy_j
from pow_kernels.memory import choose_batch
from pow_kernels.model import Network
from pow_kernels.spec import Profile
from pow_kernels.sprint import SprintFunction

ROUNDS: Final = 20
FEW_ROUNDS: Final = 3
LONG_S: Final = 60.0
GEMM_SHAPES: Final = ((1024, 512, 2048), (2048, 2048, 2048), (4096, 1024, 1024))
"""(M, K, N) of the products whose fastest stands for a CPU's peak."""
CARD_GEMM_SHAPES: Final = ((8192, 8192, 8192), (16384, 4096, 8192))
"""The same for a card, int8 and bf16, a few in a row: starting them and waiting for the last is no part of the time."""
IN_A_ROW: Final = 4
Work = Callable[[], object]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """gop: 10^9 operations, counted nominally for nonces; of products as they are, on all threads.

    share_of_peak: of what the fastest plain product makes.  outside_products: the share of a search that its own
    products, repeated alone, do not take.  host_cpu: seconds of CPU time per second.  Shares are medians over the
    rounds' own ratios; on a CPU they are ratios of CPU time, which other programs change little.
    energy_j_per_nonce: None where it is not counted, and then energy_absent says why, by NoMeterError's code.
    """

    nonces_per_s: float
    gop_per_s: float
    gemm_gop_per_s: float
    share_of_peak: float
    outside_products: float
    host_cpu: float
    energy_j_per_nonce: float | None
    energy_absent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Operations a second of the best plain product; seconds of the network's own products and of the search.

    wall_s and cpu_s are the search's by the wall clock and of CPU time, whatever clock the others are by.
    """

    peak: float
    products_s: float
    search_s: float
    wall_s: float
    cpu_s: float
    energy_j: float


def measure_start(open_function: Callable[[], SprintFunction], profile: Profile, device: str) -> float:
    """Seconds from nothing to the first hit of a Sprint, where the self-test has run; batches are small."""
    started = perf_counter()
    function = open_function()
    count = min(choose_batch(profile, device), 2 * profile.one_in)
    first = 0
    while not function.search(first, count).nonce:
        first += count
    return perf_counter() - started


def measure(function: SprintFunction, profile: Profile, threads: int, device: str = "cpu") -> Throughput:
    """Rounds of plain products, the network's own, and a search: twenty, but few where they take longer than LONG_S.

    A first round only warms up.
    """
    size = choose_batch(profile, device)
    count = 2 * threads * size
    clock = process_time if device == "cpu" else perf_counter
    plain = list_plain_products(device)
    own = list_products(function.evaluator.network, size, device)
    energy_absent = _find_absence(device)
    torch.set_num_threads(1)
    rounds: list[Round] = []
    started = perf_counter()
    while len(rounds) <= FEW_ROUNDS or (len(rounds) <= ROUNDS and perf_counter() - started < LONG_S):
        search = partial(function.search, len(rounds) * count, count)
        rounds.append(
            Round(
                peak=max(operations / time_work(product, clock, device) for operations, product in plain),
                products_s=count // size * time_work(partial(_run_all, own), clock, device),
                **_time_search(search, clock, "" if energy_absent else device),
            )
        )
    del rounds[0]
    energy_j = None if energy_absent else sum(r.energy_j for r in rounds) / (count * len(rounds))
    figures = _summarise(profile, count, threads if device == "cpu" else 1, rounds)
    return Throughput(**figures, energy_j_per_nonce=energy_j, energy_absent=energy_absent)


def _find_absence(device: str) -> str:
    try:
        read_energy_j(device)
    except NoMeterError as error:
        return error.code
    return ""


def _summarise(profile: Profile, count: int, threads: int, rounds: list[Round]) -> dict[str, float]:
    wall_s = sum(r.wall_s for r in rounds)
    operations = count * profile.operations_per_nonce
    return {
        "nonces_per_s": count * len(rounds) / wall_s,
        "gop_per_s": operations * len(rounds) / wall_s / 1e9,
        "gemm_gop_per_s": threads * max(r.peak for r in rounds) / 1e9,
        "share_of_peak": median(operations / r.search_s / r.peak for r in rounds),
        "outside_products": median(1 - r.products_s / r.search_s for r in rounds),
        "host_cpu": sum(r.cpu_s for r in rounds) / wall_s,
    }


def list_plain_products(device: str) -> list[tuple[int, Work]]:
    """Those whose fastest is the peak."""
    if device == "cpu":
        return [build_product(shape, torch.int8, device) for shape in GEMM_SHAPES]
    types = (torch.int8, torch.bfloat16)
    single = [build_product(shape, dtype, device) for shape in CARD_GEMM_SHAPES for dtype in types]
    return [(IN_A_ROW * operations, partial(_run_all, [product] * IN_A_ROW)) for operations, product in single]


def build_product(shape: tuple[int, int, int], dtype: torch.dtype, device: str) -> tuple[int, Work]:
    """The operations of a plain product, int8 or bf16, and the product."""
    rows, inner, columns = shape
    left = torch.randint(-127, 128, (rows, inner), dtype=torch.int8, device=device).to(dtype)
    right = torch.randint(-7, 8, (columns, inner), dtype=torch.int8, device=device).to(dtype).t()
    multiply = torch._int_mm if dtype == torch.int8 else torch.mm
    return 2 * rows * inner * columns, partial(multiply, left, right)


def list_products(network: Network, count: int, device: str) -> list[Work]:
    """Every product, requantised, of a forward pass of so many nonces, with the short cuts."""
    p = network.profile
    x, o, h = (
        torch.randint(-127, 128, (count * p.tokens, inner), dtype=torch.int8, device=device)
        for inner in (p.width, p.attention_width, p.ffn)
    )
    works: list[Work] = []
    for number, layer in enumerate(network.layers):
        after = count * (p.tokens if number < p.layers - 1 else 1)
        asking = count * (p.tokens - 1 if number < p.layers - 1 else 1)
        works += [partial(layer.q.to_activation, x[:asking]), partial(layer.kv.to_activation, x)]
        works += [partial(layer.o.to_residual, o[:after]), partial(layer.gu.to_activation, x[:after])]
        works.append(partial(layer.w.to_residual, h[:after]))
    return [*works, partial(network.head.to_activation, x[:count])]


def time_work(work: Work, clock: Clock, device: str) -> float:
    """Seconds by that clock until the work has ended, also on a card."""
    with on_card(device):
        started = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize(device)
        return clock() - started


def _time_search(search: Work, clock: Clock, counted: str) -> dict[str, float]:
    """`counted` is the device whose energy is counted, or empty."""
    energy_j = read_energy_j(counted) if counted else 0.0
    started, cpu_started, busy_started = perf_counter(), process_time(), clock()
    search()
    search_s, cpu_s, wall_s = clock() - busy_started, process_time() - cpu_started, perf_counter() - started
    energy_j = read_energy_j(counted) - energy_j if counted else 0.0
    return {"search_s": search_s, "cpu_s": cpu_s, "wall_s": wall_s, "energy_j": energy_j}


def _run_all(works: list[Work]) -> None:
    for work in works:
        work()
