"""Exact products in floats: every partial sum is an integer below 2^24, so no order of addition rounds in float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pow_kernels.backends.cards import allow_exact_floats
from pow_kernels.spec import ACTIVATION_LIMIT, RESIDUAL_LIMIT, Profile, Scale
from pow_kernels.stages import TensorStages, gate


@dataclass(frozen=True, slots=True)
class FloatLinear:
    """Keeps the weight as int8 and casts it for each product, so that a large model fits.

    multiply: float32 (N, out) = x W^T, exact, from int8 x and W.
    """

    weight: Tensor
    scale: Scale
    multiply: Callable[[Tensor, Tensor], Tensor]

    def to_activation(self, x: Tensor) -> Tensor:
        return self._requantise(x, ACTIVATION_LIMIT).to(torch.int8)

    def to_gated(self, x: Tensor) -> Tensor:
        return gate(self.to_activation(x))

    def to_residual(self, x: Tensor) -> Tensor:
        return self._requantise(x, RESIDUAL_LIMIT)

    def _requantise(self, x: Tensor, limit: int) -> Tensor:
        """a * m / 2^s + 1/2 is exact below 2^24 / 2^s, and rounding beyond that cannot cross the limit (spec.py)."""
        m, s = self.scale
        return self.multiply(x, self.weight).mul_(m / (1 << s)).add_(0.5).floor_().clamp_(-limit, limit)


@dataclass(frozen=True, slots=True)
class Fp32Backend:
    """Runs wherever torch does, at float32's speed, or on a card at tf32's."""

    name: str = "fp32"

    def is_for(self, device: str) -> bool:  # noqa: ARG002  # every device
        return True

    def prepare(self, weight: Tensor, scale: Scale) -> FloatLinear:
        if weight.is_cuda:
            allow_exact_floats()
        return FloatLinear(weight, scale, multiply_fp32)

    def open_stages(self, profile: Profile, device: str) -> TensorStages:
        return TensorStages.open(profile, device)


def multiply_fp32(x: Tensor, weight: Tensor) -> Tensor:
    """float32 (N, out): x W^T of int8 operands."""
    return x.to(torch.float32) @ weight.to(torch.float32).t()
