from __future__ import annotations

from pow_kernels.spec import TINY
from pow_kernels.sprint import SprintFunction
from pow_kernels.throughput import measure


def test_measure__tiny__counts_nominal_operations_of_searched_nonces() -> None:
    function = SprintFunction.open(sprint_seed=bytes(32), profile=TINY, host=bytes(20), backend="int8")
    result = measure(function, TINY, threads=1)
    assert result.nonces_per_s > 0
    assert result.gop_per_s == result.nonces_per_s * TINY.operations_per_nonce / 1e9
    assert 0 < result.share_of_peak < 1
    assert result.gemm_gop_per_s > result.gop_per_s
