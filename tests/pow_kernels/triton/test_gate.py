from __future__ import annotations

import numpy as np
import pytest
import torch
import triton
import triton.language as tl

from pow_kernels import oracle
from pow_kernels.spec import DEV, TINY, Scale
from pow_kernels.triton.gate import combine, multiply_and_gate
from tests.pow_kernels.conftest import KERNEL_DEVICE


def assert_exact(x: torch.Tensor, weight: torch.Tensor, scale: Scale) -> None:
    got = multiply_and_gate(x.to(KERNEL_DEVICE), weight.to(KERNEL_DEVICE), scale)
    wide = x.numpy().astype(np.int64) @ weight.numpy().astype(np.int64).T
    g, u = np.split(oracle.requantise(wide, scale), 2, axis=1)
    assert np.array_equal(got.cpu().to(torch.int64).numpy(), oracle.gate(g, u))


@triton.jit
def combine_all(g_ptr, u_ptr, h_ptr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    h = combine(tl.load(g_ptr + i).to(tl.int32), tl.load(u_ptr + i).to(tl.int32), 127)
    tl.store(h_ptr + i, h.to(tl.int8))


def test_combine__every_pair_of_g_and_u__is_the_oracles() -> None:
    values = torch.arange(-128, 128).clamp(min=-127).to(torch.int8)
    g, u = values.repeat_interleave(256), values.repeat(256)
    h = torch.empty_like(g, device=KERNEL_DEVICE)
    combine_all[(16,)](g.to(KERNEL_DEVICE), u.to(KERNEL_DEVICE), h, BLOCK=4096)
    assert np.array_equal(h.cpu().numpy(), oracle.gate(g.numpy().astype(np.int64), u.numpy().astype(np.int64)))


@pytest.mark.parametrize(("rows", "units", "inner"), [(1, 16, 64), (66, 65, 128), (5, 128, 256)])
def test_multiply_and_gate__random_tensors__are_the_oracles(rows: int, units: int, inner: int) -> None:
    generator = torch.Generator().manual_seed(units)
    x = torch.randint(-127, 128, (rows, inner), dtype=torch.int8, generator=generator)
    weight = torch.randint(-7, 8, (2 * units, inner), dtype=torch.int8, generator=generator)
    assert_exact(x, weight, TINY.proj)
    assert_exact(torch.full_like(x, -127), torch.full_like(weight, -7), DEV.proj)
