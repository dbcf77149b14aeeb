"""The noise of the defined sampler: u32 words to Gumbel noise in integers.

A word v stands for the quantile (2v + 1) / 2^33 of an exponential variable e; the noise is -ln(e), a standard Gumbel
variable, in units of 2^-16.  It is read from two pinned tables with linear interpolation: `near` below the median,
where e is small and the noise great, `far` above it.  Both have 64 knots an octave over 32 octaves.
Source: docs/inference.md, "The sampler".
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from functools import cache
from typing import Final

from rules.seeds import framed_hash

NOISE_BITS: Final = 16
"""The noise is in units of 2^-16."""
KNOT_BITS: Final = 6
OCTAVES: Final = 32
MAX_NOISE: Final = 1_499_061
"""The noise of the word 0: 33 ln 2."""


def compute_noise_key(seed: bytes) -> bytes:
    """The ChaCha20 key of a request, from its 32-byte seed.

    Word i of the stream with nonce `position` (64 bits, counter from 0) belongs to token i of the vocabulary.
    """
    return framed_hash("gonka/noise", seed)


@cache
def get_knots() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tables `near` and `far`: 2,049 integers each, falling and rising.

    Knot 64 b + m stands for x = 2^b (1 + m / 64): near[x] is the noise at quantile x / 2^33, far[x] at 1 - x / 2^33,
    rounded half to even.
    """
    with localcontext(Context(prec=40)):
        quantiles = [_get_knot(index) * Decimal(5) ** 33 * Decimal(10) ** -33 for index in range(KNOT_COUNT)]
        near = tuple(_round(-(-(1 - quantile).ln()).ln()) for quantile in quantiles)
        far = tuple(_round(-(-quantile.ln()).ln()) for quantile in quantiles)
    return near, far


def compute_noise(word: int) -> int:
    """The noise of a word in [0, 2^32), in units of 2^-16; interpolation rounds down."""
    near, far = get_knots()
    doubled = 2 * word + 1
    table, x = (near, doubled) if doubled < 1 << 32 else (far, (1 << 33) - doubled)
    octave = x.bit_length() - 1
    scaled = x << KNOT_BITS
    index = octave * (1 << KNOT_BITS) + (scaled >> octave) - (1 << KNOT_BITS)
    rest = scaled & ((1 << octave) - 1)
    return table[index] + ((table[index + 1] - table[index]) * rest >> octave)


KNOT_COUNT: Final = (OCTAVES << KNOT_BITS) + 1


def _get_knot(index: int) -> Decimal:
    octave, step = index >> KNOT_BITS, index % (1 << KNOT_BITS)
    return Decimal(((1 << KNOT_BITS) + step) << octave) * Decimal(5) ** KNOT_BITS * Decimal(10) ** -KNOT_BITS


def _round(value: Decimal) -> int:
    return int((value * (1 << NOISE_BITS)).to_integral_value())
