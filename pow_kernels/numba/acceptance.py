"""Permutation, dot product and norm of a nonce in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import int32, njit, uint32
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.spec import PERMUTATION_ROUNDS

Array = NDArray[Any]


@njit(inline="always")
def mix(x: np.uint32, key: np.uint32) -> np.uint32:
    """The permutation's round function on uint32, whose arithmetic wraps."""
    x = uint32(x + key)
    x = uint32(uint32(x ^ (x >> uint32(16))) * uint32(0x85EBCA6B))
    x = uint32(uint32(x ^ (x >> uint32(13))) * uint32(0xC2B2AE35))
    return uint32(x ^ (x >> uint32(16)))


@njit(inline="always")
def tabulate(keys: Array, sizes: tuple[int, int], tables: Array) -> None:
    """What each round adds to one half, for every value of the other; sizes: of the low half and of the high one."""
    for r in range(PERMUTATION_ROUNDS):
        mask = uint32(sizes[r % 2] - 1)
        for i in range(sizes[1 - r % 2]):
            tables[r, i] = uint32(mix(uint32(i), keys[r]) & mask)


@njit(inline="always")
def permute(tables: Array, sizes: tuple[int, int], image: Array) -> None:
    """pi(i) for every i, the six rounds written out."""
    low_size, high_size = sizes
    for first in range(high_size):
        for second in range(low_size):
            low = uint32(uint32(second) ^ tables[0, first])
            high = uint32(uint32(first) ^ tables[1, low])
            low = uint32(low ^ tables[2, high])
            high = uint32(high ^ tables[3, low])
            low = uint32(low ^ tables[4, high])
            high = uint32(high ^ tables[5, low])
            image[first * low_size + second] = uint32(high * uint32(low_size) + low)


@njit(nogil=True, cache=True)
def add_up(y: Array, keys: Array, target: Array, dot: Array, norm2: Array) -> None:
    """dot and norm2, int64 (B), of int8 outputs (B, V), permuted by six uint32 keys each (B, 6)."""
    batch, outputs = y.shape
    bits = 0
    while 1 << bits < outputs:
        bits += 1
    sizes = (1 << (bits // 2), 1 << (bits - bits // 2))
    tables = np.empty((PERMUTATION_ROUNDS, sizes[1]), np.uint32)
    image = np.empty(outputs, np.uint32)
    for b in range(batch):
        tabulate(keys[b], sizes, tables)
        permute(tables, sizes, image)
        square_sum, product_sum = int32(0), int32(0)
        for i in range(outputs):
            square_sum = int32(square_sum + int32(int32(y[b, i]) * int32(y[b, i])))
        for i in range(outputs):
            product_sum = int32(product_sum + int32(int32(y[b, image[i]]) * int32(target[i])))
        dot[b], norm2[b] = product_sum, square_sum


def compute_terms(y_BV: Tensor, digest: Tensor, target_V: Tensor) -> tuple[Tensor, Tensor]:
    """dot and norm2, int64 (B), of int8 outputs, keyed by digests, uint8 (B, 32)."""
    dot, norm2 = (torch.empty(len(y_BV), dtype=torch.int64) for _ in range(2))
    keys = digest.numpy().view(np.uint32)[:, 2:]
    add_up(y_BV.numpy(), keys, target_V.numpy(), dot.numpy(), norm2.numpy())
    return dot, norm2
