from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pow_kernels.backends import BACKENDS, BackendError
from pow_kernels.backends.compiled import FEW_ROWS, CompiledBackend, CompiledLinear
from pow_kernels.backends.int8_cuda import IntegerLinear
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.model import Weights
from pow_kernels.spec import DEV, TINY, Profile, Scale
from pow_kernels.sprint import SprintFunction

SEED, HOST = bytes(range(32)), bytes(range(20))


class AnywhereBackend(CompiledBackend):
    """torch.compile writes C++ for a CPU, where the same code runs."""

    def prepare(self, weight: torch.Tensor, scale: Scale) -> CompiledLinear:
        return CompiledLinear(IntegerLinear.open(weight, scale))


def assert_same(profile: Profile, counts: tuple[int, ...]) -> None:
    keys = SprintKeys.derive(profile, SEED, HOST)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(profile, keys.weights, "cpu", pool)
    evaluator = Evaluator.open(keys, weights, AnywhereBackend())
    expected = Evaluator.open(keys, weights, BACKENDS["fp32"]).judge(torch.arange(max(counts)))
    for count in counts:
        assert torch.equal(evaluator.judge(torch.arange(count)).digest, expected.digest[:count])


def test_judge__few_nonces__stay_eager() -> None:
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert_same(TINY, (1, (FEW_ROWS - 1) // TINY.tokens))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == before


@pytest.mark.slow
@pytest.mark.parametrize("profile", [TINY, DEV], ids=["tiny", "dev"])
def test_judge__batches_of_several_sizes__are_compiled_and_give_the_same_bits(profile: Profile) -> None:
    """Minutes, in which a C++ compiler works."""
    torch.compiler.reset()
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert_same(profile, (256, 64, 200, 3))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before + 3


@pytest.mark.slow
def test_evaluate__256_nonces_of_dev_compiled_in_any_batches_and_threads__are_those_of_fp32() -> None:
    """Minutes, in which a C++ compiler works."""
    torch.compiler.reset()
    keys = SprintKeys.derive(DEV, SEED, HOST)
    with ThreadPoolExecutor(2) as pool:
        weights = Weights.draw(DEV, keys.weights, "cpu", pool)
        compiled, fp32 = (Evaluator.open(keys, weights, backend) for backend in (AnywhereBackend(), BACKENDS["fp32"]))
        expected = SprintFunction(fp32, fp32, pool, 1).evaluate(range(1024))
        for threads in (1, 2):
            function = SprintFunction(compiled, fp32, pool, threads)
            for batch in (1024, 64, 16, 3, 1):
                nonces = range(max(256, batch))
                parts = [function.evaluate(nonces[i : i + batch]) for i in range(0, len(nonces), batch)]
                assert [tag for part in parts for tag in part.tag] == [*expected.tag[: len(nonces)]]
                assert [dot for part in parts for dot in part.dot] == [*expected.dot[: len(nonces)]]


def test_prepare__a_cpu__is_refused() -> None:
    with pytest.raises(BackendError, match="the compiled backend does not run on cpu"):
        BACKENDS["compiled"].prepare(torch.zeros((4, 4), dtype=torch.int8), DEV.proj)
