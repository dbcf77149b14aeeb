"""The sidecar over gRPC, a unix socket as a rule.  Every call has a deadline, and a stream may not fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from chain_client.effects import Leaf, RunJob, Work
from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.perform import ProofBatch, Verified
from rules.sampling import TAIL_BYTES
from rules.types import Host, Proof
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb

SERVICE: Final = "/gonka.sidecar.v1.Sidecar"
CALL_S: Final = 5.0
SILENCE_S: Final = 10.0
"""A stream speaks once a second; after so long without a word it is taken for dead."""
VERIFY_MARGIN_S: Final = 2.0
TRANSIENT: Final = {
    grpc.StatusCode.UNAVAILABLE: "sidecar_unreachable",
    grpc.StatusCode.CANCELLED: "sidecar_unreachable",
    grpc.StatusCode.DEADLINE_EXCEEDED: "sidecar_timed_out",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "sidecar_refused",
}
Answer = TypeVar("Answer", bound=Message)


class SidecarStub:
    """A sidecar at a gRPC target such as unix:/run/gonka/sidecar.sock.  `now_ms` is Unix time."""

    def __init__(self, channel: grpc.aio.Channel, now_ms: Callable[[], int]) -> None:
        self._channel = channel
        self._now_ms = now_ms

    @classmethod
    def open(cls, target: str, now_ms: Callable[[], int]) -> SidecarStub:
        """A stub that connects when it is first used, and again whenever the connection is lost."""
        options = [("grpc.max_reconnect_backoff_ms", 1_000), ("grpc.initial_reconnect_backoff_ms", 100)]
        return cls(grpc.aio.insecure_channel(target, options=options), now_ms)

    async def __aenter__(self) -> SidecarStub:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def run_job(
        self, job: RunJob, host: Host, *, after_number: int, deadline_ms: int
    ) -> AsyncIterator[ProofBatch]:
        """Begin the job or take it up; batches as they are found, at least one a second.

        Raises: PermanentError `sidecar_forgot`, `sidecar_refused`; TransientError.
        """
        request = pb.StartSprintRequest(
            job_id=job.job_id,
            work=_build_work(job.work),
            host=host,
            deadline_unix_ms=deadline_ms,
            after_number=after_number,
        )
        stream = self._channel.unary_stream(
            f"{SERVICE}/StartSprint",
            request_serializer=pb.StartSprintRequest.SerializeToString,
            response_deserializer=pb.ProofBatch.FromString,
        )(request)
        last_number = after_number
        try:
            while (message := await read_within(stream, SILENCE_S)) is not grpc.aio.EOF:
                last_number = max([last_number, *(proof.number for proof in message.proofs)])
                yield _read_batch(message, last_number)
        except TimeoutError as error:
            raise TransientError("sidecar_timed_out", f"no word for {SILENCE_S:.0f} s") from error
        except grpc.aio.AioRpcError as error:
            raise translate_error(error) from error
        finally:
            stream.cancel()

    async def ack(self, job_id: str, up_to_number: int) -> None:
        """Let the sidecar forget proofs up to a number."""
        await self._call("Ack", pb.AckRequest(job_id=job_id, up_to_number=up_to_number), pb.AckResponse)

    async def stop(self, job_id: str) -> None:
        """End a job; one that is not known is no error."""
        try:
            await self._call("Stop", pb.StopRequest(job_id=job_id), pb.StopResponse)
        except PermanentError as error:
            if error.fields.get("sidecar_code") != "job_unknown":
                raise

    async def verify(self, work: Work, leaves: tuple[Leaf, ...], *, stop_after: int, deadline_ms: int) -> Verified:
        """Recompute leaves of one claimant, ascending by nonce, at least one."""
        request = pb.VerifyRequest(
            work=_build_work(work),
            host=leaves[0].claimant,
            nonces=[leaf.nonce for leaf in leaves],
            tags=b"".join(leaf.tag for leaf in leaves),
            stop_after=stop_after,
            deadline_unix_ms=deadline_ms,
        )
        timeout_s = max(deadline_ms - self._now_ms(), 0) / 1000 + VERIFY_MARGIN_S
        reply = await self._call("Verify", request, pb.VerifyResponse, timeout_s)
        return _read_verified(reply, len(leaves), stop_after)

    async def capabilities(self) -> pb.CapabilitiesResponse:
        """Its devices and profiles."""
        return await self._call("Capabilities", pb.CapabilitiesRequest(), pb.CapabilitiesResponse)

    async def status(self) -> pb.StatusResponse:
        """Its jobs, and how its devices spent their time."""
        return await self._call("Status", pb.StatusRequest(), pb.StatusResponse)

    async def _call(self, name: str, request: Message, answer: type[Answer], timeout_s: float = CALL_S) -> Answer:
        call = self._channel.unary_unary(
            f"{SERVICE}/{name}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        try:
            reply: Answer = await call(request, timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise translate_error(error) from error
        return reply


def _build_work(work: Work) -> pb.Work:
    return pb.Work(sprint_seed=work.sprint_seed, profile=work.profile, cos2_q64=work.cos2_q64)


def _read_batch(message: Any, last_number: int) -> ProofBatch:
    return ProofBatch(
        proofs=tuple(Proof(nonce=proof.nonce, tag=proof.tag) for proof in message.proofs),
        last_number=last_number,
        evaluated=message.evaluated,
        ended=message.ended,
    )


def _read_verified(reply: pb.VerifyResponse, count: int, stop_after: int) -> Verified:
    stopped = 0 < stop_after <= len(reply.mismatched)
    if len(reply.digest_tails) != (0 if stopped else TAIL_BYTES * count) or any(i >= count for i in reply.mismatched):
        raise PermanentError("sidecar_refused", f"{len(reply.digest_tails)} bytes of digests for {count} nonces")
    tails = tuple(reply.digest_tails[i : i + TAIL_BYTES] for i in range(0, len(reply.digest_tails), TAIL_BYTES))
    return Verified(mismatched=tuple(reply.mismatched), tails=tails)


async def read_within(stream: Any, seconds: float) -> Any:
    """The next message of a stream, or its EOF.  Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        return await stream.read()


def translate_error(error: grpc.aio.AioRpcError) -> ClientError:
    """The sidecar's own code is the field `sidecar_code`, empty where it gave none."""
    code = str(dict(error.trailing_metadata() or ()).get("error-code", ""))
    detail = error.details() or error.code().name
    if code == "proof_number_unknown":
        return PermanentError("sidecar_forgot", detail)
    if error.code() in TRANSIENT:
        return TransientError(TRANSIENT[error.code()], detail, sidecar_code=code)
    return PermanentError("sidecar_refused", detail, sidecar_code=code)
