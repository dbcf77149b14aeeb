from __future__ import annotations

from math import isqrt

import numpy as np
import pytest
import torch
import triton
import triton.language as tl

from pow_kernels import oracle
from pow_kernels.spec import NORM_RADICAND_LIMIT, RESIDUAL_LIMIT
from pow_kernels.triton.norm import integer_root, norm_rows
from tests.pow_kernels.conftest import KERNEL_DEVICE


@pytest.mark.parametrize("spread", [1, 30, 3000, RESIDUAL_LIMIT])
@pytest.mark.parametrize("width", [64, 88, 256, 2048])
def test_norm_rows__any_spread__is_the_oracles(spread: int, width: int) -> None:
    generator = torch.Generator().manual_seed(spread)
    z = torch.randint(-spread, spread + 1, (7, width), dtype=torch.int16, generator=generator)
    before = torch.randint(-127, 128, (7, width), dtype=torch.int8, generator=generator)
    z[0], before[0] = 0, 0
    z[1], before[1] = RESIDUAL_LIMIT, 127
    z[2], before[2] = 0, 0
    z[2, 0] = -spread
    wide = z.numpy().astype(np.int64) + 8 * before.numpy().astype(np.int64)
    got = norm_rows(z.to(KERNEL_DEVICE), before.to(KERNEL_DEVICE))
    assert np.array_equal(got.cpu().numpy(), oracle.norm(wide))


def test_norm_rows__inputs_alone__are_the_oracles() -> None:
    x0 = torch.arange(-127, 129, dtype=torch.int16).clamp(max=127).to(torch.int8).repeat(3, 5, 1)
    got = norm_rows(x0.to(KERNEL_DEVICE))
    assert got.shape == x0.shape
    assert np.array_equal(got[0].cpu().numpy(), oracle.norm(x0[0].numpy().astype(np.int64)))


@triton.jit
def take_roots(n_ptr, root_ptr, count, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    root = integer_root(tl.load(n_ptr + i, mask=i < count, other=0))
    tl.store(root_ptr + i, root, mask=i < count)


def test_integer_root__around_every_kind_of_square__is_isqrt() -> None:
    roots = [0, 1, 2, 3, 255, 2**16 - 1, 2**16, 2**17 - 1, 2**17]
    values = sorted({n for r in roots for n in (r * r - 1, r * r, r * r + 1) if 0 <= n <= NORM_RADICAND_LIMIT})
    n = torch.tensor(values, device=KERNEL_DEVICE)
    root = torch.empty_like(n)
    take_roots[(1,)](n, root, len(values), BLOCK=32)
    assert root.tolist() == [isqrt(value) for value in values]
