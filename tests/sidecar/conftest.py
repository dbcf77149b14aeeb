"""Real sidecars as processes, with profile tiny, one thread a worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

TINY_COS2 = 169589409868286240
START_TIMEOUT_S = 90


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def build_work(**changes: Any) -> pb.Work:
    return pb.Work(**{"sprint_seed": b"s" * 32, "profile": "tiny", "cos2_q64": TINY_COS2} | changes)


def build_start(job_id: str = "net-1", seconds: float = 60, **changes: Any) -> pb.StartSprintRequest:
    fields: dict[str, Any] = {
        "job_id": job_id,
        "work": build_work(),
        "host": b"h" * 20,
        "deadline_unix_ms": now_ms() + round(seconds * 1000),
    }
    return pb.StartSprintRequest(**fields | changes)


def build_verify(proofs: list[pb.Proof], seconds: float = 30, **changes: Any) -> pb.VerifyRequest:
    fields: dict[str, Any] = {
        "work": build_work(),
        "host": b"h" * 20,
        "nonces": [proof.nonce for proof in proofs],
        "tags": b"".join(proof.tag for proof in proofs),
        "deadline_unix_ms": now_ms() + round(seconds * 1000),
    }
    return pb.VerifyRequest(**fields | changes)


@dataclass(kw_only=True)
class SidecarProcess:
    """`gnk sidecar start` on a home of its own; its log is in the home."""

    home: Path
    flags: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.home / "sidecar.sock"

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def launch(self) -> "SidecarProcess":
        """Start it without waiting."""
        self.home.mkdir(parents=True, exist_ok=True)
        words = ("sidecar", "start", "--home", str(self.home), "--threads", "1", "--profiles", "tiny", *self.flags)
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cli", *words], stdout=log, stderr=log, env=os.environ | self.environ
            )
        return self

    def start(self) -> "SidecarProcess":
        """Start it and wait until it answers."""
        self.launch()
        give_up = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up:
            assert self.process is not None
            assert self.process.poll() is None, self.log
            if self.socket.exists():
                try:
                    self.call("Status", pb.StatusRequest())
                except grpc.RpcError:
                    pass
                else:
                    return self
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.log}")

    def call(self, name: str, request: Any, timeout: float = 30) -> Any:
        with grpc.insecure_channel(f"unix:{self.socket}") as channel:
            return getattr(SidecarStub(channel), name)(request, timeout=timeout)

    def read_proofs(self, request: pb.StartSprintRequest, count: int | None = None) -> list[pb.Proof]:
        """The first `count` proofs of a job's stream, or all until it ends."""
        proofs: list[pb.Proof] = []
        with grpc.insecure_channel(f"unix:{self.socket}") as channel:
            stream = SidecarStub(channel).StartSprint(request, timeout=60)
            for batch in stream:
                proofs.extend(batch.proofs)
                if batch.ended or (count is not None and len(proofs) >= count):
                    break
            stream.cancel()
        return proofs

    def find_workers(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@pytest.fixture(scope="session")
def new_sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., SidecarProcess]]:
    """Makes sidecars, not started; those that run at the end are killed."""
    made: list[SidecarProcess] = []

    def make(*flags: str, home: Path | None = None, **environ: str) -> SidecarProcess:
        made.append(
            SidecarProcess(home=home or tmp_path_factory.mktemp("s", numbered=True), flags=flags, environ=environ)
        )
        return made[-1]

    yield make
    for sidecar in made:
        if sidecar.process is not None and sidecar.process.poll() is None:
            sidecar.kill()


@pytest.fixture(scope="session")
def sidecar(new_sidecar: Callable[..., SidecarProcess]) -> SidecarProcess:
    """One that all tests of this session share; jobs are told apart by their names."""
    return new_sidecar().start()
