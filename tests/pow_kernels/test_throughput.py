from __future__ import annotations

from functools import partial

import pytest
import torch

from pow_kernels.selftest import pick_backend
from pow_kernels.spec import DEV, TINY
from pow_kernels.sprint import SprintFunction
from pow_kernels.throughput import list_products, measure, measure_start


def open_tiny() -> SprintFunction:
    return SprintFunction.open(sprint_seed=bytes(32), profile=TINY, host=bytes(20), backend="int8")


def test_measure__tiny__counts_nominal_operations_of_searched_nonces() -> None:
    result = measure(open_tiny(), TINY, threads=1)
    assert result.nonces_per_s > 0
    assert abs(result.gop_per_s - result.nonces_per_s * TINY.operations_per_nonce / 1e9) < 1e-6
    assert 0 < result.share_of_peak < 1
    assert 0 < result.outside_products < 1
    assert 0 < result.host_cpu < 3
    assert (result.energy_j_per_nonce, result.energy_absent) == (None, "not_a_card")


def test_measure_start__tiny__ends_with_the_first_hit_and_counts_the_opening() -> None:
    opened: list[SprintFunction] = []

    def open_function() -> SprintFunction:
        opened.append(open_tiny())
        return opened[-1]

    assert 0 < measure_start(open_function, TINY, "cpu") < 60
    assert len(opened) == 1


@pytest.mark.gpu
def test_measure__a_card__has_every_figure_by_its_fastest_backend() -> None:
    backend = pick_backend("dev", "cuda:0").backend
    open_function = partial(
        SprintFunction.open, sprint_seed=bytes(32), profile=DEV, host=bytes(20), backend=backend, device="cuda:0"
    )
    assert measure_start(open_function, DEV, "cuda:0") < 60
    result = measure(open_function(), DEV, 1, "cuda:0")
    assert 0 < result.share_of_peak < 1
    assert 0 < result.outside_products < 1
    assert result.energy_j_per_nonce or result.energy_absent == "nvml_refuses"


def test_list_products__tiny__are_the_products_of_a_forward_pass_with_its_short_cuts() -> None:
    seen: list[tuple[int, ...]] = []
    network = open_tiny().evaluator.network
    for work in list_products(network, 5, "cpu"):
        output = work()
        assert isinstance(output, torch.Tensor)
        seen.append(tuple(output.shape))
    usual = [(15, 64), (20, 128), (20, 64), (20, 512), (20, 64)]
    assert seen == [*usual, (5, 64), (20, 128), (5, 64), (5, 512), (5, 64), (5, 256)]
