from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.attention import Attention
from pow_kernels.spec import DEV, EXP2_LUT, TINY, WHITEPAPER, Profile
from pow_kernels.triton.attention import attend_two_pass
from tests.pow_kernels.conftest import KERNEL_DEVICE

LUT = torch.tensor(EXP2_LUT, dtype=torch.int8, device=KERNEL_DEVICE)
NARROW = replace(WHITEPAPER, heads=3)
"""The whole head width of 88, with few heads."""


def draw(profile: Profile, batch: int, low: int = -127, high: int = 127) -> torch.Tensor:
    shape = (3, batch, profile.tokens, profile.attention_width)
    return torch.randint(low, high + 1, shape, dtype=torch.int8, generator=torch.Generator().manual_seed(1))


def attend(profile: Profile, values: torch.Tensor, first: int) -> torch.Tensor:
    """Keys and values lie side by side, as a product of both gives them."""
    q, k, v = values.to(KERNEL_DEVICE)
    k, v = torch.cat((k, v), dim=2).chunk(2, dim=2)
    return attend_two_pass(profile, LUT, q[:, first:], k, v).cpu()


def assert_exact(profile: Profile, values: torch.Tensor, first: int) -> None:
    for row, *qkv in zip(attend(profile, values, first), *values, strict=True):
        expected = oracle.attention(profile, *(x.numpy().astype(np.int64) for x in qkv))
        assert np.array_equal(row.numpy(), expected[first:])


@pytest.mark.parametrize("profile", [TINY, DEV, NARROW], ids=lambda p: p.name)
@pytest.mark.parametrize("first", [0, 1, -1])
def test_attend__random_tensors__are_the_oracles(profile: Profile, first: int) -> None:
    assert_exact(profile, draw(profile, 2), first)


@pytest.mark.parametrize("batch", [1, 7, 8, 17])
@pytest.mark.parametrize("first", [0, 1, -1])
def test_attend__any_number_of_nonces__keeps_them_apart(batch: int, first: int) -> None:
    assert_exact(TINY, draw(TINY, batch, -20, 20), first)


@pytest.mark.parametrize(
    ("low", "high", "what"),
    [(127, 127, "all scores equal"), (-127, -126, "nearly equal"), (0, 0, "nothing"), (-1, 1, "small distances")],
)
def test_attend__extreme_tensors__are_the_oracles(low: int, high: int, what: str) -> None:
    assert_exact(TINY, draw(TINY, 2, low, high), 0)


def test_attend__queries_against_opposite_keys__reach_the_distance_limit() -> None:
    values = draw(DEV, 1)
    values[0], values[1] = 127, 127
    values[1, 0, 3] = -127
    assert_exact(DEV, values, 0)


@pytest.mark.parametrize("tokens", [2, 5, 16, 17, 33, 64, 100])
def test_attend__more_tokens_than_a_block__are_the_oracles(tokens: int) -> None:
    profile = replace(TINY, tokens=tokens, heads=2)
    assert_exact(profile, draw(profile, 1), 0)


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [512, 1024])
def test_attend__many_tokens__are_those_of_the_whole_table_of_scores(tokens: int) -> None:
    profile = replace(DEV, tokens=tokens, heads=2)
    values = draw(profile, 1, -20, 20)
    q, k, v = values
    assert torch.equal(attend(profile, values, 1), Attention.open(profile, "cpu").apply(q[:, 1:], k, v))
