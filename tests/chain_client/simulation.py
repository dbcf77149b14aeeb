"""Hosts that run in one thread over a real chain: their disks, sidecars and network are simulated, and can die.

The chain is the real state machine with its mempool and blocks on demand, read and written through its API's methods.
A Fuse counts every write and every send; the process burns at one of them, and only what was committed is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

import structlog
from google.protobuf.message import Message

from chain.api.local_chain import LocalChain
from chain.api.methods import build_registry
from chain.engine.application import Block
from chain.genesis import build_genesis
from chain.process import Node, open_node
from chain.store.store import Store
from chain_client.cosmos import CosmosLedger
from chain_client.daemon import Follower, read_view
from chain_client.effects import Leaf, RunJob, Work
from chain_client.errors import PermanentError, TransientError
from chain_client.journal import Journal
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Receipt
from chain_client.perform import Performer, Ports, ProofBatch, Verified
from chain_client.sender import Sender
from chain_client.transactions import Fee, Order, sign_order
from chain_client.view import View
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.params import GNK, Params
from rules.presets import GENESIS_UNITS, MINIMAL
from rules.types import Host, Phase, Proof
from wire.gonka.params.v1.genesis_pb2 import GenesisHost
from wire.gonka.sprint.v1.query_pb2 import QuerySummaryRequest, QuerySummaryResponse
from wire.gonka.sprint.v1.sprint_pb2 import Outcome
from wire.gonka.stake.v1.tx_pb2 import MsgStake

CHAIN_ID = "sim-1"
TIME_MS = 1_700_000_000_000
HITS_A_BLOCK = 20
SPINS = 120
"""Turns of the event loop in which everything that can happen has happened: nothing here waits for real."""


class Burnt(BaseException):
    """The process is gone, in the middle of whatever it did."""


@dataclass
class Fuse:
    """Counts the moments before and after each write and send; burns at number `at`.  `log` names them."""

    at: int = -1
    log: list[str] = field(default_factory=list)

    def pass_by(self, moment: str) -> None:
        self.log.append(moment)
        if len(self.log) - 1 == self.at:
            raise Burnt(moment)


class Disk:
    """An SQLite database that outlives its process: what was committed stays, the rest is gone."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.fuse = Fuse()
        self.is_full = False

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if statement != "COMMIT":
            return self.connection.execute(statement, values)
        if self.is_full:
            raise sqlite3.OperationalError("database or disk is full")
        self.fuse.pass_by("before a write")
        cursor = self.connection.execute(statement)
        self.fuse.pass_by("after a write")
        return cursor

    def executescript(self, script: str) -> sqlite3.Cursor:
        return self.connection.executescript(script)

    def lose_power(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")


def digest_of(seed: bytes, host: bytes, nonce: int) -> bytes:
    return sha256(seed + host + nonce.to_bytes(8, "little")).digest()


def is_hit(digest: bytes) -> bool:
    return digest[31] < 128


@dataclass
class Job:
    """A job as its sidecar keeps it."""

    host: Host
    seed: bytes
    proofs: list[Proof] = field(default_factory=list)
    acked: int = 0
    next_nonce: int = 0
    stopped: bool = False


class SimSidecar:
    """Finds HITS_A_BLOCK made-up hits a block; `lie` changes a proof.  Forgets what is acknowledged."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.fuse = Fuse()
        self.is_up = True
        self.lie: Callable[[Proof], Proof] = lambda proof: proof
        self.jobs: dict[str, Job] = {}
        self.found = asyncio.Event()

    def advance(self) -> None:
        """A block's time passes."""
        for job in self.jobs.values():
            if not job.stopped and self.is_up:
                for _ in range(HITS_A_BLOCK):
                    job.proofs.append(self._find(job))
        self.found.set()
        self.found = asyncio.Event()

    def _find(self, job: Job) -> Proof:
        for nonce in count(job.next_nonce):
            digest = digest_of(job.seed, job.host, nonce)
            if is_hit(digest):
                job.next_nonce = nonce + 1
                return self.lie(Proof(nonce=nonce, tag=digest[:8]))
        raise AssertionError("count has no end")

    def _check_up(self) -> None:
        if not self.is_up:
            raise TransientError("sidecar_unreachable", "simulated")

    async def run_job(
        self, job: RunJob, host: Host, *, after_number: int, deadline_ms: int
    ) -> AsyncIterator[ProofBatch]:
        self._check_up()
        self.fuse.pass_by("before starting a job")
        running = self.jobs.setdefault(job.job_id, Job(host=host, seed=job.work.sprint_seed))
        self.fuse.pass_by("after starting a job")
        if after_number > len(running.proofs):
            raise PermanentError("sidecar_forgot", f"{after_number} > {len(running.proofs)}")
        assert after_number >= running.acked, "proofs that were acknowledged are asked for again"
        sent = after_number
        while not (running.stopped and sent == len(running.proofs)):
            self._check_up()
            news = self.found
            batch = tuple(running.proofs[sent : sent + 7])
            if batch:
                sent += len(batch)
                yield ProofBatch(proofs=batch, last_number=sent, evaluated=running.next_nonce, ended=False)
            else:
                await news.wait()
        yield ProofBatch(proofs=(), last_number=sent, evaluated=running.next_nonce, ended=True)

    async def ack(self, job_id: str, up_to_number: int) -> None:
        self._check_up()
        self.fuse.pass_by("before an ack")
        job = self.jobs[job_id]
        kept = {bytes(nonce) for (nonce,) in self.disk.connection.execute("SELECT nonce FROM proofs")}
        assert all(proof.nonce.to_bytes(8) in kept for proof in job.proofs[:up_to_number]), "acked before it was kept"
        job.acked = max(job.acked, up_to_number)
        self.fuse.pass_by("after an ack")

    async def stop(self, job_id: str) -> None:
        self._check_up()
        self.fuse.pass_by("before a stop")
        if job_id in self.jobs:
            self.jobs[job_id].stopped = True
        self.fuse.pass_by("after a stop")

    async def verify(self, work: Work, leaves: tuple[Leaf, ...], *, stop_after: int, deadline_ms: int) -> Verified:
        self._check_up()
        self.fuse.pass_by("before a recomputation")
        await asyncio.sleep(0)
        digests = [digest_of(work.sprint_seed, leaf.claimant, leaf.nonce) for leaf in leaves]
        wrong = [
            i for i, (leaf, d) in enumerate(zip(leaves, digests, strict=True)) if d[:8] != leaf.tag or not is_hit(d)
        ]
        self.fuse.pass_by("after a recomputation")
        if stop_after and len(wrong) >= stop_after:
            return Verified(mismatched=tuple(wrong[:stop_after]), tails=())
        return Verified(mismatched=tuple(wrong), tails=tuple(d[8:] for d in digests))


class SimLedger(CosmosLedger):
    """The chain's methods called directly, by the real client's code for everything above the connection."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.fuse = Fuse()
        self.is_up = True

    async def query(self, method: str, request: Message, answer: type[Any], *, height: int = 0) -> Any:
        await asyncio.sleep(0)
        if not self.is_up:
            raise TransientError("chain_unreachable", "simulated")
        found = self._world.registry.find(method)
        assert found is not None, method
        try:
            return answer.FromString(found.answer(request.SerializeToString(), self._world.chain.snapshot(height)))
        except RuleError as error:
            raise PermanentError(error.code, error.detail) from error

    async def broadcast(self, tx: bytes) -> Receipt:
        self.fuse.pass_by("before a send")
        receipt = await super().broadcast(tx)
        self.fuse.pass_by("after a send")
        return receipt


class SimHost:
    """A host's machine: disk and sidecar stay, the client process comes and goes."""

    def __init__(self, world: World, name: str) -> None:
        self.key = SigningKey(Secret(sha256(name.encode()).digest()))
        self.host = Host(decode_address(self.key.address))
        self.disk = Disk()
        self.sidecar = SimSidecar(self.disk)
        self.ledger = SimLedger(world)
        self.deaths = 0
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._performer: Performer | None = None
        self._drawn = 0

    def set_fuse(self, fuse: Fuse) -> None:
        self.disk.fuse = self.sidecar.fuse = self.ledger.fuse = fuse

    def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    def wake(self) -> None:
        if self._performer is not None:
            self._performer.news.set()

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def die(self) -> None:
        """SIGKILL, and the power goes."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Burnt, BaseExceptionGroup):
                await self._task
        self._task = self._performer = None
        self.disk.lose_power()
        self.deaths += 1

    async def check(self) -> None:
        """Take notice of a process that burnt; anything else that ends one is a failure."""
        if self._task is None or not self._task.done():
            return
        error = self._task.exception()
        if not is_burnt(error):
            raise AssertionError("the client ended by itself") from error
        await self.die()

    def _entropy(self, size: int) -> bytes:
        self._drawn += 1
        return sha256(self.host + self._drawn.to_bytes(4)).digest()[:size]

    async def _live(self) -> None:
        journal = Journal.attach(self.disk, chain_id=CHAIN_ID, host=self.host)  # type: ignore[arg-type]
        sender = Sender(
            ledger=self.ledger,
            outbox=journal,
            signer=self.key,
            chain_id=CHAIN_ID,
            pause=self._world.wait_for_block,
        )
        ports = Ports(
            ledger=self.ledger,
            sidecar=self.sidecar,
            sender=sender,
            signer=self.key,
            journal=journal,
            entropy=self._entropy,
            now_ms=self._world.now_ms,
            pause=self._world.wait_for_block,
        )
        async with asyncio.TaskGroup() as tasks:
            performer = self._performer = Performer(ports, tasks)
            follower = Follower(ports=ports, performer=performer, host=self.key.address, chain_id=CHAIN_ID)
            performer.news.set()
            while True:
                await performer.news.wait()
                try:
                    await follower.step()
                except TransientError:
                    performer.news.clear()  # tried again at the next block

    def journal(self) -> Journal:
        """The disk, read as a command would."""
        return Journal(self.disk)  # type: ignore[arg-type]

    async def view(self) -> View:
        return await read_view(self.ledger, self.key.address)


def is_burnt(error: BaseException | None) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(is_burnt(part) for part in error.exceptions)
    return isinstance(error, Burnt)


class World:
    """A chain and its hosts.  `run_to` makes blocks; a client that burnt is started again at once."""

    def __init__(self, node: Node, names: tuple[str, ...]) -> None:
        self.node = node
        self.time_ms = TIME_MS
        self._block = asyncio.Event()
        node.engine.make_block(TIME_MS * 10**6)
        self.chain = LocalChain(app=node.app, engine=node.engine, store=node.store, chain_id=CHAIN_ID)
        self.registry = build_registry(self.chain)
        self.hosts = tuple(SimHost(self, name) for name in names)
        self.restarts = True

    async def stake(self, host: SimHost, amount: int = 100 * GNK) -> None:
        """Stake by hand, as `gnk stake add` does."""
        message = MsgStake(host=host.key.address, amount_ngonka=amount)
        order = Order(
            order_id="stake", messages=(message,), last_height=9, fee=Fee(gas_limit=200_000, amount_ngonka=200_000)
        )
        tx = sign_order(order, host.key, await host.ledger.account(host.key.address), CHAIN_ID)
        receipt = await host.ledger.broadcast(tx.raw)
        assert receipt.code == 0, receipt

    def now_ms(self) -> int:
        return self.time_ms

    async def wait_for_block(self) -> None:
        await self._block.wait()

    async def settle(self) -> None:
        """Let everything happen that can happen before the next block."""
        for _ in range(2):
            for _ in range(SPINS):
                await asyncio.sleep(0)
            for host in self.hosts:
                await host.check()
                if not host.is_running and self.restarts:
                    host.start()

    async def make_block(self) -> None:
        self.time_ms += self.node.genesis.params.auth.block_ms
        self.node.engine.make_block(self.time_ms * 10**6)
        for host in self.hosts:
            host.sidecar.advance()
            host.wake()
        block, self._block = self._block, asyncio.Event()
        block.set()
        await self.settle()

    async def run_to(self, epoch: int, phase: Phase) -> View:
        """Make blocks until the next one is the first of a phase."""
        while True:
            view = await self.hosts[0].view()
            if (view.clock.epoch, view.clock.phase) == (epoch, phase):
                return view
            await self.make_block()

    async def outcome(self, epoch: int, host: SimHost) -> Outcome:
        request = QuerySummaryRequest(epoch=epoch)
        answer = await host.ledger.query("/gonka.sprint.v1.Query/Summary", request, QuerySummaryResponse)
        return next(outcome for outcome in answer.summary.outcomes if outcome.host == host.key.address)

    def applied(self, host: SimHost) -> Counter[tuple[str, ...]]:
        """Events of messages applied for a host, by what they were, over all blocks; failed transactions as such."""
        found: Counter[tuple[str, ...]] = Counter()
        for height in range(1, self.node.engine.height + 1):
            logged = read_logged(self.node.store, height)
            for result in logged.result.tx_results:
                for event in result.events:
                    given = dict(event.attributes)
                    if given.get("host") == host.key.address:
                        found[(event.type, given.get("epoch", ""), given.get("round", ""), given.get("count", ""))] += 1
                if result.code:
                    found[("failed", str(height), result.log)] += 1
        return found


def read_logged(store: Store, height: int) -> Any:
    from chain.engine.blocklog import read_block

    logged = read_block(store.latest.records, height)
    assert logged is not None
    assert isinstance(logged.block, Block)
    return logged


def make_genesis_file(names: tuple[str, ...], params: Params) -> bytes:
    keys = [SigningKey(Secret(sha256(name.encode()).digest())) for name in names]
    return build_genesis(
        chain_id=CHAIN_ID,
        time_ms=TIME_MS,
        params=params,
        balances={decode_address(key.address): 1000 * GNK for key in keys},
        hosts=[GenesisHost(address=key.address, units=GENESIS_UNITS) for key in keys],
        subsidy_ngonka=100 * GNK,
    )


@contextlib.asynccontextmanager
async def open_world(names: tuple[str, ...] = ("ann", "bob", "cat"), params: Params = MINIMAL) -> AsyncIterator[World]:
    """A chain at height 1 and its hosts' clients, running."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with open_node(Store.in_memory(), make_genesis_file(names, params)) as node:
        world = World(node, names)
        try:
            for host in world.hosts:
                await world.stake(host)
            world.node.engine.make_block(world.time_ms * 10**6 + 1)
            for host in world.hosts:
                host.start()
            await world.settle()
            yield world
        finally:
            world.restarts = False
            for host in world.hosts:
                await host.die()
                host.disk.connection.close()
            structlog.reset_defaults()
