"""The last committed block: logged and indexed in the step that commits the state, then told to those who wait."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from itertools import islice
from types import MappingProxyType

from chain.engine.application import Application
from chain.engine.blocklog import (
    FLOOR_KEY,
    GENESIS_KEY,
    Floor,
    LoggedBlock,
    encode_block,
    forget_block,
    read_block,
    scan_blocks,
)
from chain.engine.headerlog import forget_header
from chain.engine.txindex import encode_index, forget_index
from chain.store.errors import StoreError
from chain.store.store import Store

_NO_HEADER: Mapping[bytes, bytes] = MappingProxyType({})
_SUBSCRIPTION_BLOCKS = 64
_FORGOTTEN_BLOCKS = 4
"""At most so many old blocks go with each new one, so that a log that is to shrink does so without a stop."""


class Tip:
    """Where the chain in a store ends; whatever the engine, its blocks are committed here.  Open with `open`.

    `keep_blocks` is how many blocks the log keeps, with their index; 0 for all.  `last` is None before the first block,
    and where the state came from a snapshot and no block has followed it.
    """

    def __init__(self, app: Application, store: Store, genesis: bytes, keep_blocks: int) -> None:
        self._app = app
        self._store = store
        self._genesis = genesis
        self._keep_blocks = keep_blocks
        self._subscriptions: set[asyncio.Queue[LoggedBlock]] = set()
        self.last = read_block(store.latest.records, store.height)

    @classmethod
    def open(cls, app: Application, store: Store, genesis: bytes, *, keep_blocks: int = 0) -> "Tip":
        """The end of the log in `store`, where `app` stands too.

        StoreError store_foreign where the store grew from another genesis.
        """
        known = store.latest.records.get(GENESIS_KEY)
        if known is not None and known != genesis:
            raise StoreError("store_foreign", "its genesis is not the one given")
        if app.info().height != store.height:
            raise AssertionError(f"the application is at {app.info().height}, its store at {store.height}")
        return cls(app, store, genesis, keep_blocks)

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""
        return self._store.height

    @property
    def last_hash(self) -> bytes:
        """The hash of the last committed block; before the first, SHA-256 of the genesis."""
        return self._app.info().block_hash if self.height else sha256(self._genesis).digest()

    @property
    def retain_height(self) -> int:
        """The lowest block that others need to keep for us, 0 for all of them."""
        return max(0, self.height - self._keep_blocks + 1) if self._keep_blocks else 0

    def commit(self, logged: LoggedBlock, header: Mapping[bytes, bytes] = _NO_HEADER) -> None:
        """Commit the block that the application finalised last, and the records of its `header` where we signed it.

        StoreError store_full or store_write_failed: nothing happened.
        """
        floor = Floor(height=self.height, block_hash=self.last_hash)
        first = {} if self.last else {GENESIS_KEY: self._genesis, FLOOR_KEY: floor.encode()}
        records = {**first, **encode_block(logged), **encode_index(logged), **header}
        self._app.commit(self._forget(logged.block.height) | records)
        self.last = logged

    def adopt(self, pairs: Mapping[bytes, bytes], *, height: int, app_hash: bytes) -> None:
        """Make `pairs`, all of the state at `height`, the state of an empty store; no block before them is known.

        StoreError snapshot_mismatch where they do not come to `app_hash`, and as `commit`; nothing happened then.
        """
        change = self._store.prepare(pairs)
        if change.app_hash != app_hash:
            raise StoreError("snapshot_mismatch", f"height {height} comes to {change.app_hash.hex()}")
        self._store.commit(change, height=height, records={})

    def _forget(self, height: int) -> dict[bytes, bytes | None]:
        """What goes when the block of `height` comes."""
        records, changes = self._store.latest.records, dict[bytes, bytes | None]()
        if not self._keep_blocks:
            return changes
        for logged in islice(scan_blocks(records), _FORGOTTEN_BLOCKS):
            if logged.block.height > height - self._keep_blocks:
                break
            changes |= forget_block(records, logged) | forget_index(logged) | forget_header(logged)
        return changes

    def publish(self) -> None:
        """Tell those who wait of the last block."""
        if self.last is None:
            return
        for blocks in self._subscriptions:
            if blocks.full():
                blocks.get_nowait()
            blocks.put_nowait(self.last)

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
