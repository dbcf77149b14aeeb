"""Exact products in plain float32: every partial sum is an integer below 2^24, so no order of addition rounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pow_kernels.spec import ACTIVATION_LIMIT, RESIDUAL_LIMIT, Scale


@dataclass(frozen=True, slots=True)
class Fp32Linear:
    """Keeps the weight as int8 and casts it for each product, so that a large model fits."""

    weight: Tensor
    scale: Scale

    def to_activation(self, x: Tensor) -> Tensor:
        return self._requantise(x, ACTIVATION_LIMIT).to(torch.int8)

    def to_residual(self, x: Tensor) -> Tensor:
        return self._requantise(x, RESIDUAL_LIMIT)

    def _requantise(self, x: Tensor, limit: int) -> Tensor:
        """a * m / 2^s + 1/2 is exact below 2^24 / 2^s, and rounding beyond that cannot cross the limit (spec.py)."""
        m, s = self.scale
        accumulator = x.to(torch.float32) @ self.weight.to(torch.float32).t()
        return accumulator.mul_(m / (1 << s)).add_(0.5).floor_().clamp_(-limit, limit)


@dataclass(frozen=True, slots=True)
class Fp32Backend:
    """Runs wherever torch does, at float32's speed."""

    name: str = "fp32"

    def prepare(self, weight: Tensor, scale: Scale) -> Fp32Linear:
        return Fp32Linear(weight, scale)
