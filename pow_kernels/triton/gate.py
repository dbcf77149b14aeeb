"""The gated unit behind its own product: g and u are summed in one program and only h leaves the chip."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.spec import ACTIVATION_LIMIT, Scale
from pow_kernels.triton.product import count_tiles, load_tile, locate, requantise
from pow_kernels.triton.tuning import Tile, choose_tile


@triton.jit
def combine(g, u, limit):
    """h from requantised g and u: g through a piecewise ramp, times u; int32."""
    ramped = (g * tl.minimum(tl.maximum(g + 64, 0), 128)) >> 7
    return tl.minimum(tl.maximum((ramped * u + 8) >> 4, -limit), limit)


@triton.jit(do_not_specialize=("rows", "multiplier", "shift", "limit"))
def multiply_gated(
    x_ptr,
    w_ptr,
    h_ptr,
    rows,
    units,
    inner,
    multiplier,
    shift,
    limit,
    EVEN: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    """h (rows, units) from x (rows, inner) and w (2 * units, inner), which is g's weight over u's."""
    tile_m, tile_n = locate(rows, units, BLOCK_M, BLOCK_N)
    row = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)
    unit = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)
    total_g = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    total_u = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.int32)
    u_ptr = w_ptr + units * inner
    for start in range(0, inner, BLOCK_K):
        column = start + tl.arange(0, BLOCK_K)
        x = load_tile(x_ptr, row, column, rows, inner, EVEN)
        g_weight = load_tile(w_ptr, unit, column, units, inner, EVEN)
        u_weight = load_tile(u_ptr, unit, column, units, inner, EVEN)
        total_g = tl.dot(x, tl.trans(g_weight), acc=total_g, out_dtype=tl.int32)
        total_u = tl.dot(x, tl.trans(u_weight), acc=total_u, out_dtype=tl.int32)
    g = requantise(total_g, multiplier, shift, limit)
    u = requantise(total_u, multiplier, shift, limit)
    h = combine(g, u, limit).to(tl.int8)
    inside = (row[:, None] < rows) & (unit[None, :] < units)
    tl.store(h_ptr + row[:, None].to(tl.int64) * units + unit[None, :], h, mask=inside)


def multiply_and_gate(x: Tensor, weight: Tensor, scale: Scale) -> Tensor:
    """int8 (N, F) from int8 x (N, in) and the weight of g over that of u, (2F, in), both contiguous."""
    rows, inner = x.shape
    units = len(weight) // 2
    h = torch.empty((rows, units), dtype=torch.int8, device=x.device)

    def launch(tile: Tile) -> None:
        multiply_gated[count_tiles(rows, units, tile)](
            x, weight, h, rows, units, inner, scale.multiplier, scale.shift, ACTIVATION_LIMIT,
            EVEN=inner % tile.k == 0, BLOCK_M=tile.m, BLOCK_N=tile.n, BLOCK_K=tile.k,
            num_warps=tile.warps, num_stages=tile.stages,
        )  # fmt: skip

    launch(choose_tile(multiply_gated, (units, inner), rows, x.device, launch))
    return h
