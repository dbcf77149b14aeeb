"""The stages around the products in tensor operations, for every backend that has no kernels of its own for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pow_kernels import acceptance, spec, stream
from pow_kernels.acceptance import Judgement
from pow_kernels.attention import Attention
from pow_kernels.spec import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorStages:
    """Of one profile on one device; residuals are float32 holding integers.  Products in it are exact in tf32 too."""

    profile: Profile
    attention: Attention

    @classmethod
    def open(cls, profile: Profile, device: str) -> TensorStages:
        return cls(profile=profile, attention=Attention.open(profile, device))

    def draw_int8(self, key: bytes, nonces_B: Tensor, size: int) -> Tensor:
        return stream.draw_int8(key, nonces_B, size)

    def norm(self, x0_BTD: Tensor) -> Tensor:
        return norm(x0_BTD.to(torch.float32))

    def add_and_norm(self, z_BTD: Tensor, before_BTD: Tensor) -> Tensor:
        return norm(z_BTD.add_(before_BTD, alpha=spec.RESIDUAL_GAIN))

    def attend(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        return self.attention.apply(q_BQA, k_BTA, v_BTA)

    def judge(self, inputs_key: bytes, target_V: Tensor, nonces_B: Tensor, y_BV: Tensor) -> Judgement:
        return acceptance.judge(self.profile, inputs_key, target_V, nonces_B, y_BV)


def gate(gu_BTF: Tensor) -> Tensor:
    """int8 (..., F) from int8 g and u side by side: g through a piecewise ramp, times u.  int16 holds every term."""
    g, u = (half.to(torch.int16) for half in gu_BTF.chunk(2, dim=-1))
    ramp = g.clamp(-64, 64).add_(64)
    h = g.mul_(ramp).bitwise_right_shift_(7).mul_(u).add_(8).bitwise_right_shift_(4)
    return h.clamp_(-spec.ACTIVATION_LIMIT, spec.ACTIVATION_LIMIT).to(torch.int8)


def norm(z_BTD: Tensor) -> Tensor:
    """int8 (B, T, D): each token scaled to a root mean square of 32.  Overwrites z, float32 integers up to 9207.

    The square sum is exact in float64 (below 2^53), and so is the root of a radicand up to 2^34.  z * M / 2^16 + 1/2 is
    exact in float32 while below 256; beyond, the clamp decides.
    """
    width = z_BTD.shape[2]
    square_sum = z_BTD.to(torch.float64).square_().sum(2, keepdim=True).to(torch.int64).clamp_(min=1)
    radicand = ((width << spec.NORM_RADICAND_BITS) // square_sum).clamp_(max=spec.NORM_RADICAND_LIMIT)
    scale = radicand.to(torch.float64).sqrt_().floor_().mul_(1 / (1 << spec.NORM_SHIFT)).to(torch.float32)
    y_BTD = z_BTD.mul_(scale).add_(0.5).floor_().clamp_(-spec.ACTIVATION_LIMIT, spec.ACTIVATION_LIMIT)
    return y_BTD.to(torch.int8)
