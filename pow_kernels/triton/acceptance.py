"""Permutation, dot product and the exact test of one nonce per program, in integers on the device."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.spec import PERMUTATION_ROUNDS


@triton.jit
def mix(x, key):
    """The permutation's round function on uint32, whose arithmetic wraps."""
    x += key
    x = (x ^ (x >> 16)) * 0x85EBCA6B
    x = (x ^ (x >> 13)) * 0xC2B2AE35
    return x ^ (x >> 16)


@triton.jit
def judge(
    y_ptr,
    digest_ptr,
    target_ptr,
    terms_ptr,
    dot_ptr,
    norm2_ptr,
    accepted_ptr,
    OUTPUTS: tl.constexpr,
    LOW_BITS: tl.constexpr,
    HIGH_BITS: tl.constexpr,
    ROUNDS: tl.constexpr,
):
    """The terms of the test and its outcome.  terms_ptr: cos2_q64 and target^2, u64 in two's complement.

    dot^2 * 2^64 > cos2_q64 * n says the same as dot^2 > the high half of the 128-bit product cos2_q64 * n.
    """
    nonce = tl.program_id(0).to(tl.int64)
    i = tl.arange(0, OUTPUTS)
    low = (i & ((1 << LOW_BITS) - 1)).to(tl.uint32)
    high = (i >> LOW_BITS).to(tl.uint32)
    for r in tl.static_range(ROUNDS):
        key = tl.load(digest_ptr + nonce * 8 + 2 + r).to(tl.uint32, bitcast=True)
        if r % 2 == 0:
            low = low ^ (mix(high, key) & ((1 << LOW_BITS) - 1))
        else:
            high = high ^ (mix(low, key) & ((1 << HIGH_BITS) - 1))
    image = ((high << LOW_BITS) | low).to(tl.int32)
    y = tl.load(y_ptr + nonce * OUTPUTS + i).to(tl.int32)
    permuted = tl.load(y_ptr + nonce * OUTPUTS + image).to(tl.int32)
    dot = tl.sum(permuted * tl.load(target_ptr + i).to(tl.int32), axis=0).to(tl.int64)
    norm2 = tl.sum(y * y, axis=0).to(tl.int64)
    cos2_q64 = tl.load(terms_ptr).to(tl.uint64, bitcast=True)
    target2 = tl.load(terms_ptr + 1)
    floor = tl.umulhi(cos2_q64, (norm2 * target2).to(tl.uint64))
    accepted = (dot > 0) & ((dot * dot).to(tl.uint64) > floor)
    tl.store(dot_ptr + nonce, dot)
    tl.store(norm2_ptr + nonce, norm2)
    tl.store(accepted_ptr + nonce, accepted.to(tl.int8))


def judge_rows(y_BV: Tensor, digest: Tensor, target_V: Tensor, cos2_q64: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """dot and norm2, int64 (B), and accepted, bool (B), of int8 outputs, keyed by digests, uint8 (B, 32).

    cos2_q64 is an int64 tensor of one element that holds a u64 in two's complement.
    """
    count, outputs = y_BV.shape
    bits = outputs.bit_length() - 1
    target2 = target_V.to(torch.int64).square().sum().view(1)
    dot, norm2 = (torch.empty(count, dtype=torch.int64, device=y_BV.device) for _ in range(2))
    accepted = torch.empty(count, dtype=torch.int8, device=y_BV.device)
    judge[(count,)](
        y_BV, digest.view(torch.int32), target_V, torch.cat((cos2_q64, target2)), dot, norm2, accepted,
        OUTPUTS=outputs, LOW_BITS=bits // 2, HIGH_BITS=bits - bits // 2, ROUNDS=PERMUTATION_ROUNDS,
        num_warps=max(4, min(16, outputs // 512)),
    )  # fmt: skip
    return dot, norm2, accepted.to(torch.bool)
