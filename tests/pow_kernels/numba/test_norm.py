from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.numba.norm import norm_rows


@pytest.mark.parametrize("spread", [1, 30, 300, 3000, 8191])
@pytest.mark.parametrize("width", [64, 256, 300, 2048])
def test_norm_rows__any_spread__is_the_oracles(spread: int, width: int) -> None:
    generator = torch.Generator().manual_seed(spread)
    z = torch.randint(-spread, spread + 1, (1, 6, width), generator=generator).to(torch.float32)
    before = torch.randint(-127, 128, (1, 6, width), dtype=torch.int8, generator=generator)
    z[0, 0], before[0, 0] = 0, 0
    z[0, 1], before[0, 1] = 8191, 127
    z[0, 2], before[0, 2] = -8191, -127
    z[0, 3], before[0, 3] = 0, 0
    z[0, 3, 0] = -spread
    total = z[0].numpy().astype(np.int64) + 8 * before[0].numpy().astype(np.int64)
    assert np.array_equal(norm_rows(z + 0.75, before)[0].numpy(), oracle.norm(total)), "what stands behind the point"
