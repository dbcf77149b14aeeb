"""The gated unit behind its own product: g and u are summed in one program and only h leaves the chip."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.spec import ACTIVATION_LIMIT, Scale
from pow_kernels.triton.product import CONFIGS, TUNED_BY, count_tiles, load_tile, locate, requantise


@triton.jit
def combine(g, u, LIMIT: tl.constexpr):
    """h from requantised g and u: g through a piecewise ramp, times u; int32."""
    ramped = (g * tl.minimum(tl.maximum(g + 64, 0), 128)) >> 7
    return tl.minimum(tl.maximum((ramped * u + 8) >> 4, -LIMIT), LIMIT)


@triton.autotune(configs=CONFIGS, key=TUNED_BY, cache_results=True)
@triton.jit
def multiply_gated(
    x_ptr,
    w_ptr,
    h_ptr,
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
    """h (rows, OUTPUTS) from x (rows, INNER) and w (2 * OUTPUTS, INNER), which is g's weight over u's."""
    tile_m, tile_n = locate(rows, OUTPUTS, BLOCK_M, BLOCK_N)
    row = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    unit = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    total_g = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    total_u = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    u_ptr = w_ptr + OUTPUTS * INNER
    for start in range(0, INNER, BLOCK_K):
        inner = start + tl.arange(0, BLOCK_K)
        x = load_tile(x_ptr, row, inner, rows, INNER, BLOCK_K)
        g_weight = load_tile(w_ptr, unit, inner, OUTPUTS, INNER, BLOCK_K)
        u_weight = load_tile(u_ptr, unit, inner, OUTPUTS, INNER, BLOCK_K)
        total_g = tl.dot(x, tl.trans(g_weight), acc=total_g, out_dtype=tl.int32)
        total_u = tl.dot(x, tl.trans(u_weight), acc=total_u, out_dtype=tl.int32)
    g = requantise(total_g, MULTIPLIER, SHIFT, LIMIT)
    u = requantise(total_u, MULTIPLIER, SHIFT, LIMIT)
    h = combine(g, u, LIMIT).to(tl.int8)
    inside = (row[:, None] < rows) & (unit[None, :] < OUTPUTS)
    tl.store(h_ptr + row[:, None].to(tl.int64) * OUTPUTS + unit[None, :], h, mask=inside)


def multiply_and_gate(x: Tensor, weight: Tensor, scale: Scale) -> Tensor:
    """int8 (N, F) from int8 x (N, in) and the weight of g over that of u, (2F, in), both contiguous."""
    rows, inner = x.shape
    units = len(weight) // 2
    h = torch.empty((rows, units), dtype=torch.int8, device=x.device)
    multiply_gated[count_tiles(rows, units)](
        x, weight, h, rows, rows.bit_length(), OUTPUTS=units, INNER=inner,
        MULTIPLIER=scale.multiplier, SHIFT=scale.shift, LIMIT=ACTIVATION_LIMIT,
    )  # fmt: skip
    return h
