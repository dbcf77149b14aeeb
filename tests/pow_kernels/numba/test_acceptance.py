from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.numba.acceptance import compute_terms


@pytest.mark.parametrize("outputs", [4, 8, 256, 2048, 8192])
@pytest.mark.parametrize("reach", [1, 127])
def test_compute_terms__any_keys__are_those_of_the_oracles_permutation(outputs: int, reach: int) -> None:
    generator = torch.Generator().manual_seed(outputs)
    y = torch.randint(-reach, reach + 1, (3, outputs), dtype=torch.int8, generator=generator)
    y[2] = reach
    target = torch.randint(-127, 128, (outputs,), dtype=torch.int8, generator=generator)
    digests = [sha256(bytes([i])).digest() for i in range(3)]
    dot, norm2 = compute_terms(y, torch.tensor([list(d) for d in digests], dtype=torch.uint8), target)
    wide, wide_target = y.numpy().astype(np.int64), target.numpy().astype(np.int64)
    expected = [int(row[oracle.permutation(outputs, d)] @ wide_target) for row, d in zip(wide, digests, strict=True)]
    assert dot.tolist() == expected
    assert norm2.tolist() == (wide**2).sum(1).tolist()
