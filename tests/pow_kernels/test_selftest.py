from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
import torch
from numba.core.errors import TypingError
from torch import Tensor
from triton.errors import TritonError

from pow_kernels.backends import BACKENDS, Backend, BackendError
from pow_kernels.backends.backend import Linear
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.golden import GOLDEN
from pow_kernels.model import Weights
from pow_kernels.replay import choose_size
from pow_kernels.selftest import (
    Report,
    _test_many,
    check_backend,
    choose_counts,
    compare_backends,
    measure_rate,
    pick_backend,
    pick_second,
    run_selftest,
    select,
)
from pow_kernels.spec import PROFILES, TINY, Profile, Scale
from pow_kernels.stages import TensorStages, gate
from pow_kernels.triton.tuning import classify
from tests.pow_kernels.conftest import CPU_BACKENDS

ON_CPU = {name: BACKENDS[name] for name in CPU_BACKENDS}


@dataclass(frozen=True)
class SaturatingLinear:
    """Sums that stop at 2^15, as int8 products do on CPUs that add pairs in 16 bits."""

    weight: Tensor
    scale: Scale

    def to_activation(self, x: Tensor) -> Tensor:
        m, s = self.scale
        total = (x.to(torch.int64) @ self.weight.to(torch.int64).t()).clamp(-(2**13), 2**13)
        return ((total * m + (1 << (s - 1))) >> s).clamp(-127, 127).to(torch.int8)

    def to_gated(self, x: Tensor) -> Tensor:
        return gate(self.to_activation(x))

    def to_residual(self, x: Tensor) -> Tensor:
        return self.to_activation(x).to(torch.float32)


@dataclass(frozen=True)
class CpuBackend:
    def is_for(self, device: str) -> bool:
        return device == "cpu"

    def open_stages(self, profile: Profile, device: str) -> TensorStages:
        return TensorStages.open(profile, device)


@dataclass(frozen=True)
class SaturatingBackend(CpuBackend):
    name: str = "saturating"

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        return SaturatingLinear(weight, scale)


@dataclass(frozen=True)
class AbsentBackend(CpuBackend):
    name: str = "absent"

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        raise BackendError("this card has no such instruction")


@dataclass(frozen=True)
class UncompiledBackend(CpuBackend):
    """Its kernel is refused by a compiler."""

    error: type[Exception]
    name: str = "uncompiled"

    def prepare(self, weight: Tensor, scale: Scale) -> Linear:
        raise self.error("no such type")


def with_backends(*first: Backend) -> dict[str, Backend]:
    return {backend.name: backend for backend in first} | ON_CPU


@pytest.mark.parametrize("profile", ["tiny", "dev", "dev32"])
def test_run_selftest__this_machine__every_backend_passes(profile: str) -> None:
    reports = run_selftest(profile, "cpu")
    assert [(r.device, r.backend, r.passed, r.detail) for r in reports] == [
        ("cpu", "numba", True, ""),
        ("cpu", "int8", True, ""),
        ("cpu", "fp32", True, ""),
    ]


def test_compare_backends__wrong_and_absent_backends__are_refused_by_name_and_the_next_is_taken() -> None:
    backends = with_backends(SaturatingBackend(), AbsentBackend())
    selection = select(compare_backends("tiny", "cpu", backends, GOLDEN["tiny"]))
    assert selection.backend == "numba"
    saturating, absent, *_ = selection.reports
    assert not saturating.passed
    assert saturating.detail.startswith("wrong golden value: GoldenRow(nonce=")
    assert absent.detail == "this card has no such instruction"
    with pytest.raises(BackendError, match="the backend saturating is refused on cpu: wrong golden value"):
        saturating.require()


@pytest.mark.parametrize("error", [TypingError, TritonError, RuntimeError, PermissionError])
def test_compare_backends__kernel_that_does_not_compile__refuses_its_backend_alone(error: type[Exception]) -> None:
    backends = with_backends(UncompiledBackend(error))
    first, *others = compare_backends("tiny", "cpu", backends, GOLDEN["tiny"])
    assert not first.passed
    assert "no such type" in first.detail
    assert all(report.passed for report in others)


@pytest.mark.parametrize(
    "change", [{"tag": "00" * 8}, {"dot": 1}, {"norm2": 1}, {"accepted": True}], ids=lambda c: next(iter(c))
)
def test_compare_backends__any_golden_value_wrong__refuses_every_backend(change: dict[str, object]) -> None:
    golden = GOLDEN["tiny"]
    rows = (golden.rows[0]._replace(**change), *golden.rows[1:])
    reports = compare_backends("tiny", "cpu", ON_CPU, replace(golden, rows=rows))
    assert not any(report.passed for report in reports)
    with pytest.raises(BackendError, match=r"no backend passes: numba on cpu: wrong .*; fp32 on cpu: wrong"):
        select(reports)


def report(backend: str, nonces_per_s: float, detail: str = "") -> Report:
    return Report(
        device="cuda:0", backend=backend, passed=not detail, duration_s=1, detail=detail, nonces_per_s=nonces_per_s
    )


@pytest.mark.parametrize(
    ("reports", "taken", "why"),
    [
        ((report("int8", 10), report("bf16", 20), report("fp32", 5)), "bf16", "the fastest, whatever stands first"),
        ((report("triton", 99, "wrong"), report("int8", 10), report("fp32", 5)), "int8", "the fastest that passed"),
        ((report("int8", 0), report("fp32", 0)), "int8", "the first, where nothing was measured"),
    ],
)
def test_select__backends_of_a_card__takes_the_fastest_that_passed(
    reports: tuple[Report, ...], taken: str, why: str
) -> None:
    assert select(reports).backend == taken, why


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_choose_counts__room_for_all__tests_what_is_replayed_and_what_is_not_in_every_class_of_tiles(
    profile: Profile,
) -> None:
    replayed, plain = choose_counts(profile, 1 << 15)
    assert choose_size(replayed, profile.tokens) == replayed
    assert choose_size(plain, profile.tokens) == 0
    few = len(GOLDEN[profile.name].rows) * profile.tokens
    assert [classify(rows) for rows in (few, replayed * profile.tokens, plain * profile.tokens)] == [0, 1, 2]
    assert choose_counts(profile, 3) == (3, 3)


@pytest.mark.parametrize("count", [1, 4, 10, 64])
def test_test_many__golden_values_at_the_end_of_many__are_compared_whatever_their_number(count: int) -> None:
    golden = GOLDEN["tiny"]
    keys = SprintKeys.derive(TINY, golden.sprint_seed, golden.host)
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(TINY, keys.weights, "cpu", pool)
    evaluator = Evaluator.open(keys, weights, BACKENDS["int8"])
    nonces = torch.tensor([row.nonce for row in golden.rows])
    assert _test_many(evaluator, golden, nonces, count) == ""
    wrong = replace(golden, rows=(*golden.rows[:-1], golden.rows[-1]._replace(dot=1)))
    assert _test_many(evaluator, wrong, nonces, count).startswith("wrong golden value: GoldenRow(nonce=7")


def test_measure_rate__a_tiny_network__counts_nonces_a_second() -> None:
    keys = SprintKeys.derive(TINY, bytes(32), bytes(20))
    with ThreadPoolExecutor(1) as pool:
        weights = Weights.draw(TINY, keys.weights, "cpu", pool)
    evaluator = Evaluator.open(keys, weights, BACKENDS["int8"])
    assert 1 < measure_rate(evaluator, 64) < 1e8


def test_run_selftest__device_that_is_not_there__is_refused() -> None:
    with pytest.raises(BackendError, match="no weights can be drawn on nowhere"):
        run_selftest("tiny", "nowhere")


def test_pick_backend__this_machine__takes_the_preferred_one() -> None:
    assert pick_backend("tiny", "cpu").backend == "numba"


@pytest.mark.parametrize(("backend", "second"), [("numba", "fp32"), ("int8", "fp32"), ("fp32", "int8")])
def test_pick_second__several_that_pass__is_the_last_other_one(backend: str, second: str) -> None:
    assert check_backend(backend, "tiny", "cpu").passed
    assert pick_second(backend, "tiny", "cpu") == second
