"""`gnk pow`: the proof function by hand."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from typing import TYPE_CHECKING

import click

from chain_client.errors import PermanentError
from commands.call import Call, local
from commands.output import Json
from pow_kernels.spec import PROFILES, Profile, get_profile
from sidecar.visibility import count_slices, narrow

if TYPE_CHECKING:
    from pow_kernels.sprint import SprintFunction

BATCH = 1024

profile_option = click.option(
    "--profile", type=click.Choice(list(PROFILES)), required=True, help="The network's shape and scales."
)


class HexBytes(click.ParamType[bytes]):
    """So many bytes, written in hexadecimal."""

    name = "hex"

    def __init__(self, size: int) -> None:
        self.size = size

    def convert(self, value: str | bytes, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        try:
            data = value if isinstance(value, bytes) else bytes.fromhex(value)
        except ValueError:
            self.fail(f"{value!r} is not hexadecimal", param, ctx)
        if len(data) != self.size:
            self.fail(f"{len(data)} bytes where {self.size} are needed", param, ctx)
        return data


class Devices(click.ParamType[tuple[str, ...]]):
    """Names of devices with commas between, or `all`."""

    name = "devices"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in value.split(","))
        for name in names:
            if value != "all" and not re.fullmatch(r"cpu|cuda:[0-9]{1,5}", name):
                self.fail(f"{name!r} is no device; give cpu, cuda:0, ... with commas between, or all", param, ctx)
        return names


@click.group()
def group() -> None:
    """The proof function itself: evaluate, bench, self-test."""


@group.command(short_help="Every nonce of a range, with its tag.")
@profile_option
@click.option("--seed", type=HexBytes(32), required=True, help="The Sprint's seed, 32 bytes in hex.")
@click.option("--host", type=HexBytes(20), required=True, help="The host's address, 20 bytes in hex.")
@click.option("--from", "first", type=click.IntRange(0, 2**64 - 1), required=True, help="The first nonce.")
@click.option("--to", "end", type=click.IntRange(1, 2**64), required=True, help="The nonce after the last.")
@click.option(
    "--backend",
    type=click.Choice(["numba", "int8", "fp32", "bf16", "triton", "compiled", "oracle"]),
    default="int8",
    show_default=True,
    help="How to compute; all give the same bits.",
)
@click.option(
    "--device", default="cpu", show_default=True, help="Where: cpu, cuda:0, ...; bf16, triton, compiled need a card."
)
@local
def evaluate(
    call: Call, *, profile: str, seed: bytes, host: bytes, first: int, end: int, backend: str, device: str
) -> None:
    """Every nonce from --from up to --to, with its tag and the terms of the test."""
    if first >= end:
        raise click.UsageError(f"--from {first} is not below --to {end}")
    sprint = (get_profile(profile), seed, host)
    nonces = range(first, end)
    if backend == "oracle":
        call.emit(_evaluate_plainly(*sprint, nonces))
    else:
        call.emit(_evaluate(_open(*sprint, backend, device), nonces))


@group.command(short_help="How many nonces a second a device makes.")
@profile_option
@click.option(
    "--devices",
    type=Devices(),
    help="cpu, cuda:0, ... with commas between, or all; a row for each [a card, else the CPU].",
)
@local
def bench(call: Call, profile: str, devices: tuple[str, ...] | None) -> None:
    """How many nonces a second a device makes, and the share of its peak that is; several at once, a process each."""
    if devices is None:
        cpu, *cards = _list_devices()
        call.emit(_bench(profile, cards[0] if cards else cpu))
        return
    names = _list_devices() if devices == ("all",) else devices
    rows = [_bench(profile, "cpu")] if [*names] == ["cpu"] else _bench_together(profile, names)
    call.emit(rows)
    if lost := [row for row in rows if "failure" in row]:
        raise PermanentError("backend_refused", "; ".join(f"{row['device']}: {row['failure']}" for row in lost))


def _bench_together(profile: str, devices: Sequence[str]) -> list[dict[str, Json]]:
    """A row per device; one that fails or dies has a `failure` and takes no other with it."""
    with ExitStack() as stack:
        pending = [
            stack.enter_context(ProcessPoolExecutor(1, get_context("spawn"))).submit(_bench_apart, profile, device)
            for device in devices
        ]
        return [_take(device, future) for device, future in zip(devices, pending, strict=True)]


def _bench_apart(profile: str, device: str) -> dict[str, Json]:
    """In a process beside others, which sees its own card only and whose idle threads wait without spinning.

    Exceptions stay here, as words.
    """
    seen, variables = narrow(device, os.environ)
    os.environ.update(variables, OMP_WAIT_POLICY="passive")
    try:
        return _bench(profile, seen) | {"device": device}
    except PermanentError as error:
        return {"device": device, "failure": str(error).replace(seen, device)}


def _take(device: str, future: Future[dict[str, Json]]) -> dict[str, Json]:
    try:
        return future.result()
    except BrokenExecutor as error:
        return {"device": device, "failure": str(error)}


def _bench(profile_name: str, device: str) -> dict[str, Json]:
    from pow_kernels.throughput import measure, measure_start

    profile = get_profile(profile_name)
    threads = _count_cores() if device == "cpu" else 1
    backend = _pick_backend(profile.name, device)

    def open_function() -> SprintFunction:
        return _open(profile, bytes(32), bytes(20), backend, device)

    start_s = measure_start(open_function, profile, device)
    result = measure(open_function(), profile, threads, device)
    energy = result.energy_j_per_nonce
    return {
        "device": device,
        "profile": profile.name,
        "backend": backend,
        "threads": threads,
        "load": round(os.getloadavg()[0], 2),
        "nonces_per_s": round(result.nonces_per_s, 1),
        "tokens_per_s": round(result.nonces_per_s * profile.tokens, 1),
        "gop_per_s": round(result.gop_per_s, 2),
        "gemm_gop_per_s": round(result.gemm_gop_per_s, 1),
        "share_of_peak": round(result.share_of_peak, 4),
        "outside_products": round(result.outside_products, 4),
        "host_cpu": round(result.host_cpu, 4),
        "first_hit_s": round(start_s, 3),
        "energy_j_per_nonce": None if energy is None else round(energy, 6),
        "energy_absent": result.energy_absent,
    }


@group.command(short_help="Every backend against golden values.")
@local
def selftest(call: Call) -> None:
    """Every backend against golden values of `dev`, on every device; fails where a device has none that passes."""
    from pow_kernels.selftest import run_selftest

    devices = _list_devices()
    reports = {device: run_selftest("dev", device) for device in devices}
    call.emit(
        [
            {
                "device": report.device,
                "backend": report.backend,
                "passed": report.passed,
                "time_s": round(report.duration_s, 3),
                "nonces_per_s": round(report.nonces_per_s, 1),
                "detail": report.detail,
            }
            for row in reports.values()
            for report in row
        ]
    )
    for device in devices:
        _pick_backend("dev", device)


def _list_devices() -> list[str]:
    """The CPU, and the CUDA cards or slices that this process may see."""
    import torch

    count = count_slices(os.environ) or torch.cuda.device_count()
    return ["cpu", *(f"cuda:{index}" for index in range(count))]


def _evaluate(function: SprintFunction, nonces: range) -> list[Json]:
    rows: list[Json] = []
    for start in range(0, len(nonces), BATCH):
        e = function.evaluate(nonces[start : start + BATCH])
        columns = zip(e.nonce, e.tag, e.dot, e.norm2, e.accepted, strict=True)
        rows.extend(_describe(*row) for row in columns)
    return rows


def _evaluate_plainly(profile: Profile, seed: bytes, host: bytes, nonces: range) -> list[Json]:
    from pow_kernels.oracle import Oracle

    results = Oracle(profile, seed, host).evaluate(nonces)
    return [_describe(r.nonce, r.digest[:8], r.dot, r.norm2, r.accepted) for r in results]


def _describe(nonce: int, tag: bytes, dot: int, norm2: int, accepted: bool) -> dict[str, Json]:
    return {"nonce": nonce, "tag": tag.hex(), "dot": dot, "norm2": norm2, "accepted": accepted}


def _open(profile: Profile, seed: bytes, host: bytes, backend: str, device: str) -> SprintFunction:
    from pow_kernels.backends import BackendError
    from pow_kernels.sprint import SprintFunction

    try:
        threads = _count_cores() if device == "cpu" else 1
        return SprintFunction.open(
            sprint_seed=seed, profile=profile, host=host, backend=backend, device=device, threads=threads
        )
    except BackendError as error:
        raise PermanentError("backend_refused", str(error)) from error


def _pick_backend(profile: str, device: str) -> str:
    from pow_kernels.backends import BackendError
    from pow_kernels.selftest import pick_backend

    try:
        return pick_backend(profile, device).backend
    except BackendError as error:
        raise PermanentError("backend_refused", str(error)) from error


def _count_cores() -> int:
    return len(os.sched_getaffinity(0))
