"""The local engine: one process that makes every block, on a timer or when asked.

A block is proposed from the mempool, finalised, signed, and committed together with its entry in the block log; between
two calls of `make_block` nothing is half done, and a crash inside one leaves the height before or the height after.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from chain.engine.application import Application, Block, CheckResult
from chain.engine.blocklog import LoggedBlock
from chain.engine.clock import Clock
from chain.engine.headerlog import encode_signed_header, read_signed_header
from chain.engine.mempool import LaneLimits, Mempool
from chain.engine.tip import Tip
from chain.engine.validator import NOBODY, Validator
from chain.store.errors import StoreError
from chain.store.store import Store
from wire.headers import hash_header

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

    def __init__(self, app: Application, store: Store, config: EngineConfig, tip: Tip, validator: Validator) -> None:
        self._app = app
        self._store = store
        self._config = config
        self._tip = tip
        self._validator = validator
        self.mempool = Mempool(
            check=app.check_tx,
            duties=config.duty_lane,
            others=config.open_lane,
            max_tx_bytes=min(config.max_tx_bytes, config.max_block_bytes),
        )

    @classmethod
    def open(
        cls,
        app: Application,
        store: Store,
        *,
        config: EngineConfig,
        genesis: bytes,
        validator: Validator = NOBODY,
    ) -> "LocalEngine":
        """The engine at the store's height, the genesis given to an application that is at none.

        StoreError store_foreign where the store grew from another genesis, or its blocks are another validator's.
        """
        tip = Tip.open(app, store, genesis, keep_blocks=config.keep_blocks)
        if tip.height == 0:
            app.init_chain(genesis)
        signed = read_signed_header(store.latest.records, tip.height)
        if signed is not None and signed.header.next_validators_hash != validator.set_hash:
            raise StoreError("store_foreign", "its blocks are signed by another consensus key than the home's")
        return cls(app, store, config, tip, validator)

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
        last = read_signed_header(self._store.latest.records, self.height)
        block = self._propose(time_ns)
        header = self._validator.build_header(
            block,
            chain_id=self._config.chain_id,
            app_hash=self._store.app_hash,
            last=last,
            last_result=self.last.result if self.last else None,
        )
        block = replace(block, hash=hash_header(header))
        logged = LoggedBlock(block=block, result=self._app.finalize_block(block))
        return self._commit(logged, encode_signed_header(self._validator.sign(header, txs=block.txs, last=last)))

    def take_block(self, logged: LoggedBlock) -> None:
        """Commit the next block as another engine made it.

        StoreError block_mismatch, with nothing kept, where its height is not the next, or another app hash comes out
        here; that one covers the block's hash.
        """
        block = replace(logged.block, last_hash=self._tip.last_hash)
        if block.height != self.height + 1:
            raise StoreError("block_mismatch", f"block {block.height} does not follow block {self.height}")
        result = self._app.finalize_block(block)
        if result.app_hash != logged.result.app_hash:
            raise StoreError("block_mismatch", f"block {block.height} comes to {result.app_hash.hex()}")
        self._commit(LoggedBlock(block=block, result=result), {})

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
        return Block(
            height=self.height + 1,
            time_ns=max(time_ns, self.last.block.time_ns + 1) if self.last else time_ns,
            hash=b"",
            last_hash=self._tip.last_hash,
            proposer=self._validator.address,
            txs=self._app.prepare_proposal(self.mempool.offer(max_bytes), max_bytes),
        )

    def _commit(self, logged: LoggedBlock, header: Mapping[bytes, bytes]) -> LoggedBlock:
        self._tip.commit(logged, header)
        self.mempool.update(logged.block.txs)
        self._tip.publish()
        return logged
