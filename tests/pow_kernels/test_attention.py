from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.attention import Attention
from pow_kernels.spec import DEV, TINY, WHITEPAPER, Profile

Values = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def draw(profile: Profile, batch: int, seed: int, low: int = -127, high: int = 127) -> Values:
    generator = torch.Generator().manual_seed(seed)
    shape = (3, batch, profile.tokens, profile.attention_width)
    q, k, v = torch.randint(low, high + 1, shape, dtype=torch.int8, generator=generator)
    return q, k, v


def assert_exact(profile: Profile, values: Values, first: int) -> None:
    q, k, v = values
    got = Attention.open(profile, "cpu").apply(q[:, first:], k, v)
    for row, *qkv in zip(got, q, k, v, strict=True):
        expected = oracle.attention(profile, *(x.numpy().astype(np.int64) for x in qkv))
        assert np.array_equal(row.numpy(), expected[first:])


@pytest.mark.parametrize("profile", [TINY, DEV, WHITEPAPER], ids=lambda p: p.name)
@pytest.mark.parametrize("first", [0, 1, -1])
def test_apply__random_values__are_the_oracles(profile: Profile, first: int) -> None:
    for low, high in ((-127, 127), (-20, 20), (-2, 2)):
        assert_exact(profile, draw(profile, 2, seed=high, low=low, high=high), first)


@pytest.mark.parametrize("profile", [TINY, DEV, WHITEPAPER], ids=lambda p: p.name)
def test_apply__extreme_values__are_the_oracles(profile: Profile) -> None:
    q, k, v = (x.sign() * 127 for x in draw(profile, 2, seed=3))
    assert_exact(profile, (q, k, v), 1)
    assert_exact(profile, (torch.full_like(q, 127), torch.full_like(k, -127), torch.full_like(v, 127)), 1)
    assert_exact(profile, (torch.zeros_like(q), k, v), 1)


def test_apply__token_0__is_its_own_value() -> None:
    values = torch.arange(-127, 128, dtype=torch.int8)[:, None, None].expand(-1, TINY.tokens, TINY.attention_width)
    got = Attention.open(TINY, "cpu").apply(values, values, values)
    assert torch.equal(got[:, 0], values[:, 0])
