from __future__ import annotations

import numpy as np
import pytest
import torch

from pow_kernels.evaluator import SprintKeys
from pow_kernels.oracle import Oracle
from pow_kernels.spec import DEV32, TINY
from soundness.forward import _keep_two_of_four, run_variants
from soundness.variants import TRUE, list_cheats

SEED, HOST = bytes(32), bytes(20)


def test_run_variants__network_that_leaves_nothing_out__is_the_oracle_and_no_cheat_is() -> None:
    cheats = list_cheats(TINY)
    outputs, trace = run_variants(SprintKeys.derive(TINY, SEED, HOST), (TRUE, *cheats), torch.arange(3))
    truth = outputs[TRUE.name].numpy()
    assert np.array_equal(truth, np.stack(Oracle(TINY, SEED, HOST).compute_outputs(range(3))))
    equal = {v.name for v in cheats if np.array_equal(outputs[v.name].numpy(), truth)}
    assert equal <= {"one activation in 1000 off by one"}, "few activations are changed in three nonces"
    assert len(trace.x_rms) == TINY.layers
    assert all(31 < rms < 33 for rms in trace.x_rms)


def test_keep_two_of_four__ties_and_signs__keeps_the_largest_and_the_later_of_equals() -> None:
    weight = torch.tensor([[7, -7, 7, 1], [0, 0, 0, 0], [1, -2, 3, -4], [-5, 5, 2, 2]], dtype=torch.int8)
    assert _keep_two_of_four(weight).tolist() == [[0, -7, 7, 0], [0, 0, 0, 0], [0, 0, 3, -4], [-5, 5, 0, 0]]


def test_run_variants__attention_without_signs__is_another_network() -> None:
    keys = SprintKeys.derive(TINY, SEED, HOST)
    signed, unsigned = (run_variants(keys, (TRUE,), torch.arange(3), signed=s)[0][TRUE.name] for s in (True, False))
    assert not torch.equal(signed, unsigned)


def test_list_cheats__dev32__names_each_once_and_none_costs_more_than_the_truth() -> None:
    cheats = list_cheats(DEV32)
    assert len({v.name for v in cheats}) == len(cheats) == 27
    assert all(v.compute_cost(DEV32) < TRUE.compute_cost(DEV32) for v in cheats if not v.window)


@pytest.mark.parametrize(
    ("name", "share"),
    [("every second layer left out", 0.5), ("first token only", 0.126), ("all layers left out", 0.002)],
)
def test_compute_cost__parts_left_out__are_not_counted(name: str, share: float) -> None:
    variant = next(v for v in list_cheats(DEV32) if v.name == name)
    assert variant.compute_cost(DEV32) == pytest.approx(share, abs=0.002)
