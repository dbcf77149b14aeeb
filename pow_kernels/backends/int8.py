"""int8 products: on a CPU by oneDNN (AMX or VNNI where the CPU has them), requantised inside the product's
kernel; on a CUDA card as int8_cuda.py says.

oneDNN's epilogue is float32: out = round_to_even(accumulator * scale + bias).  It is exact here: with scale m / 2^s
and bias 1 / 2^(s+1), the sum is an odd multiple of the bias and never half-way between two integers, so rounding to
even is the rounding up of halves that the definition asks for.  Sums below 2^23 / 2^s are held exactly, and rounding
beyond that stays outside the clamp (spec.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from pow_kernels.backends.cards import allow_exact_floats, check_capability
from pow_kernels.backends.int8_cuda import IntegerLinear
from pow_kernels.spec import ACTIVATION_LIMIT, RESIDUAL_LIMIT, Profile, Scale
from pow_kernels.stages import TensorStages, gate

ROWS_HINT = 1024


@dataclass(frozen=True, slots=True)
class Int8Linear:
    """The weight in oneDNN's blocked layout, with scale and both biases per output."""

    packed: Tensor
    scale: Tensor
    zero_point: Tensor
    tie_break: Tensor
    half: Tensor

    @classmethod
    def pack(cls, weight: Tensor, scale: Scale) -> Int8Linear:
        """From int8 (out, in) on the CPU."""
        outputs, inputs = weight.shape
        m, s = scale
        return cls(
            packed=torch.ops.onednn.qlinear_prepack(weight, [ROWS_HINT, inputs]),
            scale=torch.full((outputs,), m / (1 << s)),
            zero_point=torch.zeros(outputs, dtype=torch.int64),
            tie_break=torch.full((outputs,), 1 / (1 << (s + 1))),
            half=torch.full((outputs,), 0.5),
        )

    def to_activation(self, x: Tensor) -> Tensor:
        return self._multiply(x, self.tie_break, torch.int8, (-ACTIVATION_LIMIT, ACTIVATION_LIMIT))

    def to_gated(self, x: Tensor) -> Tensor:
        return gate(self.to_activation(x))

    def to_residual(self, x: Tensor) -> Tensor:
        return self.to_unrounded(x).floor_()

    def to_unrounded(self, x: Tensor) -> Tensor:
        """float32 (N, out), whose floor is rq(x W^T) limited to [-8191, 8191]."""
        return self._multiply(x, self.half, torch.float32, (-RESIDUAL_LIMIT, RESIDUAL_LIMIT + 0.5))

    def _multiply(self, x: Tensor, bias: Tensor, dtype: torch.dtype, limits: tuple[float, float]) -> Tensor:
        multiply = torch.ops.onednn.qlinear_pointwise
        weight = (self.packed, self.scale, self.zero_point)
        return cast(Tensor, multiply(x, 1.0, 0, *weight, bias, 1.0, 0, dtype, "hardtanh", [*limits], ""))


@dataclass(frozen=True, slots=True)
class Int8Backend:
    """On CPUs, and on CUDA cards from compute capability 8.0 on."""

    name: str = "int8"

    def is_for(self, device: str) -> bool:
        return device == "cpu" or device.startswith("cuda")

    def prepare(self, weight: Tensor, scale: Scale) -> Int8Linear | IntegerLinear:
        if weight.device.type != "cpu":
            check_capability(self.name, weight.device, (8, 0))
            allow_exact_floats()
            return IntegerLinear.open(weight, scale)
        return Int8Linear.pack(weight, scale)

    def open_stages(self, profile: Profile, device: str) -> TensorStages:
        return TensorStages.open(profile, device)
