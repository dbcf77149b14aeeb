"""Effects carried out: thin, awaiting, choosing nothing.  Each runs as a task; one that runs is not started again.

A failure is noted as the obstacle to its duty; after a pause the next plan names the effect again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from chain_client.effects import (
    CheckDeals,
    Duty,
    Effect,
    FollowUp,
    Judge,
    Leaf,
    Note,
    Review,
    RunJob,
    Send,
    StopJob,
    Verify,
    Work,
)
from chain_client.errors import ClientError, PermanentError
from chain_client.messages import Desk, Entropy, build_order, execute_for
from chain_client.pricing import price_order
from chain_client.review import find_outcome, list_misses
from chain_client.transactions import Fate, Order, Outcome, Signer
from rules.addresses import decode_address, encode_address
from rules.sampling import DIGEST_BYTES, compute_sample_digest
from rules.types import Host, Proof, Row
from wire.gonka.beacon.v1.query_pb2 import QueryGroupRequest, QueryGroupResponse
from wire.gonka.sprint.v1.query_pb2 import (
    QueryRevealRequest,
    QueryRevealResponse,
    QuerySummaryRequest,
    QuerySummaryResponse,
)
from wire.threshold.groups import find_member, find_wrong_share, read_dealing

if TYPE_CHECKING:
    from chain_client.journal import Journal
    from chain_client.keys.secret import Secret
    from chain_client.ledger import Ledger
    from chain_client.view import View

TAG_BYTES: Final = 8
log = structlog.get_logger("client")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofBatch:
    """Proofs of a job with the number of the last one; `evaluated` counts nonces, `ended` says that no more come."""

    proofs: tuple[Proof, ...]
    last_number: int
    evaluated: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What recomputing leaves found: ascending indices of mismatches, and 24-byte tails, none if it stopped early."""

    mismatched: tuple[int, ...]
    tails: tuple[bytes, ...]


class Sidecar(Protocol):
    """The process that computes.  Every call has a deadline and raises a ClientError only."""

    def run_job(self, job: RunJob, host: Host, *, after_number: int, deadline_ms: int) -> AsyncIterator[ProofBatch]:
        """Begin the job or take it up, and give its proofs after a number.  Raises PermanentError sidecar_forgot
        where the sidecar never gave that number.
        """
        ...

    async def ack(self, job_id: str, up_to_number: int) -> None:
        """Let the sidecar forget proofs up to a number."""
        ...

    async def stop(self, job_id: str) -> None:
        """End a job; one that is not known is no error."""
        ...

    async def verify(self, work: Work, leaves: tuple[Leaf, ...], *, stop_after: int, deadline_ms: int) -> Verified:
        """Recompute leaves of one claimant, ascending by nonce; 0 never stops."""
        ...


class OrderSender(Protocol):
    """chain_client.sender.Sender, as it is used here."""

    async def send(self, order: Order) -> Outcome:
        """Apply an order once and say how it ended."""
        ...

    async def resume(self) -> tuple[Outcome, ...]:
        """Bring what was left without outcome to its end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """All that a host acts through.

    `entropy` gives random bytes, `now_ms` is Unix time, `pause` waits after a failure.  `beacon_secret` is a
    validator's, 32 bytes.
    """

    ledger: Ledger
    sidecar: Sidecar
    sender: OrderSender
    signer: Signer
    journal: Journal
    entropy: Entropy
    now_ms: Callable[[], int]
    pause: Callable[[], Awaitable[None]]
    beacon_secret: Secret | None = None


class Performer:
    """Starts what plans name, in a task group that it is given; `news` is set whenever something has ended."""

    def __init__(self, ports: Ports, tasks: asyncio.TaskGroup) -> None:
        self._ports = ports
        self._tasks = tasks
        self._running: dict[Hashable, asyncio.Task[None]] = {}
        self._failing: dict[Hashable, str] = {}
        self.news = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._running

    def perform(self, view: View, effects: tuple[Effect, ...]) -> None:
        """Start what is not running yet.  Raises ClientError when the journal cannot take a note."""
        for effect in effects:
            if isinstance(effect, Note):
                self._ports.journal.note(effect.epoch, effect.duty, effect.obstacle, replace=False)
                continue
            key = _name(effect)
            if key not in self._running:
                self._running[key] = self._tasks.create_task(self._run(key, view, effect))

    def cancel(self) -> None:
        """Let go of everything; what is on disk is taken up by the next process."""
        for task in self._running.values():
            task.cancel()

    async def _run(self, key: Hashable, view: View, effect: Effect) -> None:
        try:
            await ACTIONS[type(effect)](self._ports, view, effect)
            if self._failing.pop(key, None):
                log.info("effect_works_again", effect=type(effect).__name__)
            if isinstance(effect, RunJob):
                await self._ports.pause()  # a job that ended early would end again at once
        except ClientError as error:
            self._keep_obstacle(effect, error)
            if self._failing.get(key) != error.code:
                self._failing[key] = error.code
                log.warning("effect_failed", effect=type(effect).__name__, code=error.code, detail=error.detail)
            await self._ports.pause()
        finally:
            del self._running[key]
            self.news.set()

    def _keep_obstacle(self, effect: Effect, error: ClientError) -> None:
        if not isinstance(effect, Send | RunJob | Verify | Judge):
            return
        duty = effect.duty if isinstance(effect, Send) else BLOCKED[type(effect)]
        try:
            self._ports.journal.note(effect.epoch, duty, str(error))
        except ClientError as worse:
            log.warning("obstacle_not_kept", code=worse.code, detail=worse.detail)


PAID: Final = {Duty.REGISTER, Duty.SET_BEACON_KEY}
"""Those that are no duty to the chain, and pay a fee."""
BLOCKED: Final[dict[type[Any], Duty]] = {RunJob: Duty.CLAIM, Verify: Duty.COMMIT_ROWS, Judge: Duty.COMMIT_DISPUTE}
"""The duty that work for the sidecar is for."""


def _name(effect: Effect) -> Hashable:
    """What may run once at a time: one transaction, one job an epoch, one recomputation a claim."""
    match effect:
        case Send() | FollowUp():
            return "transaction"
        case Verify():
            return (Verify, effect.claimant)
        case Judge():
            return (Judge, effect.leaves[0].claimant)
        case RunJob() | StopJob():
            return (type(effect), effect.epoch)
        case _:
            return type(effect).__name__


async def _run_job(ports: Ports, view: View, effect: RunJob) -> None:
    """Proofs are kept before they are acknowledged."""
    after = ports.journal.begin_job(effect.epoch)
    deadline_ms = ports.now_ms() + effect.run_ms
    try:
        async for batch in ports.sidecar.run_job(effect, view.me, after_number=after, deadline_ms=deadline_ms):
            if batch.proofs:
                ports.journal.keep_proofs(
                    effect.epoch, batch.proofs, last_number=batch.last_number, evaluated=batch.evaluated
                )
                await ports.sidecar.ack(effect.job_id, batch.last_number)
            if batch.ended:
                break
    except PermanentError as error:
        if error.code == "sidecar_forgot":
            ports.journal.restart_numbers(effect.epoch)
        raise


async def _stop_job(ports: Ports, _view: View, effect: StopJob) -> None:
    await ports.sidecar.stop(effect.job_id)
    ports.journal.stop_job(effect.epoch)
    log.info("job_stopped", epoch=effect.epoch, proofs=ports.journal.count_proofs(effect.epoch))


async def _verify(ports: Ports, _view: View, effect: Verify) -> None:
    request = QueryRevealRequest(epoch=effect.epoch, host=encode_address(effect.claimant))
    reveal = await ports.ledger.query("/gonka.sprint.v1.Query/Reveal", request, QueryRevealResponse)
    leaves = _read_leaves(effect, reveal)
    deadline_ms = ports.now_ms() + effect.within_ms
    found = await ports.sidecar.verify(effect.work, leaves, stop_after=effect.stop_after, deadline_ms=deadline_ms)
    stopped = len(found.mismatched) >= effect.stop_after
    pairs = zip((leaf.nonce for leaf in leaves), found.tails, strict=not stopped)
    row = Row(
        claimant=effect.claimant,
        sample_digest=bytes(DIGEST_BYTES) if stopped else compute_sample_digest(pairs),
        mismatched_positions=tuple(effect.positions[index] for index in found.mismatched),
    )
    ports.journal.keep_row(effect.epoch, row)
    log.info("claim_recomputed", epoch=effect.epoch, claimant=request.host, mismatched=len(found.mismatched))


def _read_leaves(effect: Verify, reveal: QueryRevealResponse) -> tuple[Leaf, ...]:
    count = len(effect.positions)
    if len(reveal.nonces) != count or len(reveal.tags) != TAG_BYTES * count:
        raise PermanentError(
            "chain_answer_invalid", f"a reveal of {len(reveal.nonces)} leaves where {count} were drawn"
        )
    return tuple(
        Leaf(claimant=effect.claimant, nonce=nonce, tag=reveal.tags[TAG_BYTES * i : TAG_BYTES * (i + 1)])
        for i, nonce in enumerate(reveal.nonces)
    )


async def _judge(ports: Ports, _view: View, effect: Judge) -> None:
    deadline_ms = ports.now_ms() + effect.within_ms
    found = await ports.sidecar.verify(effect.work, effect.leaves, stop_after=0, deadline_ms=deadline_ms)
    bits = {(leaf.claimant, leaf.nonce): i in found.mismatched for i, leaf in enumerate(effect.leaves)}
    ports.journal.keep_bits(effect.epoch, bits)
    log.info("disputes_recomputed", epoch=effect.epoch, disputes=len(bits), false=sum(bits.values()))


async def _check_deals(ports: Ports, view: View, effect: CheckDeals) -> None:
    request = QueryGroupRequest(epoch=effect.epoch)
    found = await ports.ledger.query("/gonka.beacon.v1.Query/Group", request, QueryGroupResponse)
    member = find_member(found.group, encode_address(view.me))
    if member is None or ports.beacon_secret is None:
        raise PermanentError("chain_answer_invalid", f"no member of the group of epoch {effect.epoch}")
    secret = int.from_bytes(ports.beacon_secret.reveal())
    for deal in found.deals:
        dealer = Host(decode_address(deal.dealer))
        if dealer in effect.dealers:
            opening = find_wrong_share(read_dealing(view.chain_id, found.group, deal.dealer), deal, member, secret)
            ports.journal.keep_opening(effect.epoch, dealer, opening)
            log.log(30 if opening else 20, "deal_checked", epoch=effect.epoch, dealer=deal.dealer, wrong=bool(opening))


async def _send(ports: Ports, view: View, effect: Send) -> None:
    desk = Desk(view=view, journal=ports.journal, entropy=ports.entropy, beacon_secret=ports.beacon_secret)
    order = build_order(effect, desk)
    if ports.signer.address != encode_address(view.me):
        order = replace(order, messages=execute_for(order.messages, ports.signer.address))
    if effect.duty in PAID:
        order = await price_order(ports.ledger, order, ports.signer.public_key)
    _check_outcome(ports, effect.epoch, effect.duty, await ports.sender.send(order))


async def _follow_up(ports: Ports, _view: View, _effect: FollowUp) -> None:
    for outcome in await ports.sender.resume():
        epoch, duty = outcome.order_id.split("/")[:2]
        _check_outcome(ports, int(epoch), Duty(duty), outcome)


def _check_outcome(ports: Ports, epoch: int, duty: Duty, outcome: Outcome) -> None:
    """Log how a transaction ended; keep why it did not apply."""
    result = outcome.result
    told = {"duty": duty.value, "epoch": epoch, "tx": result.tx_hash, "height": result.height}
    if outcome.fate is Fate.APPLIED:
        log.info("duty_done", **told)
        return
    reason = f"{result.rule}: {result.log}" if result.rule else result.log
    ports.journal.note(epoch, duty, f"{outcome.fate.value}: {reason}")
    log.warning("duty_not_applied", fate=outcome.fate.value, rule=result.rule, log=result.log, **told)


async def _review(ports: Ports, view: View, effect: Review) -> None:
    summary = QuerySummaryResponse()
    try:
        request = QuerySummaryRequest(epoch=effect.epoch)
        summary = await ports.ledger.query("/gonka.sprint.v1.Query/Summary", request, QuerySummaryResponse)
    except PermanentError as error:
        if error.code != "not_found":
            raise
    outcome = find_outcome(summary.summary, view.me)
    misses = list_misses(effect.epoch, outcome, view, ports.journal)
    ports.journal.review(effect.epoch, outcome.SerializeToString(deterministic=True), misses)
    log.info("epoch_reviewed", epoch=effect.epoch, verdict=outcome.verdict, units=outcome.units, missed=len(misses))
    for what, cause in misses.items():
        log.warning("duty_missed", epoch=effect.epoch, duty=what, cause=cause)


ACTIONS: Final[dict[type[Any], Callable[[Ports, View, Any], Awaitable[None]]]] = {
    RunJob: _run_job,
    StopJob: _stop_job,
    Verify: _verify,
    Judge: _judge,
    CheckDeals: _check_deals,
    Send: _send,
    FollowUp: _follow_up,
    Review: _review,
}
