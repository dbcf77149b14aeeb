"""The residual and its norm in one pass over a row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels import spec

BLOCK_ROWS = 4


@triton.jit
def integer_root(n):
    """floor(sqrt(n)) of int64 up to 2^34: a float's guess, put right by one in either direction."""
    root = tl.sqrt(n.to(tl.float64)).to(tl.int64)
    root -= (root * root > n).to(tl.int64)
    root += ((root + 1) * (root + 1) <= n).to(tl.int64)
    return root


@triton.jit
def add_and_norm(
    z_ptr,
    before_ptr,
    y_ptr,
    rows,
    GAIN: tl.constexpr,
    WIDTH: tl.constexpr,
    DIVIDEND: tl.constexpr,
    RADICAND_LIMIT: tl.constexpr,
    SHIFT: tl.constexpr,
    LIMIT: tl.constexpr,
    BLOCK_ROWS: tl.constexpr,
    BLOCK_D: tl.constexpr,
):
    """y = norm(z + GAIN * before), rows of WIDTH; squares add up in int64, the rest fits int32 (spec.py)."""
    row = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    column = tl.arange(0, BLOCK_D)
    inside = (row[:, None] < rows) & (column[None, :] < WIDTH)
    place = row[:, None].to(tl.int64) * WIDTH + column[None, :]
    z = tl.load(z_ptr + place, mask=inside, other=0).to(tl.int32)
    if GAIN != 0:
        z += GAIN * tl.load(before_ptr + place, mask=inside, other=0).to(tl.int32)
    square_sum = tl.maximum(tl.sum(z.to(tl.int64) * z.to(tl.int64), axis=1), 1)
    root = integer_root(tl.minimum(DIVIDEND // square_sum, RADICAND_LIMIT)).to(tl.int32)
    y = (z * root[:, None] + (1 << (SHIFT - 1))) >> SHIFT
    y = tl.minimum(tl.maximum(y, -LIMIT), LIMIT)
    tl.store(y_ptr + place, y.to(tl.int8), mask=inside)


def norm_rows(z: Tensor, before: Tensor | None = None) -> Tensor:
    """int8 norm(z + 8 before) over the last dimension; z is int8 or int16, both are contiguous."""
    width = z.shape[-1]
    rows = z.numel() // width
    y = torch.empty(z.shape, dtype=torch.int8, device=z.device)
    add_and_norm[(triton.cdiv(rows, BLOCK_ROWS),)](
        z, z if before is None else before, y, rows,
        GAIN=0 if before is None else spec.RESIDUAL_GAIN, WIDTH=width,
        DIVIDEND=width << spec.NORM_RADICAND_BITS, RADICAND_LIMIT=spec.NORM_RADICAND_LIMIT,
        SHIFT=spec.NORM_SHIFT, LIMIT=spec.ACTIVATION_LIMIT,
        BLOCK_ROWS=BLOCK_ROWS, BLOCK_D=triton.next_power_of_2(width),
    )  # fmt: skip
    return y
