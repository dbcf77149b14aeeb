"""One device and its worker, kept busy: chooses, sends, takes in, and replaces a worker that died."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from rules.types import Proof
from sidecar.arbiter import (
    FIRST_COUNT,
    SprintBid,
    VerificationBid,
    adapt_count,
    choose,
    compute_rest_ms,
    get_target_ms,
)
from sidecar.bell import Bell, wait_for
from sidecar.checks import Checks
from sidecar.device import Device, DeviceSpec, WorkerDiedError
from sidecar.errors import SidecarError
from sidecar.inference.roster import Roster
from sidecar.jobs import Batch, Work, build_batch, get_offset
from sidecar.sprints import Sprints
from sidecar.tasks import EvaluateTask, Hello, SearchTask, decode_evaluations, decode_hits

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 30.0
FIT_S: Final = 5.0
"""A worker that was ready for so long was fit: the next one need not wait."""
LONGEST_HOLD_S: Final = 1.0
"""Answers for users rest no longer than this for one batch, whatever becomes of it."""
MAX_UNWRITTEN: Final = 2
"""Batches of a device that wait for the disk; with more than one the device need not wait for it too."""

log = structlog.get_logger("sidecar")


@dataclass(slots=True, kw_only=True)
class Meter:
    """What the devices did since start: seconds of device time, nonces, hits, workers lost."""

    started: float = field(default_factory=time.monotonic)
    proof_s: float = 0.0
    verify_s: float = 0.0
    searched: int = 0
    hits: int = 0
    verified: int = 0
    workers_lost: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What all lanes of a sidecar share; `roster` holds the engines that users' answers come from."""

    sprints: Sprints
    checks: Checks
    roster: Roster
    bell: Bell
    meter: Meter
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A task that a device did: the answer, the seconds its worker had it, and what sizes the next and the rest after.

    That is the worker's own time at work, `busy_ms`; where users' answers rested meanwhile, it is the time on the wall,
    which is what they waited.
    """

    answer: dict[str, Any]
    spent_s: float
    busy_ms: float


class Lane:
    """The work of one device.

    `hello` is what the newest worker said of it; `device` is None while there is no worker.
    """

    def __init__(self, spec: DeviceSpec, floor: Floor) -> None:
        self.spec = spec
        self.hello: Hello | None = None
        self.device: Device | None = None
        self._floor = floor
        self._counts: dict[tuple[str, str, int], int] = {}
        self._opened: set[Work] = set()
        self._rest_until = 0.0
        self._ahead: dict[str, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._unwritten = 0

    async def open(self) -> None:
        """Start a worker.  Raises no_device_usable when every backend failed its self-test, WorkerDiedError."""
        device = await Device.open(self.spec)
        self.hello = hello = device.hello
        for backend, reason in hello.refused:
            log.warning("backend_refused", device=self.spec.name, backend=backend, reason=reason)
        if not hello.backend:
            await device.close()
            reasons = "; ".join(f"{backend}: {reason}" for backend, reason in hello.refused)
            raise SidecarError("no_device_usable", f"{self.spec.name}: {reasons}", device=self.spec.name)
        self.device = device
        self._opened.clear()
        log.info("worker_ready", device=self.spec.name, backend=hello.backend, pid=self.device.pid)

    async def run(self) -> None:
        """Work until cancelled, with a new worker, after a growing pause, whenever one is lost."""
        pause_s = FIRST_PAUSE_S
        while True:
            opened = math.inf
            try:
                if self.device is None:
                    await self.open()
                opened = time.monotonic()
                await self._serve()
            except (WorkerDiedError, SidecarError) as error:
                self._floor.meter.workers_lost += 1
                log.warning("worker_lost", device=self.spec.name, reason=str(error))
            finally:
                await self.close()
            pause_s = FIRST_PAUSE_S if time.monotonic() - opened > FIT_S else pause_s * 2
            await asyncio.sleep(min(pause_s, LONGEST_PAUSE_S))

    async def close(self) -> None:
        """End the worker."""
        device, self.device = self.device, None
        if device is not None:
            await device.close()

    async def _serve(self) -> None:
        floor = self._floor
        while True:
            news = floor.bell.listen()
            if self._writing is not None and self._writing.done():
                self._writing.result()
            sprints = floor.sprints.get_bids() if self._unwritten < MAX_UNWRITTEN else []
            bid = choose(floor.now_ms(), sprints, floor.checks.get_bids())
            left_s = self._rest_until - time.monotonic()
            if bid is None:
                await self._rest(news)
            elif left_s > 0 and self._has_users():
                await wait_for(news, left_s)
            else:
                elapsed_ms = await (self._search(bid) if isinstance(bid, SprintBid) else self._evaluate(bid))
                self._rest_until = time.monotonic() + compute_rest_ms(bid, elapsed_ms) / 1000

    async def _rest(self, news: asyncio.Event) -> None:
        """Wait for news.  Raises WorkerDiedError when the worker ends before: the next is ready when there is work."""
        if self.device is None:
            raise AssertionError("a lane rests after open")
        ended, told = asyncio.create_task(self.device.wait()), asyncio.create_task(news.wait())
        try:
            await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise WorkerDiedError("the worker ended")
        finally:
            ended.cancel()
            told.cancel()

    async def _search(self, bid: SprintBid) -> float:
        """One batch; its hits go to the disk while the device works on the next.  What it took, `busy_ms`."""
        sprints, meter = self._floor.sprints, self._floor.meter
        job = sprints.begin(bid.job_id)
        try:
            offset = max(get_offset(job, self.spec.index), self._ahead.get(job.job_id, 0))
            target_ms = get_target_ms(users=self._has_users())
            batch = build_batch(self.spec.index, offset, self._get_count("search", job.work, target_ms))
            task = SearchTask(work=job.work, host=job.host, batch=batch)
            turn = await self._run(task)
        except BaseException:
            sprints.abandon(job.job_id)
            raise
        hits = decode_hits(turn.answer)
        meter.proof_s += turn.spent_s
        meter.searched += batch.count
        meter.hits += len(hits)
        self._ahead[job.job_id] = offset + batch.count
        self._adapt("search", job.work, target_ms, batch.count, turn)
        self._unwritten += 1
        self._writing = asyncio.create_task(self._write(self._writing, job.job_id, batch, hits))
        return turn.busy_ms

    async def _write(
        self, previous: asyncio.Task[None] | None, job_id: str, batch: Batch, hits: tuple[Proof, ...]
    ) -> None:
        """Batches reach the disk in the order of their nonces: what lies before a device's offset is done."""
        if previous is not None:
            await previous
        await self._floor.sprints.finish(job_id, batch, hits)
        self._unwritten -= 1
        self._floor.bell.ring()

    async def _evaluate(self, bid: VerificationBid) -> float:
        """One piece of a verification.  What it took, `busy_ms`."""
        checks, meter = self._floor.checks, self._floor.meter
        work = checks.get(bid.key).work
        target_ms = get_target_ms(users=self._has_users())
        piece = checks.begin(bid.key, self._get_count("evaluate", work, target_ms))
        task = EvaluateTask(work=work, host=piece.check.host, nonces=piece.nonces)
        try:
            turn = await self._run(task)
        except BaseException:
            checks.abandon(piece)
            raise
        meter.verify_s += turn.spent_s
        meter.verified += len(piece.indices)
        self._adapt("evaluate", work, target_ms, len(piece.indices), turn)
        checks.finish(piece, decode_evaluations(turn.answer))
        return turn.busy_ms

    async def _run(self, task: SearchTask | EvaluateTask) -> Turn:
        """Do a task; answers for users rest meanwhile, but for a Sprint's first, which draws its weights."""
        if self.device is None:
            raise AssertionError("a lane works after open")
        if not self._has_users() or task.work not in self._opened:
            started = time.monotonic()
            answer = await self.device.run(task)
            self._opened.add(task.work)
            return Turn(answer=answer, spent_s=time.monotonic() - started, busy_ms=answer["elapsed_ms"])
        async with self._floor.roster.held(self.spec.name, LONGEST_HOLD_S):
            started = time.monotonic()
            answer = await self.device.run(task)
        spent_s = time.monotonic() - started
        return Turn(answer=answer, spent_s=spent_s, busy_ms=1000 * spent_s)

    def _has_users(self) -> bool:
        return self._floor.roster.wants_device(self.spec.name)

    def _get_count(self, kind: str, work: Work, target_ms: int) -> int:
        return self._counts.get((kind, work.profile, target_ms), FIRST_COUNT)

    def _adapt(self, kind: str, work: Work, target_ms: int, count: int, turn: Turn) -> None:
        if count == self._get_count(kind, work, target_ms):
            self._counts[kind, work.profile, target_ms] = adapt_count(count, turn.busy_ms, target_ms)
