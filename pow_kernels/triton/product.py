"""int8 products that are requantised before they leave the chip: rq(x W^T).

Sums are int32.  sum * m + 2^(s-1) stays below 2^31 for every accumulator (spec.py), so the epilogue is int32 too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.spec import Scale

INTERPRETED: Final = bool(triton.knobs.runtime.interpret)
"""Whether kernels run on the CPU, one program after another: TRITON_INTERPRET=1 when they were imported."""

CARD_CONFIGS: Final = [
    triton.Config({"BLOCK_M": m, "BLOCK_N": n, "BLOCK_K": k}, num_warps=warps, num_stages=stages)
    for m, n, k, warps, stages in (
        (128, 256, 64, 8, 4),
        (128, 128, 128, 8, 3),
        (128, 128, 64, 4, 4),
        (64, 128, 128, 4, 3),
        (64, 64, 64, 4, 4),
        (32, 64, 128, 4, 4),
    )
]
CONFIGS: Final = [triton.Config({"BLOCK_M": 64, "BLOCK_N": 64, "BLOCK_K": 64})] if INTERPRETED else CARD_CONFIGS
TUNED_BY: Final = ["ROW_CLASS", "OUTPUTS", "INNER"]
"""The tuner's choice is kept on disk by card, by these and by the kernel's source."""


@triton.jit
def load_tile(base, row, column, rows, INNER: tl.constexpr, BLOCK_K: tl.constexpr):
    """Rows of a row-major matrix (rows, INNER), from some columns on; zeros outside."""
    inside = row[:, None] < rows
    if INNER % BLOCK_K != 0:
        inside = inside & (column[None, :] < INNER)
    return tl.load(base + row[:, None].to(tl.int64) * INNER + column[None, :], mask=inside, other=0)


@triton.jit
def requantise(total, MULTIPLIER: tl.constexpr, SHIFT: tl.constexpr, LIMIT: tl.constexpr):
    """clamp((total * m + 2^(s-1)) >> s) in int32."""
    scaled = (total * MULTIPLIER + (1 << (SHIFT - 1))) >> SHIFT
    return tl.minimum(tl.maximum(scaled, -LIMIT), LIMIT)


@triton.jit
def locate(rows, OUTPUTS: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """The tile of this program; eight row tiles go side by side, so that their weights are still in the cache."""
    GROUP: tl.constexpr = 8
    columns = tl.cdiv(OUTPUTS, BLOCK_N)
    first = tl.program_id(0) // (GROUP * columns) * GROUP
    height = tl.minimum(tl.cdiv(rows, BLOCK_M) - first, GROUP)
    within = tl.program_id(0) % (GROUP * columns)
    return first + within % height, within // height


@triton.autotune(configs=CONFIGS, key=TUNED_BY, cache_results=True)
@triton.jit
def multiply(
    x_ptr,
    w_ptr,
    y_ptr,
    rows,
    ROW_CLASS: tl.constexpr,
    OUTPUTS: tl.constexpr,
    INNER: tl.constexpr,
    MULTIPLIER: tl.constexpr,
    SHIFT: tl.constexpr,
    LIMIT: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """y (rows, OUTPUTS) = rq(x w^T) from int8 x (rows, INNER) and w (OUTPUTS, INNER)."""
    tile_m, tile_n = locate(rows, OUTPUTS, BLOCK_M, BLOCK_N)
    row = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    output = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    for start in range(0, INNER, BLOCK_K):
        inner = start + tl.arange(0, BLOCK_K)
        x = load_tile(x_ptr, row, inner, rows, INNER, BLOCK_K)
        w = load_tile(w_ptr, output, inner, OUTPUTS, INNER, BLOCK_K)
        total = tl.dot(x, tl.trans(w), acc=total, out_dtype=tl.int32)
    y = requantise(total, MULTIPLIER, SHIFT, LIMIT).to(y_ptr.dtype.element_ty)
    inside = (row[:, None] < rows) & (output[None, :] < OUTPUTS)
    tl.store(y_ptr + row[:, None].to(tl.int64) * OUTPUTS + output[None, :], y, mask=inside)


def count_tiles(rows: int, outputs: int) -> Callable[[Mapping[str, Any]], tuple[int]]:
    """The grid of a product, once its tuner has chosen the tile."""
    return lambda tile: (triton.cdiv(rows, tile["BLOCK_M"]) * triton.cdiv(outputs, tile["BLOCK_N"]),)


def multiply_and_requantise(x: Tensor, weight: Tensor, scale: Scale, limit: int, dtype: torch.dtype) -> Tensor:
    """(N, out) of int8 or int16, limited to [-limit, limit], from int8 x (N, in) and weight (out, in), contiguous."""
    rows, inner = x.shape
    outputs = len(weight)
    y = torch.empty((rows, outputs), dtype=dtype, device=x.device)
    multiply[count_tiles(rows, outputs)](
        x, weight, y, rows, rows.bit_length(), OUTPUTS=outputs, INNER=inner,
        MULTIPLIER=scale.multiplier, SHIFT=scale.shift, LIMIT=limit,
    )  # fmt: skip
    return y
