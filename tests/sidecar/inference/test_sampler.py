"""The defined sampler: its vectors, its shortcut, its distribution, and that it runs without torch."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pow_kernels.stream import draw_bytes
from rules.sampler import compute_noise, compute_noise_key
from sidecar.inference import sampler
from sidecar.inference.sampler import Sampling, compute_logprobs, compute_scores, draw

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "sampler.json").read_text())
SEED = bytes(range(32))
LOGITS = np.array([((7919 * i) % 2001 - 1000) / 64 for i in range(600)], dtype=np.float32)
PLAIN = Sampling(
    temperature_milli=1000,
    top_k=0,
    top_p_ppm=0,
    frequency_penalty_milli=0,
    presence_penalty_milli=0,
    bias=(),
    seed=SEED,
)
GREEDY = replace(PLAIN, temperature_milli=0)


@pytest.mark.parametrize("vector", VECTORS["draws"], ids=lambda vector: vector["name"])
def test_draw__vectors(vector: dict[str, Any]) -> None:
    given_ = {**vector["sampling"], "bias": tuple(map(tuple, vector["sampling"]["bias"])), "seed": SEED}
    sampling = Sampling(**given_)
    scores_V = compute_scores(LOGITS, sampling, vector["position"], vector["history"])
    assert draw(LOGITS, sampling, vector["position"], vector["history"]) == vector["token"]
    assert scores_V[vector["token"]].view(np.uint32) == vector["score_bits"]
    assert int(np.isfinite(scores_V).sum()) == vector["kept"]


@pytest.mark.parametrize("vector", VECTORS["words"], ids=lambda vector: str(vector["position"]))
def test_draw__its_words__are_the_stream_of_the_proof_function_under_the_noise_key(vector: dict[str, Any]) -> None:
    key, position = compute_noise_key(SEED), vector["position"]
    stream = draw_bytes(key, torch.tensor([position]), 80).numpy().tobytes()
    words = np.frombuffer(stream, dtype="<u4")[[0, 1, 2, 15, 16, 19]]
    assert words.tolist() == vector["first"]


def test_compute_scores__flat_logits__are_the_noise_itself() -> None:
    key = compute_noise_key(SEED)
    words = np.frombuffer(draw_bytes(key, torch.tensor([9]), 2000).numpy().tobytes(), dtype="<u4")
    scores_V = compute_scores(np.zeros(500, dtype=np.float32), PLAIN, 9, ())
    assert (scores_V.astype(np.float64) * 65536).tolist() == [compute_noise(int(word)) for word in words]


logit_lists = st.lists(
    st.one_of(st.integers(-30, 30).map(float), st.floats(-60, 60, width=32), st.just(0.0)), min_size=1, max_size=200
)
samplings = st.builds(
    Sampling,
    temperature_milli=st.sampled_from([0, 1, 300, 700, 1000, 1500, 30_000, 1_000_000]),
    top_k=st.sampled_from([0, 1, 3, 50, 10_000]),
    top_p_ppm=st.sampled_from([0, 1, 100_000, 500_000, 900_000, 999_999, 1_000_000]),
    frequency_penalty_milli=st.sampled_from([0, 500, -700]),
    presence_penalty_milli=st.sampled_from([0, 900, -2000]),
    bias=st.sampled_from([(), ((0, 5000),), ((0, -100_000),)]),
    seed=st.binary(min_size=32, max_size=32),
)


@settings(deadline=None, max_examples=300)
@given(logit_lists, samplings, st.integers(0, 1 << 40), st.lists(st.integers(0, 3), max_size=5))
def test_draw__any_logits_and_sampling__is_the_first_greatest_score(
    values: list[float], sampling: Sampling, position: int, history: list[int]
) -> None:
    logits = np.array(values, dtype=np.float32)
    history = [token for token in history if token < len(values)]
    scores_V = compute_scores(logits, sampling, position, history)
    assert draw(logits, sampling, position, history) == int(np.argmax(scores_V))


@pytest.mark.parametrize("temperature_milli", [300, 1000, 3000])
def test_draw__a_large_vocabulary__the_shortcut_finds_what_all_noise_says(temperature_milli: int) -> None:
    random = np.random.default_rng(1)
    for position in range(40):
        logits = (random.standard_normal(50_000) * random.choice([0.1, 1, 4])).astype(np.float32)
        sampling = replace(PLAIN, temperature_milli=temperature_milli)
        assert draw(logits, sampling, position, ()) == int(np.argmax(compute_scores(logits, sampling, position, ())))


def test_draw__many_positions__tokens_come_as_often_as_the_softmax_says() -> None:
    logits = np.log(np.array([0.5, 0.25, 0.15, 0.1], dtype=np.float32))
    counts = np.bincount([draw(logits, PLAIN, position, ()) for position in range(8000)], minlength=4)
    expected = np.array([0.5, 0.25, 0.15, 0.1]) * 8000
    assert float(((counts - expected) ** 2 / expected).sum()) < 16.3  # chi-square, 3 degrees of freedom, 0.1 %


def test_draw__greedy_with_equal_logits__the_smallest_token() -> None:
    assert draw(np.array([1, 3, 3, 2], dtype=np.float32), GREEDY, 0, ()) == 1


def test_compute_scores__top_k_with_equal_logits__keeps_the_smaller_tokens() -> None:
    scores_V = compute_scores(np.array([1, 2, 2, 2, 0], dtype=np.float32), replace(PLAIN, top_k=2), 0, ())
    assert np.flatnonzero(np.isfinite(scores_V)).tolist() == [1, 2]


@pytest.mark.parametrize(
    ("ppm", "kept"),
    [
        pytest.param(1, [1], id="never none"),
        pytest.param(499_000, [1], id="the first is enough"),
        pytest.param(510_000, [0, 1], id="the first is not enough"),
        pytest.param(1_000_000, [0, 1, 2], id="all"),
    ],
)
def test_compute_scores__top_p__keeps_the_fewest_that_reach_it(ppm: int, kept: list[int]) -> None:
    logits = np.log(np.array([0.3, 0.5, 0.2], dtype=np.float32))
    scores_V = compute_scores(logits, replace(PLAIN, top_p_ppm=ppm), 0, ())
    assert np.flatnonzero(np.isfinite(scores_V)).tolist() == kept


def test_compute_scores__top_p_over_a_flat_large_vocabulary__is_exact_beyond_the_nucleus() -> None:
    scores_V = compute_scores(np.zeros(5000, dtype=np.float32), replace(PLAIN, top_p_ppm=600_000), 0, ())
    assert np.flatnonzero(np.isfinite(scores_V)).tolist() == list(range(3000))


def test_compute_scores__penalties__count_how_often_a_token_came() -> None:
    sampling = replace(GREEDY, frequency_penalty_milli=500, presence_penalty_milli=250)
    scores_V = compute_scores(np.zeros(3, dtype=np.float32), sampling, 3, [1, 1, 2])
    assert scores_V.tolist() == [0, -1.25, -0.75]


def test_compute_logprobs__any_logits__are_the_models_own() -> None:
    logprobs_V = compute_logprobs(np.array([1, 2, 3], dtype=np.float32))
    assert float(np.exp(logprobs_V).sum()) == pytest.approx(1)
    assert float(logprobs_V[2]) == pytest.approx(-0.4076, abs=1e-4)


def test_sampler__imported__brings_no_torch() -> None:
    code = f"import sys, {sampler.__name__}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
