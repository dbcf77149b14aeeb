from __future__ import annotations

import torch

from pow_kernels.spec import TINY
from pow_kernels.sprint import SprintFunction
from pow_kernels.throughput import list_products, measure


def open_tiny() -> SprintFunction:
    return SprintFunction.open(sprint_seed=bytes(32), profile=TINY, host=bytes(20), backend="int8")


def test_measure__tiny__counts_nominal_operations_of_searched_nonces() -> None:
    result = measure(open_tiny(), TINY, threads=1)
    assert result.nonces_per_s > 0
    assert abs(result.gop_per_s - result.nonces_per_s * TINY.operations_per_nonce / 1e9) < 1e-6
    assert 0 < result.share_of_peak < 1
    assert 0 < result.outside_products < 1
    assert 0 < result.host_cpu < 3


def test_list_products__tiny__are_the_products_of_a_forward_pass_with_its_short_cuts() -> None:
    seen: list[tuple[int, ...]] = []
    network = open_tiny().evaluator.network
    for work in list_products(network, 5, "cpu"):
        output = work()
        assert isinstance(output, torch.Tensor)
        seen.append(tuple(output.shape))
    usual = [(15, 64), (20, 128), (20, 64), (20, 512), (20, 64)]
    assert seen == [*usual, (5, 64), (20, 128), (5, 64), (5, 512), (5, 64), (5, 256)]
