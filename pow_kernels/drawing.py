"""Which way weights are drawn on a device: by the kernel where there is one that works, else by tensor operations."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from pow_kernels import stream
from pow_kernels.backends.cards import on_card
from pow_kernels.compilers import list_refusals
from pow_kernels.stream import BLOCK_BYTES


class DrawWeight(Protocol):
    """int8 (rows, columns) in [-7, 7] of S(key, tensor), on the device."""

    def __call__(self, key: bytes, tensor: int, rows: int, columns: int, device: str) -> Tensor: ...


def pick_drawing(key: bytes, device: str) -> DrawWeight:
    """Triton's kernel on a CUDA card, Numba's on a CPU; the tensor operations where it does not give what they give."""
    try:
        draw_weight = _find_kernel(device)
        with on_card(device):
            sample = draw_weight(key, 0, BLOCK_BYTES, BLOCK_BYTES, device)
    except ImportError:
        return stream.draw_weight
    except list_refusals():
        return stream.draw_weight
    agrees = torch.equal(sample, stream.draw_weight(key, 0, BLOCK_BYTES, BLOCK_BYTES, device))
    return draw_weight if agrees else stream.draw_weight


def _find_kernel(device: str) -> DrawWeight:
    if device.startswith("cuda"):
        from pow_kernels.triton.stream import draw_weight
    else:
        from pow_kernels.numba.stream import draw_weight
    return draw_weight
