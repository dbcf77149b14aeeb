"""The whole net by Triton's kernels, and by every backend of a card where there is one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import torch

from pow_kernels.backends import BACKENDS
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.model import Weights
from pow_kernels.oracle import Oracle
from pow_kernels.selftest import run_selftest
from pow_kernels.spec import DEV, TINY, WHITEPAPER, Profile
from pow_kernels.sprint import SprintFunction
from tests.pow_kernels.conftest import KERNEL_DEVICE

SEED, HOST = bytes(range(32)), bytes(range(20))
CARD_BACKENDS = [name for name, backend in BACKENDS.items() if backend.is_for("cuda:0")]


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "count"), [(TINY, 8), (DEV, 1)], ids=["tiny", "dev"])
def test_judge__whole_net__is_the_oracles(profile: Profile, count: int) -> None:
    keys = SprintKeys.derive(profile, SEED, HOST)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(profile, keys.weights, KERNEL_DEVICE, pool)
    evaluator = Evaluator.open(keys, weights, BACKENDS["triton"])
    judgement = evaluator.judge(torch.arange(count, device=KERNEL_DEVICE))
    expected = Oracle(profile, SEED, HOST).evaluate(range(count))
    assert [bytes(row.tolist()) for row in judgement.digest] == [result.digest for result in expected]
    assert judgement.dot.tolist() == [result.dot for result in expected]
    assert judgement.norm2.tolist() == [result.norm2 for result in expected]
    assert judgement.accepted.tolist() == [result.accepted for result in expected]


@pytest.mark.gpu
@pytest.mark.parametrize("profile", ["tiny", "dev", "dev32"])
def test_run_selftest__a_card__passes_every_backend(profile: str) -> None:
    reports = run_selftest(profile, "cuda:0")
    assert [(report.backend, report.passed, report.detail) for report in reports] == [
        (name, True, "") for name in CARD_BACKENDS
    ]


@pytest.mark.gpu
@pytest.mark.parametrize("backend", CARD_BACKENDS)
@pytest.mark.parametrize("batch", [1, 3, 16, 64, 1024])
def test_evaluate__a_card__gives_the_cpus_bits_whatever_the_batch(backend: str, batch: int) -> None:
    def open_on(device: str, name: str) -> SprintFunction:
        return SprintFunction.open(sprint_seed=SEED, profile=DEV, host=HOST, backend=name, device=device)

    nonces = range(1024)[: max(256, batch)]
    expected = open_on("cpu", "int8").evaluate(nonces)
    function = open_on("cuda:0", backend)
    got = [function.evaluate(nonces[i : i + batch]) for i in range(0, len(nonces), batch)]
    assert tuple(tag for part in got for tag in part.tag) == expected.tag
    assert tuple(dot for part in got for dot in part.dot) == expected.dot


@pytest.mark.gpu
@pytest.mark.parametrize("backend", CARD_BACKENDS)
def test_evaluate__ten_thousand_nonces_of_dev_on_a_card__are_the_cpus(backend: str) -> None:
    open_on = partial(SprintFunction.open, sprint_seed=SEED, profile=DEV, host=HOST)
    function = open_on(backend=backend, device="cuda:0")
    assert function.evaluate(range(10_000)) == open_on(backend="int8").evaluate(range(10_000))


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="this machine has no second CUDA device")
@pytest.mark.parametrize("backend", CARD_BACKENDS)
def test_evaluate__second_card_while_the_first_is_current__gives_the_cpus_bits(backend: str) -> None:
    open_on = partial(SprintFunction.open, sprint_seed=SEED, profile=DEV, host=HOST)
    function = open_on(backend=backend, device="cuda:1")
    assert function.evaluate(range(300)) == open_on(backend="int8").evaluate(range(300))


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("backend", CARD_BACKENDS)
def test_evaluate__64_nonces_of_whitepaper_on_a_card__are_the_cpus(backend: str) -> None:
    """Minutes, most of them on the CPU."""
    open_on = partial(SprintFunction.open, sprint_seed=SEED, profile=WHITEPAPER, host=HOST)
    function = open_on(backend=backend, device="cuda:0")
    assert function.evaluate(range(64)) == open_on(backend="int8").evaluate(range(64))


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.parametrize("backend", CARD_BACKENDS)
def test_evaluate__large_golden_case_on_a_card__gives_every_value_of_it(
    large_case: dict[str, Any], backend: str
) -> None:
    reports = {report.backend: report for report in run_selftest(large_case["profile"], "cuda:0")}
    assert reports[backend].passed, reports[backend].detail
