"""The local engine: one process that makes every block, on a timer or when asked.

A block is proposed from the mempool, finalised, and committed together with its entry in the block log; between two
calls of `make_block` nothing is half done, and a crash inside one leaves the height before or the height after.
"""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from chain.engine.application import Application, Block, CheckResult
from chain.engine.blocklog import LoggedBlock, compute_block_hash
from chain.engine.clock import Clock
from chain.engine.mempool import LaneLimits, Mempool
from chain.engine.tip import Tip
from chain.store.errors import StoreError
from chain.store.store import Store

_MILLISECOND_NS = 10**6
_DUTY_LANE = LaneLimits(max_txs=10_000, max_bytes=256 << 20)
_OPEN_LANE = LaneLimits(max_txs=10_000, max_bytes=64 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What an operator settles: the pace, what the mempool holds, how many blocks the log keeps (0: all)."""

    chain_id: str
    block_ms: int
    max_block_bytes: int = 16 << 20
    max_tx_bytes: int = 1 << 20
    keep_blocks: int = 0
    duty_lane: LaneLimits = _DUTY_LANE
    open_lane: LaneLimits = _OPEN_LANE


class LocalEngine:
    """Drives an application whose state is in `store`.  Open with `open`; all calls from one thread."""

    def __init__(self, app: Application, store: Store, config: EngineConfig, tip: Tip) -> None:
        self._app = app
        self._store = store
        self._config = config
        self._tip = tip
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
        tip = Tip.open(app, store, genesis, keep_blocks=config.keep_blocks)
        if tip.height == 0:
            app.init_chain(genesis)
        return cls(app, store, config, tip)

    @property
    def last(self) -> LoggedBlock | None:
        """The last committed block, None before the first."""
        return self._tip.last

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""
        return self._tip.height

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
        block = replace(logged.block, last_hash=self._tip.last_hash)
        is_ours = not block.proposer  # CometBFT's hash covers more than the log keeps; the app hash covers its hash
        if block.height != self.height + 1 or (is_ours and block.hash != self._compute_hash(block)):
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
        await self._tip.wait_for_height(height)

    def subscribe(self) -> AbstractContextManager["asyncio.Queue[LoggedBlock]"]:
        """A queue of the blocks to come; see Tip.subscribe."""
        return self._tip.subscribe()

    def _propose(self, time_ns: int) -> Block:
        max_bytes = self._config.max_block_bytes
        block = Block(
            height=self.height + 1,
            time_ns=max(time_ns, self.last.block.time_ns + 1) if self.last else time_ns,
            hash=b"",
            last_hash=self._tip.last_hash,
            proposer=b"",
            txs=self._app.prepare_proposal(self.mempool.offer(max_bytes), max_bytes),
        )
        return replace(block, hash=self._compute_hash(block))

    def _compute_hash(self, block: Block) -> bytes:
        return compute_block_hash(block, chain_id=self._config.chain_id, app_hash=self._store.app_hash)

    def _commit(self, logged: LoggedBlock) -> LoggedBlock:
        self._tip.commit(logged)
        self.mempool.update(logged.block.txs)
        self._tip.publish()
        return logged
