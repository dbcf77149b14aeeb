"""The local engine: one process that makes every block, on a timer or when asked.

A block is proposed from the mempool, finalised, and committed together with its entry in the block log; between two
calls of `make_block` nothing is half done, and a crash inside one leaves the height before or the height after.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256

from chain.engine.application import Application, Block, CheckResult
from chain.engine.blocklog import (
    GENESIS_KEY,
    LoggedBlock,
    compute_block_hash,
    encode_block,
    read_block,
)
from chain.engine.clock import Clock
from chain.engine.mempool import LaneLimits, Mempool
from chain.engine.txindex import encode_index
from chain.store.errors import StoreError
from chain.store.store import Store

_SUBSCRIPTION_BLOCKS = 64
_MILLISECOND_NS = 10**6
_DUTY_LANE = LaneLimits(max_txs=10_000, max_bytes=256 << 20)
_OPEN_LANE = LaneLimits(max_txs=10_000, max_bytes=64 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What an operator settles: the pace, and what the mempool holds.  `proposer` is a 20-byte consensus address."""

    chain_id: str
    block_ms: int
    proposer: bytes = b""
    max_block_bytes: int = 16 << 20
    max_tx_bytes: int = 1 << 20
    duty_lane: LaneLimits = _DUTY_LANE
    open_lane: LaneLimits = _OPEN_LANE


class LocalEngine:
    """Drives an application whose state is in `store`.  Open with `open`; all calls from one thread."""

    def __init__(self, app: Application, store: Store, config: EngineConfig, genesis: bytes) -> None:
        self._app = app
        self._store = store
        self._config = config
        self._genesis = genesis
        self._last = read_block(store.latest.records, store.height)
        self._subscriptions: set[asyncio.Queue[LoggedBlock]] = set()
        self.mempool = Mempool(
            check=app.check_tx,
            duties=config.duty_lane,
            others=config.open_lane,
            max_tx_bytes=min(config.max_tx_bytes, config.max_block_bytes),
        )

    @classmethod
    def open(cls, app: Application, store: Store, *, config: EngineConfig, genesis: bytes) -> "LocalEngine":
        """The engine at the store's height, the genesis given to an application that is at none.

        StoreError store_foreign where the store grew from another genesis.
        """
        known = store.latest.records.get(GENESIS_KEY)
        if known is not None and known != genesis:
            raise StoreError("store_foreign", "its genesis is not the one given")
        if app.info().height == 0:
            app.init_chain(genesis)
        if app.info().height != store.height:
            raise AssertionError(f"the application is at {app.info().height}, its store at {store.height}")
        return cls(app, store, config, genesis)

    @property
    def last(self) -> LoggedBlock | None:
        """The last committed block, None before the first."""
        return self._last

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""
        return self._last.block.height if self._last else 0

    def submit(self, tx: bytes) -> CheckResult:
        """Let `tx` wait for a block if it passes; see Mempool.submit."""
        return self.mempool.submit(tx)

    def make_block(self, time_ns: int) -> LoggedBlock:
        """Make and commit the next block out of what waits; its time is `time_ns`, or just after the last block's.

        StoreError store_full or store_write_failed: nothing happened, what waits still waits.
        """
        block = self._propose(time_ns)
        return self._commit(LoggedBlock(block=block, result=self._app.finalize_block(block)))

    def take_block(self, logged: LoggedBlock) -> None:
        """Commit the next block as another engine made it.

        StoreError block_mismatch, with nothing kept, where its height, its hash or the app hash after it is not what
        comes out here.
        """
        block = replace(logged.block, last_hash=self._last_hash)
        if block.height != self.height + 1 or block.hash != self._compute_hash(block):
            raise StoreError("block_mismatch", f"block {block.height} does not follow block {self.height}")
        result = self._app.finalize_block(block)
        if result.app_hash != logged.result.app_hash:
            raise StoreError("block_mismatch", f"block {block.height} comes to {result.app_hash.hex()}")
        self._commit(LoggedBlock(block=block, result=result))

    async def run(self, clock: Clock) -> None:
        """Make a block every `block_ms`, for ever; one that is late is not made up for."""
        due = clock.time_ns()
        while True:
            self.make_block(clock.time_ns())
            period = self._config.block_ms * _MILLISECOND_NS
            now = clock.time_ns()
            wait = min(max(due + period - now, 0), period)
            due = now + wait
            await clock.sleep_ns(wait)

    async def wait_for_height(self, height: int) -> None:
        """Return once the block of `height` is committed; the caller sets the deadline."""
        with self.subscribe() as blocks:
            while self.height < height:
                await blocks.get()

    @contextmanager
    def subscribe(self) -> Iterator["asyncio.Queue[LoggedBlock]"]:
        """A queue of the blocks to come; of a reader that falls behind, the oldest are dropped: the log has them."""
        blocks: asyncio.Queue[LoggedBlock] = asyncio.Queue(_SUBSCRIPTION_BLOCKS)
        self._subscriptions.add(blocks)
        try:
            yield blocks
        finally:
            self._subscriptions.remove(blocks)

    @property
    def _last_hash(self) -> bytes:
        return self._last.block.hash if self._last else sha256(self._genesis).digest()

    def _propose(self, time_ns: int) -> Block:
        max_bytes = self._config.max_block_bytes
        block = Block(
            height=self.height + 1,
            time_ns=max(time_ns, self._last.block.time_ns + 1) if self._last else time_ns,
            hash=b"",
            last_hash=self._last_hash,
            proposer=self._config.proposer,
            txs=self._app.prepare_proposal(self.mempool.offer(max_bytes), max_bytes),
        )
        return replace(block, hash=self._compute_hash(block))

    def _compute_hash(self, block: Block) -> bytes:
        return compute_block_hash(block, chain_id=self._config.chain_id, app_hash=self._store.app_hash)

    def _commit(self, logged: LoggedBlock) -> LoggedBlock:
        first = {} if self._last else {GENESIS_KEY: self._genesis}
        self._app.commit(first | encode_block(logged) | encode_index(logged))
        self._last = logged
        self.mempool.update(logged.block.txs)
        self._publish(logged)
        return logged

    def _publish(self, logged: LoggedBlock) -> None:
        for blocks in self._subscriptions:
            if blocks.full():
                blocks.get_nowait()
            blocks.put_nowait(logged)
