from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.spec import DEV, PROFILES, TINY, Profile, Scale
from pow_kernels.triton.product import multiply_and_requantise
from tests.pow_kernels.conftest import KERNEL_DEVICE


def assert_exact(x: torch.Tensor, weight: torch.Tensor, scale: Scale, limit: int) -> None:
    dtype = torch.int8 if limit == 127 else torch.int16
    got = multiply_and_requantise(x.to(KERNEL_DEVICE), weight.to(KERNEL_DEVICE), scale, limit, dtype)
    wide = x.numpy().astype(np.int64) @ weight.numpy().astype(np.int64).T
    assert got.dtype == dtype
    assert np.array_equal(got.cpu().to(torch.int64).numpy(), oracle.requantise(wide, scale, limit))


@pytest.mark.parametrize(
    ("rows", "outputs", "inner", "what"),
    [
        (1, 16, 64, "one row"),
        (64, 64, 64, "one tile"),
        (65, 130, 128, "a little more than tiles"),
        (7, 72, 88, "a fan-in that is no multiple of a tile"),
        (600, 64, 64, "more row tiles than go side by side"),
    ],
)
def test_multiply__random_tensors_of_any_shape__are_the_oracles(rows: int, outputs: int, inner: int, what: str) -> None:
    generator = torch.Generator().manual_seed(rows)
    x = torch.randint(-127, 128, (rows, inner), dtype=torch.int8, generator=generator)
    weight = torch.randint(-7, 8, (outputs, inner), dtype=torch.int8, generator=generator)
    assert_exact(x, weight, TINY.proj, 127)
    assert_exact(x, weight, DEV.ffn_out, 8191)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_multiply__extreme_tensors__are_the_oracles(profile: Profile) -> None:
    signs = torch.tensor([1, -1], dtype=torch.int8)
    for fan_in, scale, limit in (
        (profile.width, profile.proj, 127),
        (profile.attention_width, profile.attn_out, 8191),
        (profile.ffn, profile.ffn_out, 8191),
    ):
        x = torch.full((2, fan_in), 127, dtype=torch.int8) * signs[:, None]
        assert_exact(x, torch.full((2, fan_in), 7, dtype=torch.int8) * signs[:, None], scale, limit)


def test_multiply__every_sum_that_rounds_a_half__rounds_it_up() -> None:
    """One input and one weight of 1 make every sum from -127 to 127; at 1/2 each odd one is a half."""
    x = torch.zeros((255, 64), dtype=torch.int8)
    x[:, 0] = torch.arange(-127, 128)
    assert_exact(x, torch.eye(16, 64).to(torch.int8), Scale(1, 1), 127)
