"""How far the tokens of an answer lie from what the model would have drawn.  Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sidecar.inference.sampler import Floats, Sampling, compute_scores, draw

EXCLUDED_GAP_MILLI: Final = 1_000_000
"""The gap of a token that top-k, top-p or a bias leaves out here, and the greatest gap there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScore:
    """The token that the model draws with the same noise, and by how much its score exceeds that of the token given.

    `gap_milli` is in thousandths, rounded up: 0 just when the token repeats, or scores the same.
    """

    expected: int
    gap_milli: int


def score_token(logits_V: Floats, history: Sequence[int], token: int, sampling: Sampling) -> TokenScore:
    """The score of a token drawn from `logits_V`, after `history`, the tokens of the answer before it."""
    position = len(history)
    expected = draw(logits_V, sampling, position, history)
    if expected == token:
        return TokenScore(expected=expected, gap_milli=0)
    scores_V = compute_scores(logits_V, sampling, position, history)
    gap = float(np.float64(scores_V[expected]) - np.float64(scores_V[token]))
    milli = math.ceil(1000 * gap) if math.isfinite(gap) else EXCLUDED_GAP_MILLI
    return TokenScore(expected=expected, gap_milli=min(EXCLUDED_GAP_MILLI, milli))
