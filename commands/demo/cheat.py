"""A sidecar that lies: it stands between a client and an honest sidecar and adds made-up proofs to one job.

The client in front of it is the ordinary one; nothing in the product knows how to cheat.
"""

from __future__ import annotations

import secrets
from bisect import bisect_right
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc

from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1 import sidecar_pb2_grpc as services

TRUE_PROOFS_PER_LIE = 2


class LyingSidecar(services.SidecarServicer):
    """Passes every call on; in the job named `job_id` a third of the proofs it streams have made-up nonces and tags."""

    def __init__(self, upstream: Any) -> None:
        self._upstream = upstream
        self.job_id = ""
        self._numbers: list[int] = []  # the honest number behind each number given out, lies repeating the last

    async def StartSprint(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ARG002, N802  # gRPC's signature
        """The honest stream, with lies between its proofs, renumbered."""
        if request.job_id != self.job_id:
            async for batch in self._upstream.StartSprint(request):
                yield batch
            return
        onward = pb.StartSprintRequest()
        onward.CopyFrom(request)
        onward.after_number = self._honest(request.after_number)
        del self._numbers[request.after_number :]
        async for batch in self._upstream.StartSprint(onward):
            yield self._embellish(batch)

    async def Ack(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the same
        """The acknowledgement of what stands behind the numbers given out."""
        number = self._honest(request.up_to_number) if request.job_id == self.job_id else request.up_to_number
        return await self._upstream.Ack(pb.AckRequest(job_id=request.job_id, up_to_number=number))

    async def Verify(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the same
        """Honest: a liar still checks others."""
        return await self._upstream.Verify(request)

    async def Stop(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the same
        """The honest answer, with the number of the last proof as given out."""
        answer = await self._upstream.Stop(request)
        if request.job_id == self.job_id:
            answer.last_number = bisect_right(self._numbers, answer.last_number)
        return answer

    async def Capabilities(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the same
        """Passed on."""
        return await self._upstream.Capabilities(request)

    async def Status(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802  # the same
        """Passed on."""
        return await self._upstream.Status(request)

    def _honest(self, number: int) -> int:
        return self._numbers[number - 1] if number else 0

    def _embellish(self, batch: Any) -> Any:
        told = pb.ProofBatch(evaluated=batch.evaluated, ended=batch.ended)
        for proof in batch.proofs:
            self._tell(told, proof.number, proof.nonce, proof.tag)
            if proof.number % TRUE_PROOFS_PER_LIE == 0:
                self._tell(told, proof.number, secrets.randbits(48) | 1 << 63, secrets.token_bytes(8))
        return told

    def _tell(self, batch: Any, honest_number: int, nonce: int, tag: bytes) -> None:
        self._numbers.append(honest_number)
        batch.proofs.add(number=len(self._numbers), nonce=nonce, tag=tag)


async def serve_lies(socket: Path, honest_socket: Path) -> tuple[Any, LyingSidecar]:
    """The running server on `socket` in front of `honest_socket`, and the liar, which lies once its job_id is set."""
    liar = LyingSidecar(services.SidecarStub(grpc.aio.insecure_channel(f"unix:{honest_socket}")))
    server = grpc.aio.server()
    services.add_SidecarServicer_to_server(liar, server)
    server.add_insecure_port(f"unix:{socket}")
    await server.start()
    return server, liar
