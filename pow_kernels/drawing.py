"""Which way weights are drawn on a device: by the kernel where there is one that works, else by tensor operations."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from pow_kernels import stream
from pow_kernels.stream import BLOCK_BYTES


class DrawWeight(Protocol):
    """int8 (rows, columns) in [-7, 7] of S(key, tensor), on the device."""

    def __call__(self, key: bytes, tensor: int, rows: int, columns: int, device: str) -> Tensor: ...


def pick_drawing(key: bytes, device: str) -> DrawWeight:
    """The Triton kernel on a CUDA card where it gives what the tensor operations give, else those."""
    if not device.startswith("cuda"):
        return stream.draw_weight
    try:
        from pow_kernels.triton.stream import draw_weight

        with torch.cuda.device(device):
            sample = draw_weight(key, 0, BLOCK_BYTES, BLOCK_BYTES, device)
    except (ImportError, RuntimeError):  # Triton is not there, or not for this card
        return stream.draw_weight
    agrees = torch.equal(sample, stream.draw_weight(key, 0, BLOCK_BYTES, BLOCK_BYTES, device))
    return draw_weight if agrees else stream.draw_weight
