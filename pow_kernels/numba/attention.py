"""Exact causal attention of a few tokens: a row's scores, their maximum, then weights and means, all in the cache."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numba import int8, int32, njit
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.spec import ACTIVATION_LIMIT, DISTANCE_LIMIT, MEAN_SHIFT, Scale

Array = NDArray[Any]
NO_SCORE: Final = -(1 << 30)
"""Below every score."""


@njit(inline="always")
def score_row(q: Array, k: Array, score: Array) -> np.int32:
    """The scores of a query, int8 (E), against the keys (J, E), and the greatest of them."""
    highest = int32(NO_SCORE)
    for j in range(len(k)):
        total = int32(0)
        for i in range(len(q)):
            total = int32(total + int32(int32(q[i]) * int32(k[j, i])))
        score[j] = total
        highest = max(highest, total)
    return highest


@njit(nogil=True, cache=True)
def attend(qkvo: tuple[Array, Array, Array, Array], weight: Array, sign: Array, m: int, s: int) -> None:
    """o of the last Q tokens, int8 (B, Q, A), from int8 q (B, Q, A), k and v (B, T, A).

    weight: e by distance, int32 (993).  sign: int32 (H, T, T).  m, s: the scale of scores.
    """
    q, k, v, o = qkvo
    batch, asking, _ = q.shape
    heads, tokens, _ = sign.shape
    size = q.shape[2] // heads
    score, mean = np.empty(tokens, np.int32), np.empty(size, np.int32)
    for b in range(batch):
        for head in range(heads):
            first, last = head * size, (head + 1) * size
            for row in range(asking):
                t = tokens - asking + row
                highest = score_row(q[b, row, first:last], k[b, : t + 1, first:last], score)
                total = int32(0)
                mean[:] = 0
                for j in range(t + 1):
                    distance = int32(int32(int32(highest - score[j]) * int32(m)) >> int32(s))
                    e = weight[min(distance, int32(DISTANCE_LIMIT))]
                    total = int32(total + e)
                    e = int32(e * sign[head, t, j])
                    for i in range(size):
                        mean[i] = int32(mean[i] + int32(e * int32(v[b, j, first + i])))
                reciprocal = int32(int32(1 << MEAN_SHIFT) // total)
                for i in range(size):
                    scaled = int32(int32(mean[i] * reciprocal) + int32(1 << (MEAN_SHIFT - 1))) >> int32(MEAN_SHIFT)
                    limited = min(max(int32(scaled), int32(-ACTIVATION_LIMIT)), int32(ACTIVATION_LIMIT))
                    o[b, row, first + i] = int8(limited)


def attend_rows(weight: Array, sign: Array, scale: Scale, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
    """int8 (B, Q, A) for the last Q tokens; k and v may be halves of one tensor."""
    o_BQA = torch.empty_like(q_BQA)
    attend((q_BQA.numpy(), k_BTA.numpy(), v_BTA.numpy(), o_BQA.numpy()), weight, sign, *scale)
    return o_BQA
