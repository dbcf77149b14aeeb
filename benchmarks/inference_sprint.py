"""What a running Sprint costs a user: time between tokens with and without one, in turn, on one sidecar.

`python -m benchmarks.inference_sprint [--rounds N] [--tokens N] [--profile NAME]` with the model of `make model`.
Prints for each round the mean milliseconds a token without and with a Sprint, their ratio, and the longest gap.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc

from wire.gonka.sidecar.v1 import inference_pb2, sidecar_pb2
from wire.gonka.sidecar.v1.inference_pb2_grpc import InferenceStub
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

MODELS = Path(".models")
START_S = 300


def measure(stub: InferenceStub, model: Any, tokens: int, name: str) -> tuple[float, float]:
    """Mean and greatest milliseconds between the tokens of one greedy answer."""
    request = inference_pb2.GenerateRequest(
        request_id=name,
        content_hash=model.content_hash,
        prompt=range(1000, 1030),
        max_tokens=tokens,
        allowance_tokens=1 << 40,
        sampling=inference_pb2.Sampling(bias=[inference_pb2.TokenBias(token=2, bias_milli=-1_000_000)]),
    )
    stamps = [time.perf_counter() for chunk in stub.Generate(request, timeout=600) if chunk.tokens]
    gaps = [1000 * (late - early) for early, late in itertools.pairwise(stamps)]
    return statistics.mean(gaps), max(gaps)


def measure_in_sprint(stubs: tuple[SidecarStub, InferenceStub], model: Any, given: Any, name: str) -> Any:
    """The same while a job searches for proofs; and how many nonces it evaluated meanwhile."""
    work = sidecar_pb2.Work(sprint_seed=name.encode().rjust(32), profile=given.profile, cos2_q64=1 << 60)
    job = sidecar_pb2.StartSprintRequest(
        job_id=name, work=work, host=bytes(20), deadline_unix_ms=round(1000 * (time.time() + 1000))
    )
    stream = stubs[0].StartSprint(job, timeout=1000)
    for batch in stream:
        if batch.evaluated:
            break
    before = stubs[0].Status(sidecar_pb2.StatusRequest(), timeout=10)
    figures = measure(stubs[1], model, given.tokens, name)
    after = stubs[0].Status(sidecar_pb2.StatusRequest(), timeout=10)
    stubs[0].Stop(sidecar_pb2.StopRequest(job_id=name), timeout=30)
    stream.cancel()
    share = (after.proof_device_ms - before.proof_device_ms) / (after.uptime_ms - before.uptime_ms)
    return (*figures, share)


def run(target: str, given: Any) -> None:
    """Print one line a round, then medians."""
    with grpc.insecure_channel(target) as channel:
        stubs = SidecarStub(channel), InferenceStub(channel)
        model = await_model(stubs[1])
        measure(stubs[1], model, 8, "warm")
        rows = []
        for number in range(given.rounds):
            plain, plain_gap = measure(stubs[1], model, given.tokens, f"plain-{number}")
            sprint, sprint_gap, share = measure_in_sprint(stubs, model, given, f"sprint-{number}")
            rows.append((plain, sprint, sprint / plain, plain_gap, sprint_gap, share))
            print(LINE.format("round", *rows[-1]), flush=True)
        print(LINE.format("medians", *(statistics.median(column) for column in zip(*rows, strict=True))))


LINE = "{:8} {:6.1f} ms a token, in a Sprint {:6.1f}, ratio {:.2f}; longest {:6.1f} and {:6.1f}; proofs {:.0%} of time"


def await_model(stub: InferenceStub) -> Any:
    """The one model, when it is loaded."""
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up:
        try:
            models = stub.Models(inference_pb2.ModelsRequest(), timeout=5).models
        except grpc.RpcError:
            models = []
        if models:
            return models[0]
        time.sleep(0.5)
    raise SystemExit("the sidecar does not start")


def main() -> None:
    """Read the command line, start a sidecar, ask it, stop it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--profile", default="dev")
    parser.add_argument("--threads", default="2")
    given = parser.parse_args()
    if not MODELS.is_dir():
        print("no model here: `make model` first")
        return
    with tempfile.TemporaryDirectory() as home:
        words = ("--models", str(MODELS), "--profiles", given.profile, "--threads", given.threads, "--devices", "cpu")
        process = subprocess.Popen([sys.executable, "-m", "cli", "sidecar", "start", "--home", home, *words])
        try:
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.threads} threads, {given.profile}")
            run(f"unix:{home}/sidecar.sock", given)
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    main()
