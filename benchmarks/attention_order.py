"""How much of an online softmax depends on the order of its blocks: `python -m benchmarks.attention_order`.

Flash attention keeps a running maximum and rescales what it has summed whenever the maximum rises.  Here the same rows
of attention are computed so in blocks of 16 and of 64 keys: in floats, and in integers with ITX-1's table and shifts.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from pow_kernels.attention import Attention
from pow_kernels.spec import DISTANCE_LIMIT, EXP2_LUT, SERVING

TOKENS, HEAD_DIM = 512, 128
BLOCKS = (16, 64)


def main() -> None:
    """Print the share of accumulators, and of outputs, that differ between the two block sizes."""
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randint(-81, 82, (TOKENS, HEAD_DIM), generator=generator) for _ in range(3))
    score = q @ k.t()
    for dtype in (torch.float32, torch.bfloat16):
        first, second = (attend_in_floats(score, v, block, dtype) for block in BLOCKS)
        print(f"{dtype}: {share_of(first, second):.4f} of the outputs differ in a bit")
    first, second = (attend_in_integers(score, v, block) for block in BLOCKS)
    print(f"integers, rescaled by table and shift: {share_of(first, second):.4f} of the accumulators differ")
    once = replace(SERVING, tokens=TOKENS, heads=1)
    exact = Attention.open(once, "cpu").apply(*(x.to(torch.int8)[None] for x in (q, k, v)))
    print(f"two passes: one result for every block size, int8 {tuple(exact.shape)}")


def share_of(first: Tensor, second: Tensor) -> float:
    """Of elements that are not equal."""
    return float((first != second).to(torch.float32).mean())


def attend_in_floats(score: Tensor, v: Tensor, block: int, dtype: torch.dtype) -> Tensor:
    """Online softmax in powers of two, operands of `dtype`, sums in float32; the last token's row sees every key."""
    scaled = score.to(torch.float32) * (SERVING.score.multiplier / (1 << SERVING.score.shift) / 32)
    highest = torch.full((TOKENS, 1), float("-inf"))
    total, numerator = torch.zeros(TOKENS, 1), torch.zeros(TOKENS, HEAD_DIM)
    for first in range(0, TOKENS, block):
        part = scaled[:, first : first + block]
        raised = torch.maximum(highest, part.amax(1, keepdim=True))
        e = torch.exp2(part - raised).to(dtype).to(torch.float32)
        fade = torch.exp2(highest - raised)
        total = total * fade + e.sum(1, keepdim=True)
        numerator = numerator * fade + e @ v[first : first + block].to(dtype).to(torch.float32)
        highest = raised
    return (numerator / total).to(dtype)


def attend_in_integers(score: Tensor, v: Tensor, block: int) -> Tensor:
    """The same with ITX-1's e, and accumulators that fade by LUT[D & 31] / 127, then by shifts, rounded down."""
    highest = score[:, :block].amax(1, keepdim=True)
    numerator = torch.zeros((TOKENS, HEAD_DIM), dtype=torch.int64)
    for first in range(0, TOKENS, block):
        part = score[:, first : first + block]
        raised = torch.maximum(highest, part.amax(1, keepdim=True))
        fade = weigh(raised - highest)
        numerator = torch.div(numerator * fade, EXP2_LUT[0], rounding_mode="floor")
        numerator += weigh(raised - part) @ v[first : first + block]
        highest = raised
    return numerator


def weigh(gap: Tensor) -> Tensor:
    """LUT[D & 31] >> (D >> 5) of gaps to a maximum."""
    m, s = SERVING.score
    distance = ((gap * m) >> s).clamp(max=DISTANCE_LIMIT)
    return torch.tensor(EXP2_LUT)[distance & 31] >> (distance >> 5)


if __name__ == "__main__":
    main()
