"""The gated unit in one pass over its product's rows."""

from __future__ import annotations

from typing import Any

import torch
from numba import int8, int32, njit
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.spec import ACTIVATION_LIMIT

Array = NDArray[Any]


@njit(nogil=True, cache=True)
def combine(gu: Array, h: Array) -> None:
    """h, int8 (N, F), from g and u side by side, int8 (N, 2F): g through a piecewise ramp, times u."""
    rows, units = h.shape
    for row in range(rows):
        for i in range(units):
            g, u = int32(gu[row, i]), int32(gu[row, units + i])
            ramp = min(max(int32(g + int32(64)), int32(0)), int32(128))
            ramped = int32(int32(g * ramp) >> int32(7))
            scaled = int32(int32(int32(ramped * u) + int32(8)) >> int32(4))
            h[row, i] = int8(min(max(scaled, int32(-ACTIVATION_LIMIT)), int32(ACTIVATION_LIMIT)))


def gate(gu: Tensor) -> Tensor:
    """int8 (N, F) from int8 (N, 2F)."""
    h = torch.empty((len(gu), gu.shape[1] // 2), dtype=torch.int8)
    combine(gu.numpy(), h.numpy())
    return h
