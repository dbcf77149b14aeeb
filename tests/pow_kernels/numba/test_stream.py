from __future__ import annotations

import pytest
import torch

from pow_kernels import oracle
from pow_kernels.numba.stream import draw_int8, draw_weight

KEY = bytes(range(32))


@pytest.mark.parametrize("size", [1, 64, 65, 1000, 64 * 16, 64 * 17 + 3])
def test_draw_int8__several_nonces__each_row_is_the_oracles(size: int) -> None:
    nonces = [5, 2**64 - 3, 0, 2**32]
    drawn = draw_int8(KEY, torch.tensor([n - (n >> 63 << 64) for n in nonces]), size)
    assert drawn.tolist() == [oracle.int8_stream(KEY, n, size).tolist() for n in nonces]
    assert drawn.is_contiguous()


@pytest.mark.parametrize("shape", [(48, 50), (1, 2), (512, 88)])
def test_draw_weight__any_shape__is_the_oracles(shape: tuple[int, int]) -> None:
    drawn = draw_weight(KEY, 2**32, *shape, "cpu")
    assert drawn.tolist() == oracle.weight_stream(KEY, 2**32, *shape).tolist()
