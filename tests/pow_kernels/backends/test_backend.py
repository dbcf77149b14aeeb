"""The contract of every backend: the oracle's bits, on random, extreme and half-way accumulators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.backends import BACKENDS, BackendError
from pow_kernels.backends.backend import Linear
from pow_kernels.backends.fp32 import FloatLinear
from pow_kernels.backends.int8_cuda import IntegerLinear
from pow_kernels.spec import DEV, PROFILES, SERVING, TINY, WHITEPAPER, Profile, Scale
from tests.pow_kernels.conftest import CPU_BACKENDS


def multiply_rounded(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The operands as a bf16 unit reads them, added in float32."""
    return x.to(torch.bfloat16).to(torch.float32) @ weight.to(torch.bfloat16).to(torch.float32).t()


LINEARS: dict[str, Callable[[torch.Tensor, Scale], Linear]] = {
    **{name: BACKENDS[name].prepare for name in CPU_BACKENDS},
    "int8 as on a card": IntegerLinear.open,
    "bf16 operands": lambda weight, scale: FloatLinear(weight, scale, multiply_rounded),
}
EVERY_BACKEND = pytest.mark.parametrize("name", list(LINEARS))
EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))


def assert_exact(name: str, x: torch.Tensor, weight: torch.Tensor, scale: Scale, limit: int) -> None:
    linear = LINEARS[name](weight, scale)
    got = linear.to_activation(x) if limit == 127 else linear.to_residual(x)
    wide = x.numpy().astype(np.int64) @ weight.numpy().astype(np.int64).T
    expected = oracle.requantise(wide, scale, limit)
    assert got.dtype == (torch.int8 if limit == 127 else torch.float32)
    assert np.array_equal(got.to(torch.float64).floor().to(torch.int64).numpy(), expected)


def scales_and_limits(profile: Profile) -> list[tuple[int, Scale, int]]:
    return [
        (profile.width, profile.proj, 127),
        (profile.attention_width, profile.attn_out, 8191),
        (profile.ffn, profile.ffn_out, 8191),
    ]


@EVERY_BACKEND
@EVERY_PROFILE
def test_linear__random_tensors__are_the_oracles(name: str, profile: Profile) -> None:
    generator = torch.Generator().manual_seed(1)
    for fan_in, scale, limit in scales_and_limits(profile):
        x = torch.randint(-127, 128, (5, fan_in), dtype=torch.int8, generator=generator)
        weight = torch.randint(-7, 8, (24, fan_in), dtype=torch.int8, generator=generator)
        assert_exact(name, x, weight, scale, limit)


@EVERY_BACKEND
@EVERY_PROFILE
def test_linear__extreme_tensors__are_the_oracles(name: str, profile: Profile) -> None:
    for fan_in, scale, limit in scales_and_limits(profile):
        signs = torch.tensor([1, -1], dtype=torch.int8)
        x = torch.full((2, fan_in), 127, dtype=torch.int8) * signs[:, None]
        weight = torch.full((16, fan_in), 7, dtype=torch.int8) * signs.repeat(8)[:, None]
        assert_exact(name, x, weight, scale, limit)


@EVERY_BACKEND
@pytest.mark.parametrize("profile", [TINY, DEV, WHITEPAPER, SERVING], ids=lambda p: p.name)
def test_linear__every_accumulator_up_to_the_clamp__rounds_halves_up(name: str, profile: Profile) -> None:
    """Against weights of 7 and 1 the inputs reach every sum, so every half and both limits are met."""
    m, s = profile.proj
    reach = (130 << s) // m
    sums = torch.arange(-reach, reach + 1)
    pieces = 36
    x = torch.zeros((len(sums), pieces), dtype=torch.int64)
    rest = sums.clone()
    for column in range(pieces):
        step = 7 if column < pieces - 8 else 1
        x[:, column] = torch.div(rest, step, rounding_mode="trunc").clamp(-127, 127)
        rest -= step * x[:, column]
    assert not rest.any()
    weight = torch.tensor([[7] * (pieces - 8) + [1] * 8] * 16, dtype=torch.int8)
    halves = (sums * m) % (1 << s) == 1 << (s - 1)
    assert int(halves.sum()) > 2
    assert_exact(name, x.to(torch.int8), weight, profile.proj, 127)


@EVERY_BACKEND
@pytest.mark.parametrize("rows", [1, 2, 7, 33, 300])
def test_linear__any_number_of_rows__gives_the_same_bits(name: str, rows: int) -> None:
    generator = torch.Generator().manual_seed(2)
    weight = torch.randint(-7, 8, (64, 256), dtype=torch.int8, generator=generator)
    x = torch.randint(-127, 128, (300, 256), dtype=torch.int8, generator=generator)
    linear = LINEARS[name](weight, DEV.proj)
    assert torch.equal(linear.to_activation(x)[:rows], linear.to_activation(x[:rows].contiguous()))


@EVERY_BACKEND
@pytest.mark.parametrize("outputs", [4, 16, 34])
def test_to_gated__g_over_u__is_the_oracles_gate(name: str, outputs: int) -> None:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randint(-7, 8, (outputs, 64), dtype=torch.int8, generator=generator)
    x = torch.randint(-127, 128, (9, 64), dtype=torch.int8, generator=generator)
    wide = oracle.requantise(x.numpy().astype(np.int64) @ weight.numpy().astype(np.int64).T, TINY.proj)
    expected = oracle.gate(*np.split(wide, 2, axis=1))
    assert np.array_equal(LINEARS[name](weight, TINY.proj).to_gated(x).to(torch.int64).numpy(), expected)


def test_integer_linear__weight_of_even_sizes__is_not_copied() -> None:
    weight = torch.ones((24, 64), dtype=torch.int8)
    assert IntegerLinear.open(weight, DEV.proj).weight.data_ptr() == weight.data_ptr()
    assert IntegerLinear.open(weight[:20, :60].contiguous(), DEV.proj).weight.shape == (64, 24)


@pytest.mark.parametrize("name", ["int8", "bf16"])
def test_prepare__device_it_is_not_for__is_refused(name: str) -> None:
    with pytest.raises(BackendError, match=f"the {name} backend does not run on meta"):
        BACKENDS[name].prepare(torch.empty((4, 4), dtype=torch.int8, device="meta"), DEV.proj)
