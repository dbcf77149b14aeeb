"""What the backend `numba` is made of: oneDNN's int8 products with compiled loops around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.acceptance import Judgement, compute_digests, is_accepted
from pow_kernels.attention import Attention
from pow_kernels.backends.int8 import Int8Linear
from pow_kernels.numba.acceptance import compute_terms
from pow_kernels.numba.attention import attend_rows
from pow_kernels.numba.gate import gate
from pow_kernels.numba.norm import norm_rows
from pow_kernels.numba.stream import draw_int8
from pow_kernels.spec import Profile

FEW_TOKENS: Final = 64
"""Up to so many, scores are summed where they are needed; beyond, a float32 product of all of them is faster."""


@dataclass(frozen=True, slots=True)
class NumbaLinear:
    """oneDNN's product; residuals stay what it gives, and the norm rounds them."""

    product: Int8Linear

    def to_activation(self, x: Tensor) -> Tensor:
        return self.product.to_activation(x)

    def to_gated(self, x: Tensor) -> Tensor:
        return gate(self.product.to_activation(x))

    def to_residual(self, x: Tensor) -> Tensor:
        return self.product.to_unrounded(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbaStages:
    """Of one profile, on the CPU.  weight: e by distance, int32 (993).  sign: int32 (H, T, T)."""

    profile: Profile
    attention: Attention
    weight: NDArray[Any]
    sign: NDArray[Any]

    @classmethod
    def open(cls, profile: Profile) -> NumbaStages:
        attention = Attention.open(profile, "cpu")
        weight, sign = (table.numpy().astype(np.int32) for table in (attention.weight_N, attention.sign_HTJ))
        return cls(profile=profile, attention=attention, weight=weight, sign=sign)

    def draw_int8(self, key: bytes, nonces_B: Tensor, size: int) -> Tensor:
        return draw_int8(key, nonces_B, size)

    def norm(self, x0_BTD: Tensor) -> Tensor:
        return norm_rows(x0_BTD.to(torch.float32), torch.zeros_like(x0_BTD))

    def add_and_norm(self, z_BTD: Tensor, before_BTD: Tensor) -> Tensor:
        return norm_rows(z_BTD, before_BTD)

    def attend(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        if self.profile.tokens > FEW_TOKENS:
            return self.attention.apply(q_BQA, k_BTA, v_BTA)
        return attend_rows(self.weight, self.sign, self.profile.score, q_BQA, k_BTA, v_BTA)

    def judge(self, inputs_key: bytes, target_V: Tensor, nonces_B: Tensor, y_BV: Tensor) -> Judgement:
        digest = compute_digests(inputs_key, nonces_B, y_BV)
        dot, norm2 = compute_terms(y_BV, digest, target_V)
        target2 = int(target_V.to(torch.int64).square().sum())
        accepted = is_accepted(dot, norm2, target2, self.profile.cos2_q64)
        return Judgement(digest=digest, dot=dot, norm2=norm2, accepted=accepted)
