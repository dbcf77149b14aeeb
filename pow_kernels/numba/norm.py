"""The residual and its norm, row by row: a row is read twice, and stays in the nearest cache."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numba import int8, int32, njit
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels import spec

Array = NDArray[Any]
RADICAND_LIMIT: Final = spec.NORM_RADICAND_LIMIT
HALF: Final = 1 << (spec.NORM_SHIFT - 1)


@njit(nogil=True, cache=True)
def add_and_scale(z: Array, before: Array, y: Array) -> None:
    """y = norm(floor(z) + 8 before), int8 (N, D); z is float32 within [-8191, 8192), `before` int8.

    Squares add up in int64.  After the clamp to 2^34 a float64 root needs no correction.
    """
    rows, width = z.shape
    total = np.empty(width, np.int32)
    for row in range(rows):
        for i in range(width):
            total[i] = int32(int32(np.floor(z[row, i])) + int32(int32(spec.RESIDUAL_GAIN) * int32(before[row, i])))
        square_sum = np.int64(0)
        for i in range(width):
            square_sum += np.int64(total[i]) * np.int64(total[i])
        radicand = min((width << spec.NORM_RADICAND_BITS) // max(square_sum, 1), RADICAND_LIMIT)
        root = int32(np.int64(np.sqrt(np.float64(radicand))))
        for i in range(width):
            scaled = int32(int32(int32(total[i] * root) + int32(HALF)) >> int32(spec.NORM_SHIFT))
            y[row, i] = int8(min(max(scaled, int32(-spec.ACTIVATION_LIMIT)), int32(spec.ACTIVATION_LIMIT)))


def norm_rows(z: Tensor, before: Tensor) -> Tensor:
    """int8 norm(floor(z) + 8 before) over the last dimension; both are contiguous and of one shape."""
    y = torch.empty_like(before)
    width = z.shape[-1]
    add_and_scale(z.view(-1, width).numpy(), before.view(-1, width).numpy(), y.view(-1, width).numpy())
    return y
