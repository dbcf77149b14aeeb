"""int8 products that are requantised before they leave the chip: rq(x W^T).

Sums are int32.  sum * m + 2^(s-1) stays below 2^31 for every accumulator (spec.py), so the epilogue is int32 too.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.spec import Scale
from pow_kernels.triton.tuning import Tile, choose_tile


@triton.jit
def load_tile(base, row, column, rows, inner, EVEN: tl.constexpr):
    """Rows of a row-major matrix (rows, inner), from some columns on; zeros outside.  EVEN: no column is outside."""
    inside = row[:, None] < rows
    if not EVEN:
        inside = inside & (column[None, :] < inner)
    return tl.load(base + row[:, None].to(tl.int64) * inner + column[None, :], mask=inside, other=0)


@triton.jit
def requantise(total, multiplier, shift, limit):
    """clamp((total * m + 2^(s-1)) >> s) in int32."""
    scaled = (total * multiplier + (1 << (shift - 1))) >> shift
    return tl.minimum(tl.maximum(scaled, -limit), limit)


@triton.jit
def locate(rows, outputs, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """The tile of this program; eight row tiles go side by side, so that their weights are still in the cache."""
    GROUP: tl.constexpr = 8
    columns = tl.cdiv(outputs, BLOCK_N)
    first = tl.program_id(0) // (GROUP * columns) * GROUP
    height = tl.minimum(tl.cdiv(rows, BLOCK_M) - first, GROUP)
    within = tl.program_id(0) % (GROUP * columns)
    return first + within % height, within // height


@triton.jit(do_not_specialize=("rows", "multiplier", "shift", "limit"))
def multiply(
    x_ptr,
    w_ptr,
    y_ptr,
    rows,
    outputs,
    inner,
    multiplier,
    shift,
    limit,
    EVEN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """y (rows, outputs) = rq(x w^T) from int8 x (rows, inner) and w (outputs, inner).

    Sizes are no constants of the compiled kernel: one serves every product of every profile.
    """
    tile_m, tile_n = locate(rows, outputs, BLOCK_M, BLOCK_N)
    row = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    output = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    for start in range(0, inner, BLOCK_K):
        column = start + tl.arange(0, BLOCK_K)
        x = load_tile(x_ptr, row, column, rows, inner, EVEN)
        w = load_tile(w_ptr, output, column, outputs, inner, EVEN)
        total = tl.dot(x, tl.trans(w), acc=total, out_dtype=tl.int32)
    y = requantise(total, multiplier, shift, limit).to(y_ptr.dtype.element_ty)
    inside = (row[:, None] < rows) & (output[None, :] < outputs)
    tl.store(y_ptr + row[:, None].to(tl.int64) * outputs + output[None, :], y, mask=inside)


def count_tiles(rows: int, outputs: int, tile: Tile) -> tuple[int]:
    """The grid of a product in such tiles."""
    return (triton.cdiv(rows, tile.m) * triton.cdiv(outputs, tile.n),)


def multiply_and_requantise(x: Tensor, weight: Tensor, scale: Scale, limit: int, dtype: torch.dtype) -> Tensor:
    """(N, out) of int8 or int16, limited to [-limit, limit], from int8 x (N, in) and weight (out, in), contiguous."""
    rows, inner = x.shape
    outputs = len(weight)
    y = torch.empty((rows, outputs), dtype=dtype, device=x.device)

    def launch(tile: Tile) -> None:
        multiply[count_tiles(rows, outputs, tile)](
            x, weight, y, rows, outputs, inner, scale.multiplier, scale.shift, limit, EVEN=inner % tile.k == 0,
            BLOCK_M=tile.m, BLOCK_N=tile.n, BLOCK_K=tile.k, num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip

    launch(choose_tile(multiply, (outputs, inner, dtype.itemsize), rows, x.device, launch))
    return y
