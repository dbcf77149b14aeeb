"""ChaCha20 key streams, sixteen blocks side by side, written as the int8 values that are wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numba import int8, njit, uint32
from numpy.typing import NDArray
from torch import Tensor

from pow_kernels.stream import BLOCK_BYTES, CONSTANT_WORDS

Array = NDArray[Any]
LANES = 16
WORDS = 16


@njit(inline="always")
def quarter(x: Array, a: int, b: int, c: int, d: int) -> None:
    """A quarter round on four rows of words, each LANES wide."""
    for lane in range(LANES):
        wa, wb, wc, wd = x[a + lane], x[b + lane], x[c + lane], x[d + lane]
        wa = uint32(wa + wb)
        wd = uint32(wd ^ wa)
        wd = uint32((wd << uint32(16)) | (wd >> uint32(16)))
        wc = uint32(wc + wd)
        wb = uint32(wb ^ wc)
        wb = uint32((wb << uint32(12)) | (wb >> uint32(20)))
        wa = uint32(wa + wb)
        wd = uint32(wd ^ wa)
        wd = uint32((wd << uint32(8)) | (wd >> uint32(24)))
        wc = uint32(wc + wd)
        wb = uint32(wb ^ wc)
        wb = uint32((wb << uint32(7)) | (wb >> uint32(25)))
        x[a + lane], x[b + lane], x[c + lane], x[d + lane] = wa, wb, wc, wd


@njit(inline="always")
def permute(x: Array) -> None:
    """Twenty rounds; word w of every lane is row w."""
    for _ in range(10):
        quarter(x, 0, 64, 128, 192)
        quarter(x, 16, 80, 144, 208)
        quarter(x, 32, 96, 160, 224)
        quarter(x, 48, 112, 176, 240)
        quarter(x, 0, 80, 160, 240)
        quarter(x, 16, 96, 176, 192)
        quarter(x, 32, 112, 128, 208)
        quarter(x, 48, 64, 144, 224)


@njit(nogil=True, cache=True)
def draw(head: Array, nonces: Array, out: Array) -> None:
    """Blocks of S(key, nonce) as uint32 words (B, 16 blocks); head: the constants and the key, 12 words."""
    blocks = out.shape[1] // WORDS
    state = np.empty(WORDS * LANES, np.uint32)
    x = np.empty_like(state)
    for w in range(12):
        state[w * LANES : (w + 1) * LANES] = head[w]
    for n in range(len(nonces)):
        state[14 * LANES : 15 * LANES] = uint32(nonces[n] & 0xFFFFFFFF)
        state[15 * LANES :] = uint32(nonces[n] >> 32)
        for first in range(0, blocks, LANES):
            for lane in range(LANES):
                state[12 * LANES + lane] = uint32((first + lane) & 0xFFFFFFFF)
                state[13 * LANES + lane] = uint32((first + lane) >> 32)
            x[:] = state
            permute(x)
            for lane in range(min(LANES, blocks - first)):
                for w in range(WORDS):
                    place = w * LANES + lane
                    out[n, (first + lane) * WORDS + w] = uint32(x[place] + state[place])


@njit(nogil=True, cache=True)
def clear_lowest(values: Array) -> None:
    """-128 becomes 0, in place, int8 (N)."""
    for i in range(values.size):
        value = values[i]
        values[i] = int8(0) if value == -128 else value


@njit(nogil=True, cache=True)
def split_nibbles(data: Array, weights: Array) -> None:
    """int8 (2N) from uint8 (N): a byte's low nibble, then its high one, minus 8, with -8 read as 0."""
    for i in range(data.size):
        low, high = data[i] & 15, data[i] >> 4
        weights[2 * i] = int8(low - 8 if low else 0)
        weights[2 * i + 1] = int8(high - 8 if high else 0)


def draw_int8(key: bytes, nonces_B: Tensor, size: int) -> Tensor:
    """int8 (B, size) in [-127, 127]: the first bytes of S(key, nonce), with -128 read as 0.

    `nonces_B` is int64 holding u64 nonces in two's complement; `key` is 32 bytes.
    """
    values = _draw_words(key, nonces_B, size).view(torch.int8)
    clear_lowest(values.view(-1).numpy())
    return values[:, :size].contiguous()


def draw_weight(key: bytes, tensor: int, rows: int, columns: int, device: str) -> Tensor:
    """int8 (rows, columns) in [-7, 7] from the nibbles of S(key, tensor); there are as many as are even."""
    size = rows * columns
    data = _draw_words(key, torch.tensor([tensor], device=device), size // 2).view(torch.uint8)[0, : size // 2]
    weights = torch.empty(size, dtype=torch.int8, device=device)
    split_nibbles(data.numpy(), weights.numpy())
    return weights.view(rows, columns)


def _draw_words(key: bytes, nonces_B: Tensor, size: int) -> Tensor:
    words = (*CONSTANT_WORDS, *(int.from_bytes(key[i : i + 4], "little") for i in range(0, 32, 4)))
    blocks = -(-size // BLOCK_BYTES)
    out = torch.empty((len(nonces_B), blocks * WORDS), dtype=torch.int32)
    draw(np.array(words, dtype=np.uint32), nonces_B.numpy().view(np.uint64), out.numpy().view(np.uint32))
    return out
