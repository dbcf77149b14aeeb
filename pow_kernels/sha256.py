"""SHA-256 of many messages of one length at once.

On an accelerator it is computed by Triton or in tensors, so that no message visits the host.  On the CPU the host is
the device, and hashlib does a 2 KB message in 1.6 us where 60,000 small tensor operations take 170 ms a batch.
In tensors words are int32; their addition wraps as 32-bit addition must.  Source: FIPS 180-4.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Final

import torch
from torch import Tensor

from pow_kernels.compilers import list_refusals

# fmt: off
ROUND_WORDS: Final = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)
START_WORDS: Final = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)
# fmt: on


Hash = Callable[[Tensor], Tensor]
FEW: Final = 64
"""Messages that a host hashes sooner than an accelerator starts the operations for them: hits that are re-checked."""


def hash_rows(messages_BN: Tensor) -> Tensor:
    """uint8 (B, 32): the digest of each row of uint8 (B, N), on its device."""
    if messages_BN.device.type == "cpu" or len(messages_BN) <= FEW:
        return _hash_on_host(messages_BN.cpu()).to(messages_BN.device)
    return pick_hash(str(messages_BN.device))(messages_BN)


@cache
def pick_hash(device: str) -> Hash:
    """Triton's kernel; where it does not run or is wrong, tensor operations, whose starts take a second a batch."""
    sample_BN = torch.arange(3 * 100, device=device).to(torch.uint8).view(3, 100)
    try:
        from pow_kernels.triton.sha256 import hash_rows as hash_by_kernel

        digests = hash_by_kernel(sample_BN).cpu()
    except ImportError:
        return hash_in_tensors
    except list_refusals():
        return hash_in_tensors
    return hash_by_kernel if torch.equal(digests, _hash_on_host(sample_BN.cpu())) else hash_in_tensors


def _hash_on_host(messages_BN: Tensor) -> Tensor:
    digests = bytearray().join(sha256(message_N).digest() for message_N in messages_BN.contiguous().numpy())
    return torch.frombuffer(digests, dtype=torch.uint8).view(len(messages_BN), 32)


def hash_in_tensors(messages_BN: Tensor) -> Tensor:
    """The same by tensor operations alone, on any device."""
    words_KWB = pad_rows(messages_BN)
    schedule_KRB = _expand(words_KWB)
    schedule_KRB += _int32(ROUND_WORDS, messages_BN.device)[:, None]
    state_WB = _int32(START_WORDS, messages_BN.device)[:, None].repeat(1, len(messages_BN))
    for block_RB in schedule_KRB:
        state_WB += _compress(state_WB, block_RB)
    return swap_bytes(state_WB.t().contiguous().view(torch.uint8))


def _int32(words: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.tensor(words, device=device).to(torch.int32)


def swap_bytes(data_BN: Tensor) -> Tensor:
    return data_BN.view(len(data_BN), -1, 4).flip(-1).reshape(len(data_BN), -1)


def pad_rows(messages_BN: Tensor) -> Tensor:
    """int32 (blocks, 16, B): 0x80, zeros and the length in bits are appended; words are big-endian."""
    count, size = messages_BN.shape
    blocks = -(-(size + 9) // 64)
    tail = bytes([0x80]) + bytes(blocks * 64 - size - 9) + (8 * size).to_bytes(8, "big")
    tail_N = torch.frombuffer(bytearray(tail), dtype=torch.uint8).to(messages_BN.device)
    padded_BN = swap_bytes(torch.cat((messages_BN, tail_N.expand(count, -1)), dim=1))
    return padded_BN.view(torch.int32).view(count, blocks, 16).permute(1, 2, 0).contiguous()


def _rotate_right(x: Tensor, bits: int) -> Tensor:
    return (x << (32 - bits)).bitwise_or_((x >> bits).bitwise_and_((1 << (32 - bits)) - 1))


def _expand(words_KWB: Tensor) -> Tensor:
    """int32 (blocks, 64, B): the message schedule of every block at once."""
    blocks, _, count = words_KWB.shape
    w_KRB = torch.empty((blocks, 64, count), dtype=torch.int32, device=words_KWB.device)
    w_KRB[:, :16] = words_KWB
    for r in range(16, 64):
        near, far = w_KRB[:, r - 2], w_KRB[:, r - 15]
        sigma1 = _rotate_right(near, 17) ^ _rotate_right(near, 19) ^ (near >> 10).bitwise_and_((1 << 22) - 1)
        sigma0 = _rotate_right(far, 7) ^ _rotate_right(far, 18) ^ (far >> 3).bitwise_and_((1 << 29) - 1)
        w_KRB[:, r] = sigma1.add_(sigma0).add_(w_KRB[:, r - 7]).add_(w_KRB[:, r - 16])
    return w_KRB


def _compress(state_WB: Tensor, schedule_RB: Tensor) -> Tensor:
    """int32 (8, B): sixty-four rounds; the schedule holds the round constants already."""
    a, b, c, d, e, f, g, h = state_WB
    for word_B in schedule_RB:
        sum1 = _rotate_right(_rotate_right(_rotate_right(e, 14) ^ e, 5) ^ e, 6)
        first = sum1.add_((f ^ g).bitwise_and_(e).bitwise_xor_(g)).add_(h).add_(word_B)
        sum0 = _rotate_right(_rotate_right(_rotate_right(a, 9) ^ a, 11) ^ a, 2)
        second = sum0.add_((a | b).bitwise_and_(c).bitwise_or_(a & b))
        a, b, c, d, e, f, g, h = first + second, a, b, c, d + first, e, f, g
    return torch.stack((a, b, c, d, e, f, g, h))
