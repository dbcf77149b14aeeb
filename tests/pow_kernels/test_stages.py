from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.spec import STREAM_LIMIT
from pow_kernels.stages import gate, norm


def test_gate__every_pair_of_inputs__is_the_oracles() -> None:
    values = torch.arange(-127, 128, dtype=torch.int8)
    g, u = torch.meshgrid(values, values, indexing="ij")
    expected = oracle.gate(g.numpy().astype(np.int64), u.numpy().astype(np.int64))
    assert np.array_equal(gate(torch.cat((g, u), dim=1)[None])[0].numpy(), expected)


@pytest.mark.parametrize("spread", [1, 30, 300, 3000, STREAM_LIMIT])
@pytest.mark.parametrize("width", [64, 256, 2048])
def test_norm__any_spread__is_the_oracles(spread: int, width: int) -> None:
    generator = torch.Generator().manual_seed(spread)
    z = torch.randint(-spread, spread + 1, (1, 6, width), generator=generator).to(torch.float32)
    z[0, 0] = 0
    z[0, 1] = STREAM_LIMIT
    z[0, 2] = 0
    z[0, 2, 0] = -spread
    expected = oracle.norm(z[0].numpy().astype(np.int64))
    assert np.array_equal(norm(z)[0].numpy(), expected)
