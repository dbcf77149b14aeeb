"""A request's fields as the sidecar's integers."""

import json
from typing import Any

import pytest

from serving.sampling import build_sampling, seed_of_number
from wire.openai.documents import parse_request
from wire.openai.requests import ChatRequest

SEED = b"s" * 32


def build(**more: Any) -> Any:
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]} | more
    return build_sampling(parse_request(json.dumps(body).encode(), ChatRequest), SEED)


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ({}, "temperature_milli", 1_000),
        ({"temperature": 0}, "temperature_milli", 0),
        ({"temperature": 0.7}, "temperature_milli", 700),
        ({"temperature": 0.0004}, "temperature_milli", 0),
        ({}, "top_p_ppm", 1_000_000),
        ({"top_p": 0.95}, "top_p_ppm", 950_000),
        ({"top_p": 0}, "top_p_ppm", 1),
        ({"frequency_penalty": -1.5}, "frequency_penalty_milli", -1_500),
        ({"presence_penalty": 2}, "presence_penalty_milli", 2_000),
    ],
)
def test_build_sampling__each_field__is_scaled(more: dict[str, Any], field: str, value: int) -> None:
    assert getattr(build(**more), field) == value


def test_build_sampling__biases__are_in_the_order_of_their_tokens() -> None:
    bias = build(logit_bias={"100": 1, "20": -0.5}).bias
    assert [(entry.token, entry.bias_milli) for entry in bias] == [(20, -500), (100, 1_000)]


def test_build_sampling__the_seed__is_passed_on() -> None:
    assert build(seed=5).seed == SEED


def test_seed_of_number__each_number__has_its_own() -> None:
    numbers = [0, 1, -1, 2**63 - 1, -(2**63)]
    assert len({seed_of_number(number) for number in numbers}) == len(numbers)
