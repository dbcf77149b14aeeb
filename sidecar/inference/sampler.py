"""The defined sampler: logits, history and a position to one token.  Pure, on the CPU, in float32.

V is the vocabulary.  Every step is elementwise or exact, so one set of logits gives one token on every machine.
Source: docs/inference.md, "The sampler".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

from rules.sampler import KNOT_BITS, NOISE_BITS, compute_noise_key, get_knots

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

MILLION: Final = 1_000_000
EXCLUDED: Final = np.float32(-np.inf)
MASS_BITS: Final = 40
"""top-p counts probability in integers: exp(z - max z) in units of 2^-40, rounded down."""
MARGIN: Final = np.float32(0.01)
NUCLEUS: Final = 1024
"""So many of the greatest tokens nearly always hold top-p's mass, and are sorted before all are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How tokens are drawn.  Thousandths, but `top_p_ppm`; 0 stands for: greedy, no limit, no penalty.

    `bias` holds (token, thousandths) pairs, each token once; `seed` is the request's 32 bytes.
    """

    temperature_milli: int
    top_k: int
    top_p_ppm: int
    frequency_penalty_milli: int
    presence_penalty_milli: int
    bias: tuple[tuple[int, int], ...]
    seed: bytes


def draw(logits_V: Floats, sampling: Sampling, position: int, history: Sequence[int]) -> int:
    """The token at a position of an answer, counted from 0, where `history` holds the answer's tokens before it.

    It is the smallest token with the greatest of `compute_scores`.  The noise is read from the tables only for tokens
    that could win: -ln(1 - q) >= q, so the noise of quantile q is at most -ln(q), to which MARGIN adds what tables and
    float32 may be off by; a token whose value and limit stay below the score of another cannot win.
    """
    kept_V = _restrict(_adjust(logits_V, sampling, history), sampling)
    if sampling.temperature_milli == 0:
        return int(np.argmax(kept_V))
    words_V = _draw_words(sampling.seed, position, len(kept_V))
    quantile_V = (words_V.astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-32)
    limit_V = kept_V - np.log(quantile_V) + MARGIN
    leader = int(np.argmax(limit_V))
    bound = kept_V[leader] + _compute_noise(words_V[leader : leader + 1])[0]
    hopeful = np.flatnonzero(limit_V >= bound)
    scores = kept_V[hopeful] + _compute_noise(words_V[hopeful])
    return int(hopeful[np.argmax(scores)])


def compute_scores(logits_V: Floats, sampling: Sampling, position: int, history: Sequence[int]) -> Floats:
    """float32 (V): penalised logits over temperature plus noise; -inf for tokens that top-k or top-p leave out."""
    kept_V = _restrict(_adjust(logits_V, sampling, history), sampling)
    if sampling.temperature_milli == 0:
        return kept_V
    return kept_V + _compute_noise(_draw_words(sampling.seed, position, len(kept_V)))


def compute_logprobs(logits_V: Floats) -> Floats:
    """float32 (V): the model's own log-probabilities, before penalties and temperature."""
    shifted_V = logits_V - logits_V.max()
    logprobs_V: Floats = (shifted_V - np.log(np.exp(shifted_V, dtype=np.float64).sum())).astype(np.float32)
    return logprobs_V


def _adjust(logits_V: Floats, sampling: Sampling, history: Sequence[int]) -> Floats:
    """Bias and penalties summed in integers and added once, then the division by the temperature."""
    deltas: Counter[int] = Counter(dict(sampling.bias))
    if sampling.frequency_penalty_milli or sampling.presence_penalty_milli:
        for token, times in Counter(history).items():
            deltas[token] -= sampling.frequency_penalty_milli * times + sampling.presence_penalty_milli
    z_V = logits_V.astype(np.float32, copy=True)
    for token, milli in deltas.items():
        z_V[token] += np.float32(milli / 1000)
    if sampling.temperature_milli:
        z_V /= np.float32(sampling.temperature_milli / 1000)
    return z_V


def _restrict(z_V: Floats, sampling: Sampling) -> Floats:
    """top-k, then top-p over what is left; equal values in the order of their tokens."""
    if sampling.temperature_milli == 0:
        return z_V
    if 0 < sampling.top_k < len(z_V):
        z_V = _keep_top_k(z_V, sampling.top_k)
    if 0 < sampling.top_p_ppm < MILLION:
        z_V = _keep_top_p(z_V, sampling.top_p_ppm)
    return z_V


def _keep_top_k(z_V: Floats, count: int) -> Floats:
    least = np.partition(z_V, len(z_V) - count)[len(z_V) - count]
    above, equal = np.flatnonzero(z_V > least), np.flatnonzero(z_V == least)
    return _keep(z_V, np.concatenate((above, equal[: count - len(above)])))


def _keep_top_p(z_V: Floats, ppm: int) -> Floats:
    """The fewest greatest tokens whose mass is at least `ppm` millionths of the whole."""
    distance_V = z_V.astype(np.float64) - np.float64(z_V.max())
    mass_V = np.floor(np.exp(distance_V) * 2.0**MASS_BITS).astype(np.int64)
    wanted = -(-int(mass_V.sum()) * ppm // MILLION)
    heavy = np.flatnonzero(mass_V)
    least = np.partition(z_V[heavy], -NUCLEUS)[-NUCLEUS] if len(heavy) > NUCLEUS else EXCLUDED
    order = _sort(z_V, heavy[z_V[heavy] >= least])
    if int(mass_V[order].sum()) < wanted:
        order = _sort(z_V, heavy)
    return _keep(z_V, order[: int(np.searchsorted(np.cumsum(mass_V[order]), wanted)) + 1])


def _sort(z_V: Floats, tokens: Integers) -> Integers:
    """Ascending tokens by falling value, equal ones in their order."""
    return tokens[np.argsort(-z_V[tokens], kind="stable")]


def _keep(z_V: Floats, tokens: Integers) -> Floats:
    kept_V = np.full_like(z_V, EXCLUDED)
    kept_V[tokens] = z_V[tokens]
    return kept_V


def _draw_words(seed: bytes, position: int, count: int) -> NDArray[np.uint32]:
    """uint32 (count): ChaCha20 with a 64-bit block counter from 0 and the position as 64-bit nonce."""
    nonce = bytes(8) + position.to_bytes(8, "little")
    encryptor = Cipher(ChaCha20(compute_noise_key(seed), nonce), mode=None).encryptor()
    return np.frombuffer(encryptor.update(bytes(4 * count)), dtype="<u4")


@cache
def _get_tables() -> Integers:
    return np.array(get_knots(), dtype=np.int64)


def _compute_noise(words: NDArray[np.uint32]) -> Floats:
    """float32: `rules.sampler.compute_noise` of each word; its integers have 21 bits, so they are exact."""
    doubled = 2 * words.astype(np.int64) + 1
    is_far = doubled >= 1 << 32
    x = np.where(is_far, (1 << 33) - doubled, doubled)
    octave = np.frexp(x.astype(np.float64))[1].astype(np.int64) - 1
    scaled = x << KNOT_BITS
    index = (octave << KNOT_BITS) + (scaled >> octave) - (1 << KNOT_BITS)
    rest = scaled & ((1 << octave) - 1)
    tables = _get_tables()
    table = is_far.astype(np.int64)
    left, right = tables[table, index], tables[table, index + 1]
    noise: Floats = (left + ((right - left) * rest >> octave)).astype(np.float32)
    return noise * np.float32(2.0**-NOISE_BITS)
