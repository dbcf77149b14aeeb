"""`gnk pow`: the proof function by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from chain_client.errors import PermanentError
from commands.call import Call, local
from commands.output import Json
from pow_kernels.spec import PROFILES, Profile, get_profile

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


@click.group()
def group() -> None:
    """The proof function itself: evaluate, bench, self-test."""


@group.command()
@profile_option
@click.option("--seed", type=HexBytes(32), required=True, help="The Sprint's seed, 32 bytes in hex.")
@click.option("--host", type=HexBytes(20), required=True, help="The host's address, 20 bytes in hex.")
@click.option("--from", "first", type=click.IntRange(0, 2**64 - 1), required=True, help="The first nonce.")
@click.option("--to", "end", type=click.IntRange(1, 2**64), required=True, help="The nonce after the last.")
@click.option(
    "--backend",
    type=click.Choice(["int8", "fp32", "oracle"]),
    default="int8",
    show_default=True,
    help="How to compute; all give the same bits.",
)
@local
def evaluate(call: Call, *, profile: str, seed: bytes, host: bytes, first: int, end: int, backend: str) -> None:
    """Every nonce from --from up to --to, with its tag and the terms of the test."""
    if first >= end:
        raise click.UsageError(f"--from {first} is not below --to {end}")
    sprint = (get_profile(profile), seed, host)
    nonces = range(first, end)
    call.emit(_evaluate_plainly(*sprint, nonces) if backend == "oracle" else _evaluate(*sprint, backend, nonces))


@group.command()
@profile_option
@local
def bench(call: Call, profile: str) -> None:
    """How many nonces a second this machine makes, and the share of its int8 peak that is."""
    from pow_kernels.throughput import measure

    threads = _count_cores()
    backend = _pick_backend(profile, "cpu")
    function = _open(get_profile(profile), bytes(32), bytes(20), backend)
    result = measure(function, get_profile(profile), threads)
    call.emit(
        {
            "profile": profile,
            "backend": backend,
            "threads": threads,
            "load": round(os.getloadavg()[0], 2),
            "nonces_per_s": round(result.nonces_per_s, 1),
            "gop_per_s": round(result.gop_per_s, 2),
            "gemm_gop_per_s": round(result.gemm_gop_per_s, 1),
            "share_of_peak": round(result.share_of_peak, 4),
        }
    )


@group.command()
@local
def selftest(call: Call) -> None:
    """Every backend against golden values of `dev`, on every device; fails where a device has none that passes."""
    import torch

    from pow_kernels.selftest import run_selftest

    devices = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    reports = {device: run_selftest("dev", device) for device in devices}
    call.emit(
        [
            {
                "device": report.device,
                "backend": report.backend,
                "passed": report.passed,
                "time_s": round(report.duration_s, 3),
                "detail": report.detail,
            }
            for row in reports.values()
            for report in row
        ]
    )
    for device in devices:
        _pick_backend("dev", device)


def _evaluate(profile: Profile, seed: bytes, host: bytes, backend: str, nonces: range) -> list[Json]:
    function = _open(profile, seed, host, backend)
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


def _open(profile: Profile, seed: bytes, host: bytes, backend: str) -> SprintFunction:
    from pow_kernels.backends import BackendError
    from pow_kernels.sprint import SprintFunction

    try:
        return SprintFunction.open(
            sprint_seed=seed, profile=profile, host=host, backend=backend, threads=_count_cores()
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
