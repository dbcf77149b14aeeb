"""Exact causal attention whose scores never leave the chip.

The definition takes distances from the *final* maximum of a row, so there are two passes over the keys: the first finds
the maximum, the second makes the scores again, weighs and adds.  One pass that rescales would depend on block order.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels import spec
from pow_kernels.spec import Profile

NO_SCORE = tl.constexpr(-(1 << 30))
"""Below every score; a later token's."""
DISTANCE_LIMIT = tl.constexpr(spec.DISTANCE_LIMIT)
MEAN_SHIFT = tl.constexpr(spec.MEAN_SHIFT)
MEAN_ONE = tl.constexpr(1 << spec.MEAN_SHIFT)
MEAN_HALF = tl.constexpr(1 << (spec.MEAN_SHIFT - 1))
LIMIT = tl.constexpr(spec.ACTIVATION_LIMIT)
GROUP_KEYS = 32
"""The least that an int8 product on tensor cores adds up at a time."""


@triton.jit
def sign_bits(t, j, head):
    """1 where popcount((t xor j) & head) is odd, else 0: the parity, by folding 32 bits."""
    bits = (t ^ j) & head
    bits = bits ^ (bits >> 16)
    bits = bits ^ (bits >> 8)
    bits = bits ^ (bits >> 4)
    bits = bits ^ (bits >> 2)
    return (bits ^ (bits >> 1)) & 1


@triton.jit
def load_rows(ptr, place, has_row, HEAD_DIM: tl.constexpr, BLOCK_E: tl.constexpr):
    """A head's columns of some rows, from their first elements on; zeros beyond the head's width."""
    e = tl.arange(0, BLOCK_E)
    mask = has_row[:, None] & (e[None, :] < HEAD_DIM)
    return tl.load(ptr + place[:, None] + e[None, :], mask=mask, other=0)


@triton.jit
def score_rows(q, k, asked, j, ASKING: tl.constexpr, TOKENS: tl.constexpr):
    """int32 scores of queries against keys, both counted over nonces; NO_SCORE where a key is later or another's."""
    t = TOKENS - ASKING + asked % ASKING
    own = (asked // ASKING)[:, None] == (j // TOKENS)[None, :]
    seen = own & ((j % TOKENS)[None, :] <= t[:, None])
    return tl.where(seen, tl.dot(q, tl.trans(k), out_dtype=tl.int32), NO_SCORE)


@triton.jit
def weigh(gap, lut_ptr, MULTIPLIER: tl.constexpr, SHIFT: tl.constexpr):
    """e of gaps to the final maximum.

    The table is of bytes: loads of whole words would be started a turn ahead, and with them the products that they hang
    on, which Triton cannot do for those of Hopper.
    """
    distance = tl.minimum((gap * MULTIPLIER) >> SHIFT, DISTANCE_LIMIT)
    return tl.load(lut_ptr + (distance & 31)).to(tl.int32) >> (distance >> 5)


@triton.jit(do_not_specialize=("batch",))
def attend(
    q_ptr,
    k_ptr,
    v_ptr,
    o_ptr,
    lut_ptr,
    kv_stride,
    batch,
    ASKING: tl.constexpr,
    TOKENS: tl.constexpr,
    HEADS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    MULTIPLIER: tl.constexpr,
    SHIFT: tl.constexpr,
    GROUP: tl.constexpr,
    BLOCK_Q: tl.constexpr,
    BLOCK_J: tl.constexpr,
    BLOCK_E: tl.constexpr,
):
    """o of the last ASKING tokens; one program per block of them, head and nonce, or group of nonces with few tokens.

    Of a group there is one block: queries and keys of its nonces are counted one after the other, as they lie.
    """
    head = tl.program_id(1)
    first = tl.program_id(2).to(tl.int64) * GROUP
    nonces = tl.minimum(batch - first, GROUP).to(tl.int32)
    asked = tl.program_id(0) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    t = TOKENS - ASKING + asked % ASKING
    q_place = (first * ASKING + asked) * (HEADS * HEAD_DIM) + head * HEAD_DIM
    q = load_rows(q_ptr, q_place, asked < nonces * ASKING, HEAD_DIM, BLOCK_E)
    kv_place = first * TOKENS * kv_stride + head * HEAD_DIM
    keys = nonces * TOKENS
    seen = tl.minimum(TOKENS - ASKING + (tl.program_id(0) + 1) * BLOCK_Q, TOKENS) if GROUP == 1 else keys
    highest = tl.full((BLOCK_Q,), NO_SCORE, dtype=tl.int32)
    for start in range(0, seen, BLOCK_J):
        j = start + tl.arange(0, BLOCK_J)
        k = load_rows(k_ptr, kv_place + j * kv_stride, j < keys, HEAD_DIM, BLOCK_E)
        highest = tl.maximum(highest, tl.max(score_rows(q, k, asked, j, ASKING, TOKENS), axis=1))
    weight_sum = tl.zeros((BLOCK_Q,), dtype=tl.int32)
    numerator = tl.zeros((BLOCK_Q, BLOCK_E), dtype=tl.int32)
    for start in range(0, seen, BLOCK_J):
        j = start + tl.arange(0, BLOCK_J)
        k = load_rows(k_ptr, kv_place + j * kv_stride, j < keys, HEAD_DIM, BLOCK_E)
        v = load_rows(v_ptr, kv_place + j * kv_stride, j < keys, HEAD_DIM, BLOCK_E)
        score = score_rows(q, k, asked, j, ASKING, TOKENS)
        gap = tl.where(score == NO_SCORE, 0, highest[:, None] - score)
        e = tl.where(score == NO_SCORE, 0, weigh(gap, lut_ptr, MULTIPLIER, SHIFT))
        weight_sum += tl.sum(e, axis=1)
        signed = tl.where(sign_bits(t[:, None], (j % TOKENS)[None, :], head) == 1, -e, e).to(tl.int8)
        numerator = tl.dot(signed, v, acc=numerator, out_dtype=tl.int32)
    reciprocal = MEAN_ONE // tl.maximum(weight_sum, 1)
    o = (numerator * reciprocal[:, None] + MEAN_HALF) >> MEAN_SHIFT
    o = tl.minimum(tl.maximum(o, -LIMIT), LIMIT).to(tl.int8)
    e = tl.arange(0, BLOCK_E)
    inside = (asked < nonces * ASKING)[:, None] & (e[None, :] < HEAD_DIM)
    tl.store(o_ptr + q_place[:, None] + e[None, :], o, mask=inside)


def build_constants(profile: Profile, asking: int) -> dict[str, int]:
    """What the kernel is compiled for: the shape, its scale, nonces, and blocks of queries, keys and head width.

    So many nonces go together as make a block of 32 keys: with 4 tokens, an eighth of the programs.
    """
    group = max(1, GROUP_KEYS // profile.tokens)
    return {
        "ASKING": asking,
        "TOKENS": profile.tokens,
        "HEADS": profile.heads,
        "HEAD_DIM": profile.head_dim,
        "MULTIPLIER": profile.score.multiplier,
        "SHIFT": profile.score.shift,
        "GROUP": group,
        "BLOCK_Q": min(64, max(16, triton.next_power_of_2(group * asking))),
        "BLOCK_J": min(64, max(GROUP_KEYS, triton.next_power_of_2(profile.tokens))),
        "BLOCK_E": max(32, triton.next_power_of_2(profile.head_dim)),
    }


def attend_two_pass(profile: Profile, lut: Tensor, q_BQA: Tensor, k_BTA: Tensor, v_BTA: Tensor) -> Tensor:
    """int8 (B, Q, A) for the last Q tokens.  `lut` is EXP2_LUT as int8; k and v may be halves of one tensor."""
    q_BQA = q_BQA.contiguous()
    batch, asking, _ = q_BQA.shape
    o_BQA = torch.empty_like(q_BQA)
    constants = build_constants(profile, asking)
    blocks = triton.cdiv(constants["GROUP"] * asking, constants["BLOCK_Q"])
    grid = (blocks, profile.heads, triton.cdiv(batch, constants["GROUP"]))
    attend[grid](q_BQA, k_BTA, v_BTA, o_BQA, lut, k_BTA.stride(1), batch, **constants)
    return o_BQA
