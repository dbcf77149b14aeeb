"""Triton kernels for every stage.  On a CUDA card they are compiled; in Triton's interpreter they run on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pow_kernels.acceptance import Judgement, frame_messages
from pow_kernels.backends.backend import BackendError
from pow_kernels.backends.cards import check_capability
from pow_kernels.spec import ACTIVATION_LIMIT, EXP2_LUT, RESIDUAL_LIMIT, Profile, Scale


@dataclass(frozen=True, slots=True)
class TritonLinear:
    """The weight as it was drawn; residuals are int16."""

    weight: Tensor
    scale: Scale

    def to_activation(self, x: Tensor) -> Tensor:
        from pow_kernels.triton.product import multiply_and_requantise

        return multiply_and_requantise(x.contiguous(), self.weight, self.scale, ACTIVATION_LIMIT, torch.int8)

    def to_gated(self, x: Tensor) -> Tensor:
        from pow_kernels.triton.gate import multiply_and_gate

        return multiply_and_gate(x.contiguous(), self.weight, self.scale)

    def to_residual(self, x: Tensor) -> Tensor:
        from pow_kernels.triton.product import multiply_and_requantise

        return multiply_and_requantise(x.contiguous(), self.weight, self.scale, RESIDUAL_LIMIT, torch.int16)


@dataclass(frozen=True, slots=True, kw_only=True)
class TritonStages:
    """lut: EXP2_LUT, int8 (32).  cos2_q64: the threshold, a u64 in two's complement, int64 (1)."""

    profile: Profile
    lut: Tensor
    cos2_q64: Tensor

    def draw_int8(self, key: bytes, nonces_B: Tensor, size: int) -> Tensor:
        from pow_kernels.triton.stream import draw_int8

        return draw_int8(key, nonces_B, size)

    def norm(self, x0_BTD: Tensor) -> Tensor:
        from pow_kernels.triton.norm import norm_rows

        return norm_rows(x0_BTD)

    def add_and_norm(self, z_BTD: Tensor, before_BTD: Tensor) -> Tensor:
        from pow_kernels.triton.norm import norm_rows

        return norm_rows(z_BTD, before_BTD)

    def attend(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        from pow_kernels.triton.attention import attend_two_pass

        return attend_two_pass(self.profile, self.lut, q_BQA, k_BTA, v_BTA)

    def judge(self, inputs_key: bytes, target_V: Tensor, nonces_B: Tensor, y_BV: Tensor) -> Judgement:
        from pow_kernels.triton.acceptance import judge_rows
        from pow_kernels.triton.sha256 import hash_rows

        digest = hash_rows(frame_messages(inputs_key, nonces_B, y_BV))
        dot, norm2, accepted = judge_rows(y_BV, digest, target_V, self.cos2_q64)
        return Judgement(digest=digest, dot=dot, norm2=norm2, accepted=accepted)


@dataclass(frozen=True, slots=True)
class TritonBackend:
    """CUDA cards from compute capability 8.0 on.  Triton is imported when it is used: not every machine has it."""

    name: str = "triton"

    def is_for(self, device: str) -> bool:
        return device.startswith("cuda")

    def prepare(self, weight: Tensor, scale: Scale) -> TritonLinear:
        if not _is_interpreted():
            check_capability(self.name, weight.device, (8, 0))
        return TritonLinear(weight, scale)

    def open_stages(self, profile: Profile, device: str) -> TritonStages:
        threshold = profile.cos2_q64 - (profile.cos2_q64 >> 63 << 64)
        return TritonStages(
            profile=profile,
            lut=torch.tensor(EXP2_LUT, dtype=torch.int8, device=device),
            cos2_q64=torch.tensor([threshold], device=device),
        )


def _is_interpreted() -> bool:
    try:
        from pow_kernels.triton.tuning import INTERPRETED
    except ImportError as error:
        raise BackendError(f"Triton is not installed: {error}") from error
    return INTERPRETED
