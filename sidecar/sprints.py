"""The Sprint jobs of a sidecar and their only writer.

A job in memory is the job on disk: it changes after the journal's transaction, never before.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import structlog

from rules.types import Proof
from sidecar.arbiter import SprintBid
from sidecar.bell import Bell, wait_for
from sidecar.errors import SidecarError
from sidecar.jobs import DEVICE_SHIFT, Batch, NumberedProof, SprintJob, acknowledge, is_open, record
from sidecar.journal import Journal

MAX_JOBS: Final = 16
STREAM_PROOFS: Final = 512
HEARTBEAT_S: Final = 1.0
"""A stream says how far the job is at least this often, so that its reader can tell quiet from dead."""
STOP_WAIT_S: Final = 0.5
"""A stop waits so long for the batches in hand; the hits of a later one are not counted."""
RETRY_S: Final = 0.5

T = TypeVar("T")
log = structlog.get_logger("sidecar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a job's stream says at once: new proofs, nonces evaluated so far, and whether this was the last."""

    proofs: tuple[NumberedProof, ...]
    evaluated: int
    ended: bool


class Sprints:
    """All jobs of the journal.  `now_ms` is the clock in unix milliseconds."""

    def __init__(self, journal: Journal, jobs: Sequence[SprintJob], bell: Bell, now_ms: Callable[[], int]) -> None:
        self._journal = journal
        self._jobs = {job.job_id: job for job in jobs}
        self._bell = bell
        self._now_ms = now_ms
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._writing = asyncio.Lock()
        self._halted: set[str] = set()
        self._in_hand: Counter[str] = Counter()
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._fault: SidecarError | None = None
        self._refusing = False

    @classmethod
    def open(cls, journal: Journal, bell: Bell, now_ms: Callable[[], int]) -> Sprints:
        """The jobs on disk; those whose deadline has not passed go on."""
        return cls(journal, journal.read_jobs(), bell, now_ms)

    @property
    def fault(self) -> SidecarError | None:
        """Why the journal cannot be written, None while it can."""
        return self._fault

    def get_all(self) -> tuple[SprintJob, ...]:
        """The oldest first."""
        return tuple(self._jobs.values())

    def get(self, job_id: str) -> SprintJob:
        """Raises job_unknown."""
        if job_id not in self._jobs:
            raise SidecarError("job_unknown", f"{job_id!r}", job_id=job_id)
        return self._jobs[job_id]

    def is_running(self, job_id: str) -> bool:
        """Whether proofs may still be added."""
        return self._is_open(self._jobs[job_id]) or self._in_hand[job_id] > 0

    # ---- asked for by clients --------------------------------------------------------------------------------------

    async def start(self, asked: SprintJob, after_number: int) -> None:
        """Begin a job, or take up the one of that name, now with the deadline asked for.

        Raises job_deadline_passed and jobs_full for a new job, job_differs and proof_number_unknown for an old one,
        journal_write_failed.
        """
        self._check_able()
        async with self._writing:
            old = self._jobs.get(asked.job_id)
            if old is None:
                self._check_room(asked)
            elif (old.work, old.host) != (asked.work, asked.host):
                raise SidecarError("job_differs", f"{asked.job_id!r}", job_id=asked.job_id)
            job = asked if old is None else replace(old, deadline_ms=asked.deadline_ms)
            _check_number(job, after_number)
            if job != old:
                await self._save(job)
        if old is None:
            log.info("job_started", job_id=job.job_id, profile=job.work.profile, deadline_unix_ms=job.deadline_ms)

    async def stream(self, job_id: str, after_number: int) -> AsyncIterator[Progress]:
        """The proofs above a number as they reach the disk, until the job has ended and all were given.

        Raises journal_write_failed while proofs cannot be kept, sidecar_stopping.
        """
        sent, spoke = after_number, -HEARTBEAT_S
        while True:
            news, running, job = self._bell.listen(), self.is_running(job_id), self._jobs[job_id]
            self._check_able()
            proofs = await self._read_proofs(job, sent)
            if not proofs and not running:
                yield Progress(proofs=(), evaluated=job.evaluated, ended=True)
                return
            if proofs or time.monotonic() - spoke >= HEARTBEAT_S:
                yield Progress(proofs=proofs, evaluated=job.evaluated, ended=False)
                spoke = time.monotonic()
            if proofs:
                sent = proofs[-1].number
            else:
                await wait_for(news, self._until_due(job, spoke))

    async def ack(self, job_id: str, up_to_number: int) -> None:
        """Forget the proofs up to a number.  Raises job_unknown, proof_number_unknown, journal_write_failed."""
        async with self._writing:
            job = self.get(job_id)
            _check_number(job, up_to_number)
            if up_to_number > job.acked_number:
                await self._save(acknowledge(job, up_to_number))

    async def stop(self, job_id: str) -> SprintJob:
        """End a job for ever and say where it ended; batches in hand are waited for, shortly.

        Raises job_unknown, journal_write_failed.
        """
        self.get(job_id)
        self._halted.add(job_id)
        try:
            give_up = time.monotonic() + STOP_WAIT_S
            while self._in_hand[job_id] and (left := give_up - time.monotonic()) > 0:
                await wait_for(self._bell.listen(), left)
            async with self._writing:
                job = replace(self._jobs[job_id], stopped=True)
                await self._save(job)
        finally:
            self._halted.discard(job_id)
        log.info("job_stopped", job_id=job_id, proofs=job.last_number, evaluated=job.evaluated)
        return job

    # ---- asked for by lanes ----------------------------------------------------------------------------------------

    def get_bids(self) -> list[SprintBid]:
        """The jobs that want a device."""
        return [
            SprintBid(job_id=job.job_id, deadline_ms=job.deadline_ms, last_turn=self._turns.get(job.job_id, 0))
            for job in self._jobs.values()
            if self._is_open(job)
        ]

    def begin(self, job_id: str) -> SprintJob:
        """The job, from now on with one more batch in hand: `finish` or `abandon` it."""
        self._turn += 1
        self._turns[job_id] = self._turn
        self._in_hand[job_id] += 1
        return self._jobs[job_id]

    def abandon(self, job_id: str) -> None:
        """The batch in hand came to nothing."""
        self._in_hand[job_id] -= 1
        self._bell.ring()

    async def finish(self, job_id: str, batch: Batch, hits: tuple[Proof, ...]) -> None:
        """Keep a batch's hits: on disk first, then numbered for all to see.  Tries until the disk takes them."""
        try:
            while not await self._keep(job_id, batch, hits):  # noqa: ASYNC110 - a pause between two tries
                await asyncio.sleep(RETRY_S)
        finally:
            self.abandon(job_id)

    async def _keep(self, job_id: str, batch: Batch, hits: tuple[Proof, ...]) -> bool:
        async with self._writing:
            job = self._jobs[job_id]
            if job.stopped:
                return True
            after, proofs = record(job, batch, hits)
            try:
                await self._in_thread(lambda: self._journal.append(after, batch.first >> DEVICE_SHIFT, proofs))
            except SidecarError as error:
                if self._fault is None:
                    log.error("journal_write_failed", reason=error.detail)
                self._fault = error
                self._bell.ring()
                return False
            self._jobs[job_id], self._fault = after, None
            return True

    def refuse(self) -> None:
        """End the streams and take no more jobs: sidecar_stopping."""
        self._refusing = True
        self._bell.ring()

    def close(self) -> None:
        """Wait for the write under way; nothing may be asked afterwards."""
        self._thread.shutdown(wait=True)

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _is_open(self, job: SprintJob) -> bool:
        return is_open(job, self._now_ms()) and job.job_id not in self._halted

    def _check_able(self) -> None:
        if self._refusing:
            raise SidecarError("sidecar_stopping")
        if self._fault is not None:
            raise self._fault

    def _check_room(self, asked: SprintJob) -> None:
        if asked.deadline_ms <= self._now_ms():
            raise SidecarError("job_deadline_passed", f"{self._now_ms() - asked.deadline_ms} ms ago")
        if sum(self._is_open(job) for job in self._jobs.values()) >= MAX_JOBS:
            raise SidecarError("jobs_full", f"{MAX_JOBS} jobs are running")

    async def _save(self, job: SprintJob) -> None:
        await self._in_thread(lambda: self._journal.save(job))
        self._jobs[job.job_id], self._fault = job, None
        self._bell.ring()

    async def _read_proofs(self, job: SprintJob, after_number: int) -> tuple[NumberedProof, ...]:
        if job.last_number <= max(after_number, job.acked_number):
            return ()
        return await self._in_thread(lambda: self._journal.read_proofs(job.job_id, after_number, STREAM_PROOFS))

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def _until_due(self, job: SprintJob, spoke: float) -> float:
        """Seconds until a stream must look again without any news: its heartbeat, or the job's deadline."""
        heartbeat = spoke + HEARTBEAT_S - time.monotonic()
        deadline = (job.deadline_ms - self._now_ms()) / 1000
        return max(0.001, min(heartbeat, deadline) if deadline > 0 else heartbeat)


def _check_number(job: SprintJob, number: int) -> None:
    if number > job.last_number:
        detail = f"{job.job_id!r} has {job.last_number} proofs, {number} is named"
        raise SidecarError("proof_number_unknown", detail, last_number=job.last_number)
