"""SHA-256 of many messages of one length, a lane per message; the schedule of a block stays in registers."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.sha256 import ROUND_WORDS, START_WORDS, pad_rows, swap_bytes

LANES = 64


@triton.jit
def rotate_right(x, BITS: tl.constexpr):
    return (x >> BITS) | (x << (32 - BITS))


@triton.jit
def advance(state, word):
    """One round on the eight working words; `word` holds schedule and round constant."""
    a, b, c, d, e, f, g, h = state
    sum1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)
    first = h + sum1 + (((f ^ g) & e) ^ g) + word
    sum0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)
    return first + sum0 + (((a | b) & c) | (a & b)), a, b, c, d + first, e, f, g


@triton.jit
def extend(w):
    """The schedule's next word from its last sixteen."""
    far, near = w[1], w[14]
    sigma0 = rotate_right(far, 7) ^ rotate_right(far, 18) ^ (far >> 3)
    sigma1 = rotate_right(near, 17) ^ rotate_right(near, 19) ^ (near >> 10)
    return w[0] + sigma0 + w[9] + sigma1


@triton.jit
def load_word(ptr, place, inside):
    return tl.load(ptr + place, mask=inside, other=0).to(tl.uint32, bitcast=True)


@triton.jit
def compress(words_ptr, constant_ptr, start_ptr, out_ptr, count, blocks, LANES: tl.constexpr):
    """Digest words (8, count) of messages given as words (blocks, 16, count)."""
    lane = tl.program_id(0) * LANES + tl.arange(0, LANES)
    inside = lane < count
    one = 0 * lane
    h0, h1 = load_word(start_ptr, one, inside), load_word(start_ptr, one + 1, inside)
    h2, h3 = load_word(start_ptr, one + 2, inside), load_word(start_ptr, one + 3, inside)
    h4, h5 = load_word(start_ptr, one + 4, inside), load_word(start_ptr, one + 5, inside)
    h6, h7 = load_word(start_ptr, one + 6, inside), load_word(start_ptr, one + 7, inside)
    block_ptr = words_ptr
    for _ in range(blocks):
        w = ()
        for i in tl.static_range(16):
            w = w + (load_word(block_ptr, i * count + lane, inside),)
        state = (h0, h1, h2, h3, h4, h5, h6, h7)
        for first in range(0, 64, 16):
            for r in tl.static_range(16):
                state = advance(state, w[0] + tl.load(constant_ptr + first + r).to(tl.uint32, bitcast=True))
                w = w[1:] + (extend(w),)
        h0, h1, h2, h3 = h0 + state[0], h1 + state[1], h2 + state[2], h3 + state[3]
        h4, h5, h6, h7 = h4 + state[4], h5 + state[5], h6 + state[6], h7 + state[7]
        block_ptr += 16 * count
    digest = (h0, h1, h2, h3, h4, h5, h6, h7)
    for i in tl.static_range(8):
        tl.store(out_ptr + i * count + lane, digest[i].to(tl.int32, bitcast=True), mask=inside)


def hash_rows(messages_BN: Tensor) -> Tensor:
    """uint8 (B, 32): the digest of each row of uint8 (B, N), without a visit to the host."""
    words_KWB = pad_rows(messages_BN)
    blocks, _, count = words_KWB.shape
    constants = torch.tensor((*ROUND_WORDS, *START_WORDS), device=messages_BN.device).to(torch.int32)
    digest_WB = torch.empty((8, count), dtype=torch.int32, device=messages_BN.device)
    compress[(triton.cdiv(count, LANES),)](
        words_KWB, constants, constants[64:], digest_WB, count, blocks, LANES=LANES
    )  # fmt: skip
    return swap_bytes(digest_WB.t().contiguous().view(torch.uint8))
