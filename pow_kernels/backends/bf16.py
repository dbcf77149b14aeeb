"""Exact products of bf16 operands, for cards whose int8 is slow: eight bits of significand hold every one of them.

They add in float32, where every partial sum is an integer below 2^24.  Reductions in bf16 would round, so they are off.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pow_kernels.backends.cards import allow_exact_floats, check_capability
from pow_kernels.backends.fp32 import FloatLinear
from pow_kernels.spec import Profile, Scale
from pow_kernels.stages import TensorStages


@dataclass(frozen=True, slots=True)
class Bf16Backend:
    """CUDA only, from compute capability 8.0 on."""

    name: str = "bf16"

    def is_for(self, device: str) -> bool:
        return device.startswith("cuda")

    def prepare(self, weight: Tensor, scale: Scale) -> FloatLinear:
        check_capability(self.name, weight.device, (8, 0))
        allow_exact_floats()
        return FloatLinear(weight, scale, multiply_bf16)

    def open_stages(self, profile: Profile, device: str) -> TensorStages:
        return TensorStages.open(profile, device)


def multiply_bf16(x: Tensor, weight: Tensor) -> Tensor:
    """float32 (N, out): x W^T of int8 operands, which bf16 holds exactly."""
    return torch.mm(x.to(torch.bfloat16), weight.to(torch.bfloat16).t(), out_dtype=torch.float32)
