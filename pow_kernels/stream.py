"""ChaCha20 key streams in tensors, on whichever device they are wanted: inputs, weights and target.

ChaCha20 with a 64-bit block counter from 0 and a 64-bit nonce, as first published (not RFC 8439's 32/96 layout).
Source: D. J. Bernstein, "ChaCha, a variant of Salsa20" (2008).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

BLOCK_BYTES: Final = 64
CPU_LANES: Final = 4096
"""Blocks computed together: their state (256 KiB) stays in a core's cache."""
CARD_LANES: Final = 1 << 20
"""On an accelerator so many that starting the operations is no part of the time."""

CONSTANT_WORDS: Final = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)
ROTATIONS: Final = (16, 12, 8, 7)


def draw_bytes(key: bytes, nonces_B: Tensor, size: int) -> Tensor:
    """uint8 (B, size): the first `size` bytes of S(key, nonce) for each nonce, on the nonces' device.

    `nonces_B` is int64 holding u64 nonces in two's complement; `key` is 32 bytes.
    """
    blocks = -(-size // BLOCK_BYTES)
    lanes = len(nonces_B) * blocks
    stream_LW = torch.empty((lanes, 16), dtype=torch.int32, device=nonces_B.device)
    step = CPU_LANES if nonces_B.device.type == "cpu" else CARD_LANES
    for first in range(0, lanes, step):
        lane_L = torch.arange(first, min(first + step, lanes), device=nonces_B.device)
        state_WL = _initial_state(key, lane_L % blocks, nonces_B[lane_L // blocks])
        stream_LW[first : first + step] = _permute_blocks(state_WL).t()
    return stream_LW.view(torch.uint8).view(len(nonces_B), blocks * BLOCK_BYTES)[:, :size]


def draw_int8(key: bytes, nonces_B: Tensor, size: int) -> Tensor:
    """int8 (B, size) in [-127, 127]: the stream's bytes, with -128 read as 0."""
    values = draw_bytes(key, nonces_B, size).contiguous().view(torch.int8)
    return values.masked_fill_(values == -128, 0)


def draw_weight(key: bytes, tensor: int, rows: int, columns: int, device: str) -> Tensor:
    """int8 (rows, columns) in [-7, 7]: each byte's low nibble, then its high one, minus 8, with -8 read as 0."""
    data = draw_bytes(key, torch.tensor([tensor], device=device), rows * columns // 2)[0]
    nibbles = torch.stack((data & 15, data >> 4), dim=-1).view(torch.int8).sub_(8)
    return nibbles.masked_fill_(nibbles == -8, 0).view(rows, columns)


def _initial_state(key: bytes, counter_L: Tensor, nonce_L: Tensor) -> Tensor:
    """int32 (16, L): constants, key, 64-bit counter, 64-bit nonce."""
    fixed = [*CONSTANT_WORDS, *(int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4))]
    fixed_W = torch.tensor(fixed, device=counter_L.device).to(torch.int32)
    state_WL = torch.empty((16, len(counter_L)), dtype=torch.int32, device=counter_L.device)
    state_WL[0:12] = fixed_W[:, None]
    state_WL[12:14] = counter_L.view(torch.int32).view(-1, 2).t()
    state_WL[14:16] = nonce_L.contiguous().view(torch.int32).view(-1, 2).t()
    return state_WL


def _permute_blocks(state_WL: Tensor) -> Tensor:
    """int32 (16, L): twenty rounds over the state, plus the state.  Rows of four words are worked on together."""
    a, b, c, d = state_WL.clone().view(4, 4, -1)
    spare = torch.empty_like(a)
    for _ in range(10):
        _mix_columns(a, b, c, d, spare)
        b, c, d = b.roll(-1, 0), c.roll(-2, 0), d.roll(-3, 0)
        _mix_columns(a, b, c, d, spare)
        b, c, d = b.roll(1, 0), c.roll(2, 0), d.roll(3, 0)
    return torch.cat((a, b, c, d)).add_(state_WL)


def _mix_columns(a: Tensor, b: Tensor, c: Tensor, d: Tensor, spare: Tensor) -> None:
    """Four quarter rounds side by side, in place; int32 addition wraps as 32-bit addition must."""
    for left, right, moved, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        moved.bitwise_xor_(left.add_(right))
        torch.bitwise_left_shift(moved, bits, out=spare)
        moved.bitwise_right_shift_(32 - bits).bitwise_and_((1 << bits) - 1).bitwise_or_(spare)
