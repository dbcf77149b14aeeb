"""int8 products with what follows them fused by torch.compile: for cards on which the Triton kernels fail.

Few rows stay eager: compiling would take longer than they do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

import torch
from torch import Tensor

from pow_kernels.backends.cards import allow_exact_floats, check_capability
from pow_kernels.backends.int8_cuda import IntegerLinear
from pow_kernels.spec import ACTIVATION_LIMIT, RESIDUAL_GAIN, RESIDUAL_LIMIT, Profile, Scale
from pow_kernels.stages import TensorStages, norm

FEW_ROWS: Final = 128
"""Below so many, nothing is compiled."""
Finish = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class CompiledLinear:
    """An integer product; its sums are finished in one kernel."""

    product: IntegerLinear

    def to_activation(self, x: Tensor) -> Tensor:
        if len(x) < FEW_ROWS:
            return self.product.to_activation(x)
        return compile_activation(self.product.scale)(self.product.multiply(x))

    def to_gated(self, x: Tensor) -> Tensor:
        if len(x) < FEW_ROWS:
            return self.product.to_gated(x)
        return compile_gated(self.product.scale)(self.product.multiply(x))

    def to_residual(self, x: Tensor) -> Tensor:
        if len(x) < FEW_ROWS:
            return self.product.to_residual(x)
        return compile_residual(self.product.scale)(self.product.multiply(x))


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStages(TensorStages):
    """Norm and attention compiled, the rest as it is in tensors."""

    compiled_norm: Callable[[Tensor, Tensor], Tensor]
    compiled_attend: Callable[[Tensor, Tensor, Tensor], Tensor]

    @classmethod
    def open(cls, profile: Profile, device: str) -> CompiledStages:
        eager = TensorStages.open(profile, device)
        return cls(
            profile=profile,
            attention=eager.attention,
            compiled_norm=compile_norm(),
            compiled_attend=torch.compile(eager.attention.apply),
        )

    def add_and_norm(self, z_BTD: Tensor, before_BTD: Tensor) -> Tensor:
        if z_BTD[..., 0].numel() < FEW_ROWS:
            return TensorStages.add_and_norm(self, z_BTD, before_BTD)
        return self.compiled_norm(z_BTD, before_BTD)

    def attend(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        if q_BQA[..., 0].numel() < FEW_ROWS:
            return TensorStages.attend(self, q_BQA, k_BTA, v_BTA)
        return self.compiled_attend(q_BQA, k_BTA, v_BTA)


@dataclass(frozen=True, slots=True)
class CompiledBackend:
    """CUDA cards from compute capability 8.0 on."""

    name: str = "compiled"

    def is_for(self, device: str) -> bool:
        return device.startswith("cuda")

    def prepare(self, weight: Tensor, scale: Scale) -> CompiledLinear:
        check_capability(self.name, weight.device, (8, 0))
        allow_exact_floats()
        return CompiledLinear(IntegerLinear.open(weight, scale))

    def open_stages(self, profile: Profile, device: str) -> CompiledStages:
        return CompiledStages.open(profile, device)


def _requantise(total: Tensor, scale: Scale, limit: int) -> Tensor:
    """In int32, which holds sum * m + 2^(s-1) for every accumulator (spec.py)."""
    m, s = scale
    return ((total * m + (1 << (s - 1))) >> s).clamp(-limit, limit)


@cache
def compile_activation(scale: Scale) -> Finish:
    """int8 from int32 sums."""
    return torch.compile(lambda total: _requantise(total, scale, ACTIVATION_LIMIT).to(torch.int8))


@cache
def compile_residual(scale: Scale) -> Finish:
    """float32 from int32 sums."""
    return torch.compile(lambda total: _requantise(total, scale, RESIDUAL_LIMIT).to(torch.float32))


@cache
def compile_gated(scale: Scale) -> Finish:
    """h, int8, from the int32 sums of g and u side by side."""

    def finish(total: Tensor) -> Tensor:
        g, u = _requantise(total, scale, ACTIVATION_LIMIT).chunk(2, dim=-1)
        ramped = (g * (g + 64).clamp(0, 128)) >> 7
        return ((ramped * u + 8) >> 4).clamp(-ACTIVATION_LIMIT, ACTIVATION_LIMIT).to(torch.int8)

    return torch.compile(finish)


@cache
def compile_norm() -> Callable[[Tensor, Tensor], Tensor]:
    """int8 norm(8 before + z)."""
    return torch.compile(lambda z, before: norm(z.add(before, alpha=RESIDUAL_GAIN)))
