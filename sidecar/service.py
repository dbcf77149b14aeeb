"""The gRPC service Sidecar: reads a request, checks every field, asks, and answers with messages or coded errors."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from itertools import pairwise
from typing import Any, Final

import grpc

from sidecar.calls import serve_stream, serve_unary
from sidecar.checks import Check
from sidecar.errors import SidecarError
from sidecar.jobs import SprintJob, Work
from sidecar.lane import Floor, Lane
from sidecar.sprints import Progress
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb

SERVICE: Final = "gonka.sidecar.v1.Sidecar"
MAX_NONCES: Final = 10_000
LONGEST_MS: Final = 2 * 24 * 3600 * 1000
STATUS_JOBS: Final = 100
_JOB_ID: Final = re.compile(r"[a-z0-9-]{1,64}")


class SidecarService:
    """Answers for the jobs on a floor and the devices of its lanes."""

    def __init__(self, floor: Floor, lanes: tuple[Lane, ...]) -> None:
        self._floor = floor
        self._lanes = lanes
        hellos = [lane.hello for lane in lanes if lane.hello is not None]
        self._profiles = tuple(dict.fromkeys(p for hello in hellos for p in hello.profiles))

    def build_handler(self) -> grpc.GenericRpcHandler:
        """What a gRPC server serves under SERVICE."""
        handlers = {
            "Capabilities": serve_unary(pb.CapabilitiesRequest, self.get_capabilities),
            "StartSprint": serve_stream(pb.StartSprintRequest, self.start_sprint),
            "Ack": serve_unary(pb.AckRequest, self.ack),
            "Verify": serve_unary(pb.VerifyRequest, self.verify),
            "Stop": serve_unary(pb.StopRequest, self.stop),
            "Status": serve_unary(pb.StatusRequest, self.get_status),
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    async def start_sprint(self, request: Any) -> AsyncIterator[Any]:
        """Begins or takes up a job; its proofs, a sign of life every second, and `ended` last."""
        now_ms = self._floor.now_ms()
        asked = SprintJob(
            job_id=_read_job_id(request.job_id),
            work=self._read_work(request.work),
            host=_read_host(request.host),
            deadline_ms=_read_deadline(request.deadline_unix_ms, now_ms),
        )
        await self._floor.sprints.start(asked, request.after_number)
        async for progress in self._floor.sprints.stream(asked.job_id, request.after_number):
            yield _build_proofs(progress)

    async def ack(self, request: Any) -> Any:
        """Forgets proofs that are on the client's disk."""
        await self._floor.sprints.ack(_read_job_id(request.job_id), request.up_to_number)
        return pb.AckResponse()

    async def verify(self, request: Any) -> Any:
        """Recomputes nonces, ahead of every Sprint job."""
        now_ms = self._floor.now_ms()
        nonces = tuple(request.nonces)
        if not 0 < len(nonces) <= MAX_NONCES or any(a >= b for a, b in pairwise(nonces)):
            raise SidecarError("nonces_invalid", f"{len(nonces)} nonces", count=len(nonces))
        if len(request.tags) != 8 * len(nonces):
            raise SidecarError("tags_invalid", f"{len(request.tags)} bytes for {len(nonces)} nonces")
        deadline_ms = _read_deadline(request.deadline_unix_ms, now_ms)
        if deadline_ms <= now_ms:
            raise SidecarError("verification_late", f"the deadline passed {now_ms - deadline_ms} ms ago")
        outcome = await self._floor.checks.ask(
            Check(
                work=self._read_work(request.work),
                host=_read_host(request.host),
                nonces=nonces,
                tags=tuple(request.tags[i : i + 8] for i in range(0, len(request.tags), 8)),
                stop_after=request.stop_after,
                deadline_ms=deadline_ms,
            )
        )
        return pb.VerifyResponse(mismatched=outcome.mismatched, digest_tails=outcome.digest_tails)

    async def stop(self, request: Any) -> Any:
        """Ends a job for ever; its proofs can still be streamed."""
        job = await self._floor.sprints.stop(_read_job_id(request.job_id))
        return pb.StopResponse(last_number=job.last_number, evaluated=job.evaluated)

    async def get_capabilities(self, request: Any) -> Any:  # noqa: ARG002 - the shape of every call
        """Devices that work now, each with the backends it refused."""
        devices = [
            pb.Device(
                name=hello.device,
                model=hello.model,
                memory_bytes=hello.memory_bytes,
                backend=hello.backend if lane.device is not None else "",
                refused=[pb.RefusedBackend(backend=backend, reason=reason) for backend, reason in hello.refused],
            )
            for lane in self._lanes
            if (hello := lane.hello) is not None
        ]
        return pb.CapabilitiesResponse(version=version("gonka"), profiles=self._profiles, devices=devices)

    async def get_status(self, request: Any) -> Any:  # noqa: ARG002 - the shape of every call
        """The newest jobs, and how the devices' time was spent since start."""
        meter, sprints = self._floor.meter, self._floor.sprints
        up_s = time.monotonic() - meter.started
        jobs = [
            pb.Job(
                job_id=job.job_id,
                running=sprints.is_running(job.job_id),
                last_number=job.last_number,
                acked_number=job.acked_number,
                evaluated=job.evaluated,
            )
            for job in sprints.get_all()[-STATUS_JOBS:]
        ]
        return pb.StatusResponse(
            jobs=jobs,
            uptime_ms=round(up_s * 1000),
            proof_device_ms=round(meter.proof_s * 1000),
            verify_device_ms=round(meter.verify_s * 1000),
            device_up_ms=round(up_s * 1000) * len(self._lanes),
        )

    def _read_work(self, work: Any) -> Work:
        if len(work.sprint_seed) != 32:
            raise SidecarError("job_seed_invalid", f"{len(work.sprint_seed)} bytes")
        if work.profile not in self._profiles:
            raise SidecarError("profile_unknown", f"{work.profile!r}; known: {', '.join(self._profiles)}")
        if work.cos2_q64 == 0:
            raise SidecarError("job_threshold_invalid")
        return Work(sprint_seed=work.sprint_seed, profile=work.profile, cos2_q64=work.cos2_q64)


def _read_job_id(job_id: str) -> str:
    if not _JOB_ID.fullmatch(job_id):
        raise SidecarError("job_id_invalid", f"{job_id[:80]!r}")
    return job_id


def _read_host(host: bytes) -> bytes:
    if len(host) != 20:
        raise SidecarError("job_host_invalid", f"{len(host)} bytes")
    return host


def _read_deadline(deadline_ms: int, now_ms: int) -> int:
    if deadline_ms > now_ms + LONGEST_MS:
        raise SidecarError("job_deadline_invalid", f"{deadline_ms} is {deadline_ms - now_ms} ms ahead")
    return deadline_ms


def _build_proofs(progress: Progress) -> Any:
    proofs = [pb.Proof(number=p.number, nonce=p.proof.nonce, tag=p.proof.tag) for p in progress.proofs]
    return pb.ProofBatch(proofs=proofs, evaluated=progress.evaluated, ended=progress.ended)
