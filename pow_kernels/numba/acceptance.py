"""Permutation, dot product and norm of a nonce in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import int32, int64, njit, uint32
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]


@njit(inline="always")
def mix(x: np.uint32, key: np.uint32) -> np.uint32:
    """The permutation's round function on uint32, whose arithmetic wraps."""
    x = uint32(x + key)
    x = uint32(uint32(x ^ (x >> uint32(16))) * uint32(0x85EBCA6B))
    x = uint32(uint32(x ^ (x >> uint32(13))) * uint32(0xC2B2AE35))
    return uint32(x ^ (x >> uint32(16)))


@njit(nogil=True, cache=True)
def add_up(y: Array, keys: Array, target: Array, dot: Array, norm2: Array) -> None:
    """dot and norm2, int64 (B), of int8 outputs (B, V), permuted by six uint32 keys each (B, 6)."""
    batch, outputs = y.shape
    bits = 0
    while 1 << bits < outputs:
        bits += 1
    low_bits = uint32(bits // 2)
    low_mask, high_mask = uint32((1 << (bits // 2)) - 1), uint32((1 << (bits - bits // 2)) - 1)
    image = np.empty(outputs, np.uint32)
    for b in range(batch):
        k0, k1, k2, k3, k4, k5 = keys[b, 0], keys[b, 1], keys[b, 2], keys[b, 3], keys[b, 4], keys[b, 5]
        for i in range(outputs):
            low, high = uint32(uint32(i) & low_mask), uint32(uint32(i) >> low_bits)
            low = uint32(low ^ (mix(high, k0) & low_mask))
            high = uint32(high ^ (mix(low, k1) & high_mask))
            low = uint32(low ^ (mix(high, k2) & low_mask))
            high = uint32(high ^ (mix(low, k3) & high_mask))
            low = uint32(low ^ (mix(high, k4) & low_mask))
            high = uint32(high ^ (mix(low, k5) & high_mask))
            image[i] = uint32((high << low_bits) | low)
        square_sum, product_sum = int32(0), int32(0)
        for i in range(outputs):
            square_sum = int32(square_sum + int32(int32(y[b, i]) * int32(y[b, i])))
        for i in range(outputs):
            product_sum = int32(product_sum + int32(int32(y[b, int64(image[i])]) * int32(target[i])))
        dot[b], norm2[b] = product_sum, square_sum


def compute_terms(y_BV: Tensor, digest: Tensor, target_V: Tensor) -> tuple[Tensor, Tensor]:
    """dot and norm2, int64 (B), of int8 outputs, keyed by digests, uint8 (B, 32)."""
    dot, norm2 = (torch.empty(len(y_BV), dtype=torch.int64) for _ in range(2))
    keys = digest.numpy().view(np.uint32)[:, 2:]
    add_up(y_BV.numpy(), keys, target_V.numpy(), dot.numpy(), norm2.numpy())
    return dot, norm2
