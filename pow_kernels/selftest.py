"""The start-up self-test: no proof is made by a backend that has not given the golden values on its device."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import Final

import torch
from torch import Tensor

from pow_kernels.acceptance import Judgement
from pow_kernels.backends import BACKENDS, Backend, BackendError
from pow_kernels.compilers import list_refusals
from pow_kernels.evaluator import Evaluator, SprintKeys
from pow_kernels.golden import GOLDEN, Golden, GoldenRow
from pow_kernels.memory import check_fits, choose_batch
from pow_kernels.model import Weights
from pow_kernels.spec import Profile, get_profile

MANY_ROWS: Final = (1 << 11, 3 << 13)
"""Rows of a product that are tested on a card at once, too: as many as are compiled and replayed, and as many as are
not replayed; each kind is computed in tiles of its own.
"""
MEASURED_ROWS: Final = 1 << 15
"""Rows of a product by which a card's backends are compared; `whitepaper` takes half a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The self-test of one backend on one device; `detail` says what was wrong, and is empty when it passed.

    nonces_per_s: how fast it then was, on a card; 0 where that was not measured.
    """

    device: str
    backend: str
    passed: bool
    duration_s: float
    detail: str
    nonces_per_s: float = 0.0

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
    """The fastest backend that gives the golden values; BackendError, naming all of them, when none does."""
    return select(run_selftest(profile, device))


def select(reports: tuple[Report, ...]) -> Selection:
    """The fastest that passed, the first where none was measured; BackendError with every detail where none did."""
    passed = [report for report in reports if report.passed]
    if not passed:
        raise BackendError("no backend passes: " + "; ".join(f"{r.backend} on {r.device}: {r.detail}" for r in reports))
    return Selection(backend=max(passed, key=lambda r: r.nonces_per_s).backend, reports=reports)


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
    nonces_per_s = 0.0
    try:
        evaluator = Evaluator.open(keys, weights, backend)
        detail = _test(evaluator, golden, device)
        if device.startswith("cuda") and not detail:
            nonces_per_s = _measure_fitting(evaluator, device)
    except list_refusals() as error:
        detail = str(error)
    return Report(
        device=device,
        backend=backend.name,
        passed=not detail,
        duration_s=perf_counter() - started,
        detail=detail,
        nonces_per_s=nonces_per_s,
    )


def _test(evaluator: Evaluator, golden: Golden, device: str) -> str:
    """What is wrong with its golden values; on a card also with the last of so many that what is for many runs.

    Fewer, and other numbers of them, may run by other code.
    """
    nonces_B = torch.tensor([row.nonce for row in golden.rows], device=device)
    detail = _describe_difference(golden, evaluator.judge(nonces_B))
    if detail or not device.startswith("cuda"):
        return detail
    profile = evaluator.keys.profile
    details = (
        _test_many(evaluator, golden, nonces_B, n) for n in choose_counts(profile, choose_batch(profile, device))
    )
    return next(filter(None, details), "")


def _test_many(evaluator: Evaluator, golden: Golden, nonces_B: Tensor, count: int) -> str:
    """What is wrong with the golden values at the end of so many nonces, or all of them if that is more."""
    times = -(-count // len(nonces_B))
    last_N = torch.arange(-len(nonces_B), 0, device=nonces_B.device)
    many_B = nonces_B.repeat(times)[-max(count, len(nonces_B)) :]
    return _describe_difference(golden, evaluator.judge(many_B).select(last_N))


def choose_counts(profile: Profile, fitting: int) -> tuple[int, ...]:
    """Nonces of each test of many, no more than fit."""
    return tuple(min(fitting, max(1, rows // profile.tokens)) for rows in MANY_ROWS)


def _measure_fitting(evaluator: Evaluator, device: str) -> float:
    """0 where so many nonces take more memory than was counted; such a backend still works, and is the last choice."""
    profile = evaluator.keys.profile
    try:
        return measure_rate(evaluator, min(MEASURED_ROWS // profile.tokens, choose_batch(profile, device)))
    except torch.OutOfMemoryError:
        return 0.0


def measure_rate(evaluator: Evaluator, count: int) -> float:
    """Nonces a second, over so many at once, after a first time."""
    nonces_B = torch.arange(max(count, 1), device=evaluator.target_V.device)
    evaluator.judge(nonces_B).accepted.tolist()
    started = perf_counter()
    evaluator.judge(nonces_B).accepted.tolist()
    return len(nonces_B) / (perf_counter() - started)


def _describe_difference(golden: Golden, judgement: Judgement) -> str:
    """The first row that is not the golden one, in words; empty when all are."""
    tags = [bytes(row[:8]).hex() for row in judgement.digest.tolist()]
    columns = (tags, judgement.dot.tolist(), judgement.norm2.tolist(), judgement.accepted.tolist())
    for wanted, *values in zip(golden.rows, *columns, strict=True):
        got = GoldenRow(wanted.nonce, *values)
        if got != wanted:
            return f"wrong golden value: {got} instead of {wanted}"
    return ""
