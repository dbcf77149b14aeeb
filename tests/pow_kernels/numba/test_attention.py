from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.numba.stages import FEW_TOKENS, NumbaStages
from pow_kernels.spec import DEV, TINY, WHITEPAPER, Profile


def draw(profile: Profile, low: int = -127, high: int = 127) -> torch.Tensor:
    shape = (3, 2, profile.tokens, profile.attention_width)
    return torch.randint(low, high + 1, shape, dtype=torch.int8, generator=torch.Generator().manual_seed(1))


def assert_exact(profile: Profile, values: torch.Tensor, first: int) -> None:
    q, k, v = values
    k, v = torch.cat((k, v), dim=2).chunk(2, dim=2)
    got = NumbaStages.open(profile).attend(q[:, first:], k, v)
    for row, *qkv in zip(got, *values, strict=True):
        expected = oracle.attention(profile, *(x.numpy().astype(np.int64) for x in qkv))
        assert np.array_equal(row.numpy(), expected[first:])


@pytest.mark.parametrize("profile", [TINY, DEV, WHITEPAPER], ids=lambda p: p.name)
@pytest.mark.parametrize("first", [0, 1, -1])
def test_attend__random_tensors__are_the_oracles(profile: Profile, first: int) -> None:
    for reach in (127, 20, 2):
        assert_exact(profile, draw(profile, -reach, reach), first)


@pytest.mark.parametrize(
    ("low", "high", "what"),
    [(127, 127, "all scores equal"), (-127, -126, "nearly equal"), (0, 0, "nothing"), (-1, 1, "small distances")],
)
def test_attend__extreme_tensors__are_the_oracles(low: int, high: int, what: str) -> None:
    assert_exact(DEV, draw(DEV, low, high), 0)


@pytest.mark.parametrize("tokens", [2, 33, FEW_TOKENS, FEW_TOKENS + 1])
def test_attend__other_numbers_of_tokens__are_the_oracles(tokens: int) -> None:
    profile = replace(TINY, tokens=tokens, heads=2)
    assert_exact(profile, draw(profile), 1)
