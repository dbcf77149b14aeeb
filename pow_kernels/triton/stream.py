"""ChaCha20 key streams, a lane per block of 64 bytes, written as the int8 values that are wanted."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from pow_kernels.stream import CONSTANT_WORDS

BLOCK_BYTES = 64
LANES = 128


@triton.jit
def rotate_left(x, BITS: tl.constexpr):
    return (x << BITS) | (x >> (32 - BITS))


@triton.jit
def quarter(a, b, c, d):
    """A quarter round on uint32 words."""
    a += b
    d = rotate_left(d ^ a, 16)
    c += d
    b = rotate_left(b ^ c, 12)
    a += b
    d = rotate_left(d ^ a, 8)
    c += d
    b = rotate_left(b ^ c, 7)
    return a, b, c, d


@triton.jit
def as_int8(word):
    """Four bytes as int8, with -128 read as 0."""
    result = word & 0
    for i in tl.static_range(4):
        byte = (word >> (8 * i)) & 255
        result |= tl.where(byte == 128, 0, byte) << (8 * i)
    return result


@triton.jit
def as_weights(half):
    """Two bytes as four weights: a byte's low nibble, then its high one, minus 8, with -8 read as 0."""
    result = half & 0
    for i in tl.static_range(4):
        nibble = (half >> (4 * i)) & 15
        result |= tl.where(nibble == 0, 0, (nibble - 8) & 255) << (8 * i)
    return result


@triton.jit
def store_word(out_ptr, lane, inside, word, NUMBER: tl.constexpr, NIBBLES: tl.constexpr):
    """Word NUMBER of every lane's block, as int8 values or as weights."""
    if NIBBLES:
        place = out_ptr + lane * 32 + 2 * NUMBER
        tl.store(place, as_weights(word & 0xFFFF).to(tl.int32, bitcast=True), mask=inside)
        tl.store(place + 1, as_weights(word >> 16).to(tl.int32, bitcast=True), mask=inside)
    else:
        tl.store(out_ptr + lane * 16 + NUMBER, as_int8(word).to(tl.int32, bitcast=True), mask=inside)


@triton.jit
def draw(head_ptr, nonce_ptr, out_ptr, lanes, blocks, NIBBLES: tl.constexpr, LANES: tl.constexpr):
    """Blocks of S(key, nonce), `blocks` per nonce; head_ptr holds the constants and the key, 12 words."""
    lane = tl.program_id(0).to(tl.int64) * LANES + tl.arange(0, LANES)
    inside = lane < lanes
    counter = (lane % blocks).to(tl.uint64)
    nonce = tl.load(nonce_ptr + lane // blocks, mask=inside, other=0).to(tl.uint64, bitcast=True)
    zero = (counter & 0).to(tl.uint32)
    s0 = zero + tl.load(head_ptr + 0).to(tl.uint32, bitcast=True)
    s1 = zero + tl.load(head_ptr + 1).to(tl.uint32, bitcast=True)
    s2 = zero + tl.load(head_ptr + 2).to(tl.uint32, bitcast=True)
    s3 = zero + tl.load(head_ptr + 3).to(tl.uint32, bitcast=True)
    s4 = zero + tl.load(head_ptr + 4).to(tl.uint32, bitcast=True)
    s5 = zero + tl.load(head_ptr + 5).to(tl.uint32, bitcast=True)
    s6 = zero + tl.load(head_ptr + 6).to(tl.uint32, bitcast=True)
    s7 = zero + tl.load(head_ptr + 7).to(tl.uint32, bitcast=True)
    s8 = zero + tl.load(head_ptr + 8).to(tl.uint32, bitcast=True)
    s9 = zero + tl.load(head_ptr + 9).to(tl.uint32, bitcast=True)
    s10 = zero + tl.load(head_ptr + 10).to(tl.uint32, bitcast=True)
    s11 = zero + tl.load(head_ptr + 11).to(tl.uint32, bitcast=True)
    s12 = counter.to(tl.uint32)
    s13 = (counter >> 32).to(tl.uint32)
    s14 = nonce.to(tl.uint32)
    s15 = (nonce >> 32).to(tl.uint32)
    a0, a1, a2, a3, b0, b1, b2, b3 = s0, s1, s2, s3, s4, s5, s6, s7
    c0, c1, c2, c3, d0, d1, d2, d3 = s8, s9, s10, s11, s12, s13, s14, s15
    for _ in range(10):
        a0, b0, c0, d0 = quarter(a0, b0, c0, d0)
        a1, b1, c1, d1 = quarter(a1, b1, c1, d1)
        a2, b2, c2, d2 = quarter(a2, b2, c2, d2)
        a3, b3, c3, d3 = quarter(a3, b3, c3, d3)
        a0, b1, c2, d3 = quarter(a0, b1, c2, d3)
        a1, b2, c3, d0 = quarter(a1, b2, c3, d0)
        a2, b3, c0, d1 = quarter(a2, b3, c0, d1)
        a3, b0, c1, d2 = quarter(a3, b0, c1, d2)
    store_word(out_ptr, lane, inside, a0 + s0, 0, NIBBLES)
    store_word(out_ptr, lane, inside, a1 + s1, 1, NIBBLES)
    store_word(out_ptr, lane, inside, a2 + s2, 2, NIBBLES)
    store_word(out_ptr, lane, inside, a3 + s3, 3, NIBBLES)
    store_word(out_ptr, lane, inside, b0 + s4, 4, NIBBLES)
    store_word(out_ptr, lane, inside, b1 + s5, 5, NIBBLES)
    store_word(out_ptr, lane, inside, b2 + s6, 6, NIBBLES)
    store_word(out_ptr, lane, inside, b3 + s7, 7, NIBBLES)
    store_word(out_ptr, lane, inside, c0 + s8, 8, NIBBLES)
    store_word(out_ptr, lane, inside, c1 + s9, 9, NIBBLES)
    store_word(out_ptr, lane, inside, c2 + s10, 10, NIBBLES)
    store_word(out_ptr, lane, inside, c3 + s11, 11, NIBBLES)
    store_word(out_ptr, lane, inside, d0 + s12, 12, NIBBLES)
    store_word(out_ptr, lane, inside, d1 + s13, 13, NIBBLES)
    store_word(out_ptr, lane, inside, d2 + s14, 14, NIBBLES)
    store_word(out_ptr, lane, inside, d3 + s15, 15, NIBBLES)


def draw_int8(key: bytes, nonces_B: Tensor, size: int) -> Tensor:
    """int8 (B, size) in [-127, 127]: the first bytes of S(key, nonce), with -128 read as 0.

    `nonces_B` is int64 holding u64 nonces in two's complement; `key` is 32 bytes.
    """
    return _draw(key, nonces_B, -(-size // BLOCK_BYTES), nibbles=False)[:, :size].contiguous()


def draw_weight(key: bytes, tensor: int, rows: int, columns: int, device: str) -> Tensor:
    """int8 (rows, columns) in [-7, 7] from the nibbles of S(key, tensor)."""
    size = rows * columns
    nonces_B = torch.tensor([tensor], device=device)
    return _draw(key, nonces_B, -(-size // (2 * BLOCK_BYTES)), nibbles=True)[0, :size].view(rows, columns)


def _draw(key: bytes, nonces_B: Tensor, blocks: int, *, nibbles: bool) -> Tensor:
    words = [*CONSTANT_WORDS, *(int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4))]
    head = torch.tensor(words, device=nonces_B.device).to(torch.int32)
    lanes = len(nonces_B) * blocks
    out = torch.empty((len(nonces_B), blocks * (32 if nibbles else 16)), dtype=torch.int32, device=nonces_B.device)
    draw[(triton.cdiv(lanes, LANES),)](head, nonces_B, out, lanes, blocks, NIBBLES=nibbles, LANES=LANES)
    return out.view(torch.int8)
