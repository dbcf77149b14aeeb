from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.spec import HEAD_TENSOR
from pow_kernels.triton.stream import draw_int8, draw_weight
from tests.pow_kernels.conftest import KERNEL_DEVICE

KEY = bytes(range(100, 132))


@pytest.mark.parametrize("size", [1, 63, 64, 65, 500])
def test_draw_int8__any_nonces_and_size__is_the_oracles_stream(size: int) -> None:
    nonces = [0, 1, 2**32, 2**63 + 5, 2**64 - 1]
    nonces_B = torch.tensor([n - (n >> 63 << 64) for n in nonces], device=KERNEL_DEVICE)
    got = draw_int8(KEY, nonces_B, size).cpu().numpy()
    assert got.shape == (len(nonces), size)
    assert np.array_equal(got, np.stack([oracle.int8_stream(KEY, n, size) for n in nonces]))


def test_draw_int8__every_byte__occurs_and_the_lowest_is_read_as_0() -> None:
    got = draw_int8(KEY, torch.arange(4, device=KERNEL_DEVICE), 4096).cpu().numpy()
    assert set(got.flatten().tolist()) == set(range(-127, 128))


@pytest.mark.parametrize("shape", [(2, 32), (64, 96), (3, 130)])
@pytest.mark.parametrize("tensor", [0, 517, HEAD_TENSOR])
def test_draw_weight__any_tensor_and_shape__is_the_oracles_stream(tensor: int, shape: tuple[int, int]) -> None:
    got = draw_weight(KEY, tensor, *shape, KERNEL_DEVICE).cpu().numpy()
    assert np.array_equal(got, oracle.weight_stream(KEY, tensor, *shape))
