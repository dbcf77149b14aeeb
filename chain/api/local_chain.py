"""The chain that an engine in this process writes, as the API reads it and hands transactions to it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Protocol

from chain.app import App
from chain.engine.application import Block, CheckResult, TxResult
from chain.engine.blocklog import LoggedBlock, read_block
from chain.modules.params.state import get_frozen
from chain.modules.query import Snapshot
from chain.store.errors import StoreError
from chain.store.store import Store, View
from rules.errors import RuleError
from wire.gonka.sprint.v1.query_pb2 import BlockNotice


class Engine(Protocol):
    """What makes the blocks, or is told of them."""

    @property
    def last(self) -> LoggedBlock | None:
        """The last committed block, None before the first."""

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""

    async def wait_for_height(self, height: int) -> None:
        """Return once the block of `height` is committed."""

    def submit(self, tx: bytes) -> CheckResult | Awaitable[CheckResult]:
        """Let `tx` wait for a block if it passes."""


@dataclass(frozen=True, slots=True)
class _Latest:
    snapshot: Snapshot
    notice: BlockNotice


TRIED_PART: Final = 4
"""Simulations between two blocks come to at most this part of a block's gas: they hold up who makes the blocks."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """The gas that simulations have come to since the block of a height."""

    height: int
    gas: int


class LocalChain:
    """Reads of a store that an engine in this process writes, from its first block on."""

    def __init__(self, *, app: App, engine: Engine, store: Store, chain_id: str) -> None:
        self._app = app
        self._engine = engine
        self._store = store
        self._chain_id = chain_id
        self._latest: _Latest | None = None
        self._tried = _Tried(0, 0)

    def snapshot(self, height: int) -> Snapshot:
        """The state committed at `height`, 0 for the latest.  RuleError height_not_kept."""
        if height in {0, self._store.height}:
            return self._read_latest().snapshot
        try:
            view = self._store.at(height)
        except StoreError as error:
            raise RuleError("height_not_kept", error.detail, height=height) from error
        logged = read_block(view.records, height)
        if logged is None:
            raise RuleError("height_not_kept", f"there is no block {height}", height=height)
        return self._pin(view, logged.block)

    async def wait_above(self, height: int) -> BlockNotice:
        """The latest block, as soon as its height is above `height`."""
        await self._engine.wait_for_height(height + 1)
        return self._read_latest().notice

    def submit(self, tx: bytes) -> CheckResult | Awaitable[CheckResult]:
        """Let `tx` wait for a block if it passes."""
        return self._engine.submit(tx)

    def simulate(self, tx: bytes) -> TxResult:
        """What `tx` would come to after those that wait.

        It pays nothing, so between two blocks only a part of what a block may hold is tried: RuleError node_busy.
        """
        snapshot = self.snapshot(0)
        params = get_frozen(snapshot.store).auth
        gas = self._tried.gas if self._tried.height == snapshot.height else 0
        if gas >= params.max_block_gas // TRIED_PART:
            raise RuleError("node_busy", f"{gas} gas since block {snapshot.height}")
        result = self._app.simulate(tx)
        cost = max(result.gas_used, len(tx) * params.gas_per_byte)
        self._tried = _Tried(snapshot.height, gas + cost)
        return result

    def _read_latest(self) -> _Latest:
        if self._latest is None or self._latest.snapshot.height != self._engine.height:
            if self._engine.last is None:
                raise RuleError("height_not_kept", "there is no block yet")
            block = self._engine.last.block
            notice = BlockNotice(height=block.height, hash=block.hash, time_unix_ms=block.time_ns // 10**6)
            self._latest = _Latest(self._pin(self._store.latest, block), notice)
        return self._latest

    def _pin(self, view: View, block: Block) -> Snapshot:
        return Snapshot(
            store=view, records=view.records, height=block.height, time_ns=block.time_ns, chain_id=self._chain_id
        )
