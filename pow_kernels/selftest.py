"""The start-up self-test: no proof is made by a backend that has not given the golden values on its device."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from time import perf_counter

import torch

from pow_kernels.acceptance import Judgement
from pow_kernels.backends import BACKENDS, Backend, BackendError
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.golden import GOLDEN, Golden, GoldenRow
from pow_kernels.memory import check_fits
from pow_kernels.model import Weights
from pow_kernels.spec import get_profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The self-test of one backend on one device; `detail` says what was wrong, and is empty when it passed."""

    device: str
    backend: str
    passed: bool
    duration_s: float
    detail: str

    def require(self) -> None:
        """BackendError, naming the backend, unless it passed."""
        if not self.passed:
            raise BackendError(f"the backend {self.backend} is refused on {self.device}: {self.detail}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The backend to use, and what the self-test said of every one, the refused too."""

    backend: str
    reports: tuple[Report, ...]


@cache
def run_selftest(profile: str, device: str) -> tuple[Report, ...]:
    """One report per backend for the device, the preferred first.  Run once per process, profile and device."""
    meant = {name: backend for name, backend in BACKENDS.items() if backend.is_for(device)}
    return compare_backends(profile, device, meant, GOLDEN[get_profile(profile).name])


def pick_backend(profile: str, device: str) -> Selection:
    """The first backend that gives the golden values; BackendError, naming all of them, when none does."""
    return select(run_selftest(profile, device))


def select(reports: tuple[Report, ...]) -> Selection:
    """The first backend that passed; BackendError with every detail when none did."""
    for report in reports:
        if report.passed:
            return Selection(backend=report.backend, reports=reports)
    raise BackendError("no backend passes: " + "; ".join(f"{r.backend} on {r.device}: {r.detail}" for r in reports))


def check_backend(backend: str, profile: str, device: str) -> Report:
    """What the self-test said of that backend; BackendError when it is none of the device's."""
    for report in run_selftest(profile, device):
        if report.backend == backend:
            return report
    meant = ", ".join(name for name, known in BACKENDS.items() if known.is_for(device))
    raise BackendError(f"there is no backend {backend!r} for {device}; those there are: {meant}")


def pick_second(backend: str, profile: str, device: str) -> str:
    """The backend that re-checks hits: the last other one that passes, which shares least with the preferred ones; or
    the same again where it is alone.
    """
    passed = [report.backend for report in run_selftest(profile, device) if report.passed]
    return next((name for name in reversed(passed) if name != backend), backend)


def compare_backends(profile: str, device: str, backends: Mapping[str, Backend], golden: Golden) -> tuple[Report, ...]:
    """Every backend against the golden rows, over one drawing of the weights; BackendError for an unusable device."""
    check_fits(get_profile(profile), device)
    keys = SprintKeys.derive(get_profile(profile), golden.sprint_seed, golden.host)
    try:
        with ThreadPoolExecutor(1) as pool:
            weights = Weights.draw(keys.profile, keys.weights, device, pool)
    except (RuntimeError, AssertionError) as error:  # what torch raises for a device that is not there
        raise BackendError(f"no weights can be drawn on {device}: {error}") from error
    return tuple(_compare(backend, keys, weights, device, golden) for backend in backends.values())


def _compare(backend: Backend, keys: SprintKeys, weights: Weights, device: str, golden: Golden) -> Report:
    started = perf_counter()
    try:
        evaluator = Evaluator.open(keys, weights, backend)
        nonces_B = torch.tensor([row.nonce for row in golden.rows], device=device)
        detail = _describe_difference(golden, evaluator.judge(nonces_B))
    except RuntimeError as error:  # torch's, for what the device lacks, and BackendError: reasons to refuse
        detail = str(error)
    duration_s = perf_counter() - started
    return Report(device=device, backend=backend.name, passed=not detail, duration_s=duration_s, detail=detail)


def _describe_difference(golden: Golden, judgement: Judgement) -> str:
    """The first row that is not the golden one, in words; empty when all are."""
    tags = [bytes(row[:8]).hex() for row in judgement.digest.tolist()]
    columns = (tags, judgement.dot.tolist(), judgement.norm2.tolist(), judgement.accepted.tolist())
    for wanted, *values in zip(golden.rows, *columns, strict=True):
        got = GoldenRow(wanted.nonce, *values)
        if got != wanted:
            return f"wrong golden value: {got} instead of {wanted}"
    return ""
