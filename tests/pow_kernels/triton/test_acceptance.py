from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.spec import PROFILES, TINY
from pow_kernels.triton.acceptance import judge_rows
from tests.pow_kernels.conftest import KERNEL_DEVICE

GENERATOR = torch.Generator().manual_seed(4)


def judge(y: torch.Tensor, digest: torch.Tensor, target: torch.Tensor, cos2_q64: int) -> list[tuple[int, int, bool]]:
    threshold = torch.tensor([cos2_q64 - (cos2_q64 >> 63 << 64)], device=KERNEL_DEVICE)
    columns = judge_rows(y.to(KERNEL_DEVICE), digest.to(KERNEL_DEVICE), target.to(KERNEL_DEVICE), threshold)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def expect(y: torch.Tensor, digest: torch.Tensor, target: torch.Tensor, cos2_q64: int) -> list[tuple[int, int, bool]]:
    rows = []
    target_V = target.numpy().astype(np.int64)
    for y_V, key in zip(y.numpy().astype(np.int64), digest, strict=True):
        dot = int(y_V[oracle.permutation(len(y_V), bytes(key.tolist()))] @ target_V)
        norm2, target2 = int(y_V @ y_V), int(target_V @ target_V)
        rows.append((dot, norm2, dot > 0 and dot**2 * 2**64 > cos2_q64 * norm2 * target2))
    return rows


@pytest.mark.parametrize("outputs", sorted({4, 8, *(p.outputs for p in PROFILES.values())}))
def test_judge_rows__random_outputs__are_the_oracles(outputs: int) -> None:
    y = torch.randint(-127, 128, (5, outputs), dtype=torch.int8, generator=GENERATOR)
    digest = torch.randint(0, 256, (5, 32), dtype=torch.uint8, generator=GENERATOR)
    target = torch.randint(-127, 128, (outputs,), dtype=torch.int8, generator=GENERATOR)
    y[0], target[0] = 127, 127
    for cos2_q64 in (1, TINY.cos2_q64, 2**63 + 1, 2**64 - 1):
        assert judge(y, digest, target, cos2_q64) == expect(y, digest, target, cos2_q64)


@pytest.mark.parametrize("outputs", [4, 8192])
def test_judge_rows__threshold_just_below_and_at_the_cosine__decides_by_one(outputs: int) -> None:
    """Outputs and target of one size each: dot^2 = n2 * t2, and half of that once half of the signs turn."""
    y = torch.full((1, outputs), 127, dtype=torch.int8)
    target = torch.full((outputs,), 127, dtype=torch.int8)
    target[: outputs // 4] = -127
    digest = torch.zeros((1, 32), dtype=torch.uint8)
    exact = 2**62  # the cosine is 1/2
    assert [judge(y, digest, target, exact + step)[0][2] for step in (-1, 0, 1)] == [True, False, False]
    assert not judge(-y, digest, target, 1)[0][2]
