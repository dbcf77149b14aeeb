from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
import torch

from pow_kernels import oracle
from pow_kernels.backends import BACKENDS
from pow_kernels.model import Network, Weights
from pow_kernels.spec import TINY, get_profile
from pow_kernels.stream import draw_int8
from tests.pow_kernels.conftest import CPU_BACKENDS

KEY = bytes(range(32))


@pytest.fixture(scope="module")
def weights() -> Weights:
    with ThreadPoolExecutor(2) as pool:
        return Weights.draw(TINY, KEY, "cpu", pool)


def test_draw__golden_case__gives_the_published_tensors(case: dict[str, Any]) -> None:
    with ThreadPoolExecutor(2) as pool:
        drawn = Weights.draw(get_profile(case["profile"]), bytes.fromhex(case["weights_key"]), "cpu", pool)
    assert sha256(drawn.head.numpy().tobytes()).hexdigest() == case["head_sha256"]
    assert sha256(drawn.layers[0].q.numpy().tobytes()).hexdigest() == case["layer0_q_sha256"]


@pytest.mark.parametrize("name", CPU_BACKENDS)
@pytest.mark.parametrize("batch", [1, 2, 9])
def test_forward__random_inputs__gives_the_oracles_outputs(weights: Weights, name: str, batch: int) -> None:
    function = oracle.Oracle(TINY, bytes(32), bytes(20))
    function.weights_key, function.inputs_key = KEY, KEY
    inputs = draw_int8(KEY, torch.arange(batch), TINY.tokens * TINY.width).view(batch, TINY.tokens, TINY.width)
    outputs = Network.open(weights, BACKENDS[name]).forward(inputs)
    expected = np.stack(function.compute_outputs(range(batch)))
    assert np.array_equal(outputs.numpy(), expected)
