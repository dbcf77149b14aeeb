"""Scores of tokens against the sampler's own draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.inference.sampler import Floats, Sampling, compute_scores, draw
from sidecar.inference.scoring import EXCLUDED_GAP_MILLI, score_token

VOCABULARY = 500


def sampling(temperature: int = 1000, top_k: int = 0, top_p: int = 0, seed: int = 1) -> Sampling:
    return Sampling(
        temperature_milli=temperature,
        top_k=top_k,
        top_p_ppm=top_p,
        frequency_penalty_milli=200,
        presence_penalty_milli=0,
        bias=((3, 500),),
        seed=bytes([seed]) * 32,
    )


def logits(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(scale=3, size=VOCABULARY).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), temperature=st.sampled_from([0, 700, 1000]), top_p=st.sampled_from([0, 900_000]))
def test_score_token__the_token_that_was_drawn__has_no_gap(seed: int, temperature: int, top_p: int) -> None:
    history, drawing = [3, 7, 7], sampling(temperature, top_p=top_p, seed=seed % 256)
    token = draw(logits(seed), drawing, len(history), history)
    score = score_token(logits(seed), history, token, drawing)
    assert (score.expected, score.gap_milli) == (token, 0)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), token=st.integers(0, VOCABULARY - 1))
def test_score_token__any_token__falls_short_by_the_difference_of_scores(seed: int, token: int) -> None:
    history, drawing = [1, 2], sampling()
    scores_V = compute_scores(logits(seed), drawing, 2, history)
    score = score_token(logits(seed), history, token, drawing)
    gap = 1000 * (float(scores_V.max()) - float(scores_V[token]))
    assert score.expected == int(scores_V.argmax())
    assert gap <= score.gap_milli < gap + 1


@pytest.mark.parametrize(
    ("drawing", "why"),
    [(sampling(top_k=1), "top-k leaves it out"), (sampling(top_p=1), "top-p leaves it out")],
)
def test_score_token__a_token_that_could_not_be_drawn__has_the_greatest_gap(drawing: Sampling, why: str) -> None:
    least = int(logits(5).argmin())
    assert score_token(logits(5), [], least, drawing).gap_milli == EXCLUDED_GAP_MILLI, why
