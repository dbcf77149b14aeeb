from __future__ import annotations

import numpy as np
import torch

from pow_kernels import oracle
from pow_kernels.numba.gate import gate


def test_gate__every_pair_of_inputs__is_the_oracles() -> None:
    values = torch.arange(-127, 128, dtype=torch.int8)
    g, u = torch.meshgrid(values, values, indexing="ij")
    expected = oracle.gate(g.numpy().astype(np.int64), u.numpy().astype(np.int64))
    assert np.array_equal(gate(torch.cat((g, u), dim=1)).numpy(), expected)
