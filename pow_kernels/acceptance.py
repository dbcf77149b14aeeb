"""From outputs to proofs: digest and tag, the permutation they key, dot product, and the exact test.

Names carry shapes: B nonces, V outputs, R permutation rounds.  Everything but the last comparison of the few survivors
stays on the outputs' device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import torch
from torch import Tensor

from pow_kernels import spec
from pow_kernels.sha256 import hash_rows
from pow_kernels.spec import Profile
from rules.seeds import le32

MASK_32: Final = 0xFFFFFFFF
FILTER_MARGIN: Final = 1 + 2.0**-40
"""What the float64 pre-filter allows for its own rounding, which stays below five units of 2^-53."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What follows from outputs, on their device.

    digest: uint8 (B, 32).  dot, norm2: int64 (B).  accepted: bool (B).
    """

    digest: Tensor
    dot: Tensor
    norm2: Tensor
    accepted: Tensor

    def select(self, rows_N: Tensor) -> Judgement:
        """Those rows, by index."""
        return Judgement(**{field.name: getattr(self, field.name)[rows_N] for field in fields(self)})

    @classmethod
    def join(cls, parts: Sequence[Judgement]) -> Judgement:
        """The rows of every part, in order; there is at least one part."""
        return cls(**{field.name: torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)})


def judge(profile: Profile, inputs_key: bytes, target_V: Tensor, nonces_B: Tensor, y_BV: Tensor) -> Judgement:
    """The judgement of int8 outputs; nonces are int64 holding u64 in two's complement."""
    digest = compute_digests(inputs_key, nonces_B, y_BV)
    target = target_V.to(torch.int32)
    image_BV = compute_permutation(digest, profile.outputs)
    dot = y_BV.gather(1, image_BV).to(torch.int32).mul_(target).sum(-1)
    y32_BV = y_BV.to(torch.int32)
    norm2 = y32_BV.mul_(y32_BV).sum(-1)
    accepted = is_accepted(dot, norm2, int(target.mul(target).sum()), profile.cos2_q64)
    return Judgement(digest=digest, dot=dot, norm2=norm2, accepted=accepted)


def compute_digests(inputs_key: bytes, nonces_B: Tensor, y_BV: Tensor) -> Tensor:
    """uint8 (B, 32): H("gonka/itx1/tag", Kn, LE64(nonce), y) of each row."""
    return hash_rows(frame_messages(inputs_key, nonces_B, y_BV))


def frame_messages(inputs_key: bytes, nonces_B: Tensor, y_BV: Tensor) -> Tensor:
    """uint8 (B, N): what the digest of each output is taken of, every part behind its length."""
    label = spec.LABEL_TAG.encode("ascii")
    before = b"".join((le32(len(label)), label, le32(len(inputs_key)), inputs_key, le32(8)))
    between = le32(y_BV.shape[1])
    parts = (
        _repeat(before, y_BV),
        nonces_B.view(torch.uint8).view(-1, 8),
        _repeat(between, y_BV),
        y_BV.view(torch.uint8),
    )
    return torch.cat(parts, dim=1)


def _repeat(data: bytes, rows: Tensor) -> Tensor:
    return torch.tensor(list(data), dtype=torch.uint8, device=rows.device).expand(len(rows), -1)


def compute_permutation(digest_B: Tensor, outputs: int) -> Tensor:
    """int64 (B, V): pi(i) for each i, keyed by the digest's bytes 8..31.

    A round's function is tabulated over the few values of the half it reads, then looked up.
    """
    bits = outputs.bit_length() - 1
    low_bits = bits // 2
    low_size, high_size = 1 << low_bits, 1 << (bits - low_bits)
    key_BR = digest_B[:, 8:].contiguous().view(torch.int32).to(torch.int64) & MASK_32
    low_L = torch.arange(low_size, device=digest_B.device)
    high_H = torch.arange(high_size, device=digest_B.device)
    from_high = mix(high_H, key_BR[:, ::2, None]) & (low_size - 1)
    from_low = mix(low_L, key_BR[:, 1::2, None]) & (high_size - 1)
    low_BV = (low_L ^ from_high[:, 0, :, None]).flatten(1)
    high_BV = high_H.repeat_interleave(low_size) ^ from_low[:, 0].gather(1, low_BV)
    for r in range(1, spec.PERMUTATION_ROUNDS // 2):
        low_BV ^= from_high[:, r].gather(1, high_BV)
        high_BV ^= from_low[:, r].gather(1, low_BV)
    return high_BV.bitwise_left_shift_(low_bits).bitwise_or_(low_BV)


def mix(x: Tensor, key: Tensor) -> Tensor:
    """The round function on 32-bit words held in int64; products may wrap, their low 32 bits are right."""
    x = (x + key) & MASK_32
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & MASK_32
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & MASK_32
    return x ^ (x >> 16)


def is_accepted(dot_B: Tensor, norm2_B: Tensor, target2: int, cos2_q64: int) -> Tensor:
    """bool (B): dot > 0 and dot^2 * 2^64 > cos2_q64 * norm2 * target2, decided in unbounded integers.

    float64 only sets aside what fails by more than its own rounding; the survivors, about one in `one_in`, are compared
    one by one.
    """
    left = dot_B.to(torch.float64).square_().mul_(2.0**64 * FILTER_MARGIN)
    survives = (dot_B > 0) & (left > norm2_B.to(torch.float64).mul_(float(cos2_q64 * target2)))
    rows_N = survives.nonzero()[:, 0]
    terms = zip(dot_B[rows_N].tolist(), norm2_B[rows_N].tolist(), strict=True)
    decided = [dot**2 << 64 > cos2_q64 * norm2 * target2 for dot, norm2 in terms]
    survives[rows_N] = torch.tensor(decided, dtype=torch.bool, device=survives.device)
    return survives
