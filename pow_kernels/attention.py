"""Exact causal attention in two passes: scores against the final maximum of their row, then weighted means.

Products run in float32, where they are exact: scores stay below head_dim * 127^2 < 2^24, and numerators below
tokens * 127^2 < 2^24.  An online softmax that rescales a running maximum by shifts would not be exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from pow_kernels.spec import DISTANCE_LIMIT, EXP2_LUT, MEAN_SHIFT, Profile

FUTURE_SCORE: Final = -(1 << 23)
"""Added to the score of a later token; it puts the distance beyond every weight that is not 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """The attention of a profile on a device, with its tables.

    weight_N: e by distance, float32 (993,).  future_TJ: 0 or FUTURE_SCORE.  sign_HTJ: the signs that keep tokens apart.
    """

    profile: Profile
    weight_N: Tensor
    future_TJ: Tensor
    sign_HTJ: Tensor

    @classmethod
    def open(cls, profile: Profile, device: str) -> Attention:
        token_T = torch.arange(profile.tokens, device=device)
        return cls(
            profile=profile,
            weight_N=_weights_by_distance(device),
            future_TJ=(token_T > token_T[:, None]).to(torch.float32).mul_(FUTURE_SCORE),
            sign_HTJ=_signs(profile, token_T),
        )

    def apply(self, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
        """int8 (B, Q, A): the outputs of the last Q tokens, from int8 queries of those and keys and values of all."""
        asking = q_BQA.shape[1]
        q, k, v = (self._split_heads(x) for x in (q_BQA, k_BTA, v_BTA))
        score = (q @ k.transpose(2, 3)).add_(self.future_TJ[-asking:])
        e = self.weight_N[self._distances(score)]
        reciprocal = (1 << MEAN_SHIFT) // e.sum(-1, keepdim=True).to(torch.int32)
        numerator = e.mul_(self.sign_HTJ[:, -asking:]) @ v
        o = numerator.to(torch.int32).mul_(reciprocal).add_(1 << (MEAN_SHIFT - 1)).bitwise_right_shift_(MEAN_SHIFT)
        return o.to(torch.int8).transpose(1, 2).flatten(2)

    def _split_heads(self, x_BTA: Tensor) -> Tensor:
        """float32 (B, H, T, E), contiguous, so that the products need no copy of their own."""
        split = x_BTA.reshape(*x_BTA.shape[:2], self.profile.heads, self.profile.head_dim).transpose(1, 2)
        return split.to(torch.float32, memory_format=torch.contiguous_format)

    def _distances(self, score: Tensor) -> Tensor:
        """int64 in [0, 992].  Exact: below 993 * 2^s < 2^24 floats hold the product, and beyond the limit decides."""
        m, s = self.profile.score
        distance = score.sub_(score.amax(-1, keepdim=True)).mul_(-m / (1 << s))
        return distance.clamp_(max=DISTANCE_LIMIT).to(torch.int64)


def _weights_by_distance(device: str) -> Tensor:
    """float32 (993,): LUT[D & 31] >> (D >> 5) for every distance D."""
    distance_N = torch.arange(DISTANCE_LIMIT + 1, device=device)
    lut = torch.tensor(EXP2_LUT, device=device)
    return (lut[distance_N & 31] >> (distance_N >> 5)).to(torch.float32)


def _signs(profile: Profile, token_T: Tensor) -> Tensor:
    """float32 (H, T, T): -1 where popcount((t xor j) & head) is odd, else 1."""
    head_H = torch.arange(profile.heads, device=token_T.device)
    bits_HTJ = (token_T[:, None] ^ token_T) & head_H[:, None, None]
    for shift in (32, 16, 8, 4, 2, 1):
        bits_HTJ = bits_HTJ ^ (bits_HTJ >> shift)
    return (1 - 2 * (bits_HTJ & 1)).to(torch.float32)
