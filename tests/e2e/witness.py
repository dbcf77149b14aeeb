"""What can only be seen while everything runs: heights and app hashes as told, proofs acknowledged and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import grpc

from chain_client.errors import ClientError, TransientError
from chain_client.journal import Journal
from chain_client.ledger import Ledger
from commands.demo.members import CHAIN_ID, Member
from tests.e2e.reaper import now_ms
from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub
from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryEpochRequest, QueryEpochResponse
from wire.gonka.sprint.v1.sprint_pb2 import PHASE_CLAIM

from cosmos.base.node.v1beta1.query_pb2 import StatusRequest, StatusResponse

POLL_S = 0.25
RECONNECT = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 250)]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A sidecar's job at a moment: nonces evaluated, and proofs that its client has acknowledged."""

    at_ms: int
    evaluated: int
    acked: int


NOTHING = Sighting(at_ms=0, evaluated=0, acked=0)


@dataclass(slots=True, kw_only=True)
class Seen:
    """All that was seen.

    `app_hashes` by height; `faults` in words; `sightings`, the first of NOTHING, and `kept` (proofs in the client's
    journal once CLAIM was over) by host and epoch.
    """

    app_hashes: dict[int, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    sightings: dict[tuple[str, int], list[Sighting]] = field(default_factory=dict)
    kept: dict[tuple[str, int], int] = field(default_factory=dict)
    status: EpochStatus = field(default_factory=EpochStatus)


class Witness:
    """Asks everyone again and again; who does not answer is asked later."""

    def __init__(self, members: tuple[Member, ...], ledger: Ledger) -> None:
        self.seen = Seen()
        self._members = members
        self._ledger = ledger

    async def watch(self) -> None:
        """Look until cancelled."""
        async with AsyncExitStack() as stack:
            stubs = {}
            for member in self._members:
                channel = grpc.aio.insecure_channel(f"unix:{member.sidecar_socket}", options=RECONNECT)
                stubs[member.name] = SidecarStub(await stack.enter_async_context(channel))
            await asyncio.gather(
                _repeat(self._see_chain),
                *(_repeat(partial(self._see_jobs, name, stub)) for name, stub in stubs.items()),
                *(_repeat(partial(self._see_journal, member)) for member in self._members),
            )

    async def until_reviewed(self, epoch: int, guard: Callable[[], None]) -> None:
        """Return once every client has reviewed an epoch; `guard` raises when a process has ended."""
        for member in self._members:
            while read_journal(member, lambda journal: journal.read(epoch).reviewed) < epoch:
                guard()
                await asyncio.sleep(POLL_S)

    async def _see_chain(self) -> None:
        answer = await self._ledger.query("/cosmos.base.node.v1beta1.Service/Status", StatusRequest(), StatusResponse)
        seen, height = self.seen.app_hashes, int(answer.height)
        if height < max(seen, default=0):
            self.seen.faults.append(f"height {height} after {max(seen)}")
        if seen.setdefault(height, answer.app_hash) != answer.app_hash:
            self.seen.faults.append(f"height {height} has two app hashes")
        request = QueryEpochRequest()
        self.seen.status = (
            await self._ledger.query("/gonka.sprint.v1.Query/Epoch", request, QueryEpochResponse)
        ).status

    async def _see_jobs(self, name: str, stub: SidecarStub) -> None:
        for job in (await stub.Status(pb.StatusRequest(), timeout=5)).jobs:
            series = self.seen.sightings.setdefault((name, int(job.job_id.removeprefix(f"{CHAIN_ID}-"))), [NOTHING])
            last = series[-1]
            if job.acked_number < last.acked or job.evaluated < last.evaluated:
                self.seen.faults.append(f"{name}: {job} after {last}")
            if (job.evaluated, job.acked_number) != (last.evaluated, last.acked):
                series.append(Sighting(at_ms=now_ms(), evaluated=job.evaluated, acked=job.acked_number))

    async def _see_journal(self, member: Member) -> None:
        epoch = self.seen.status.epoch
        if self.seen.status.phase > PHASE_CLAIM:
            self.seen.kept[member.name, epoch] = read_journal(member, lambda journal: journal.count_proofs(epoch))


def read_journal(member: Member, read: Callable[[Journal], T]) -> T:
    """What a client's journal says, beside the client.  Raises ClientError."""
    journal = Journal.peek(member.home)
    if journal is None:
        raise TransientError("disk_full", f"{member.home} has no journal yet")
    try:
        return read(journal)
    finally:
        journal.close()


async def _repeat(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        with suppress(ClientError, grpc.aio.AioRpcError):
            await look()
        await asyncio.sleep(POLL_S)
