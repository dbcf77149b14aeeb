"""The last committed block: logged and indexed in the step that commits the state, then told to those who wait."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from chain.engine.application import Application
from chain.engine.blocklog import GENESIS_KEY, LoggedBlock, encode_block, read_block
from chain.engine.txindex import encode_index
from chain.store.errors import StoreError
from chain.store.store import Store

_SUBSCRIPTION_BLOCKS = 64


class Tip:
    """Where the chain in a store ends; whatever the engine, its blocks are committed here.  Open with `open`."""

    def __init__(self, app: Application, genesis: bytes, last: LoggedBlock | None) -> None:
        self._app = app
        self._genesis = genesis
        self._subscriptions: set[asyncio.Queue[LoggedBlock]] = set()
        self.last = last

    @classmethod
    def open(cls, app: Application, store: Store, genesis: bytes) -> "Tip":
        """The end of the log in `store`, where `app` stands too.

        StoreError store_foreign where the store grew from another genesis.
        """
        known = store.latest.records.get(GENESIS_KEY)
        if known is not None and known != genesis:
            raise StoreError("store_foreign", "its genesis is not the one given")
        if app.info().height != store.height:
            raise AssertionError(f"the application is at {app.info().height}, its store at {store.height}")
        return cls(app, genesis, read_block(store.latest.records, store.height))

    @property
    def height(self) -> int:
        """The height of the last committed block, 0 before the first."""
        return self.last.block.height if self.last else 0

    @property
    def last_hash(self) -> bytes:
        """The hash of the last committed block; before the first, SHA-256 of the genesis."""
        return self.last.block.hash if self.last else sha256(self._genesis).digest()

    def commit(self, logged: LoggedBlock) -> None:
        """Commit the block that the application finalised last.

        StoreError store_full or store_write_failed: nothing happened.
        """
        first = {} if self.last else {GENESIS_KEY: self._genesis}
        self._app.commit(first | encode_block(logged) | encode_index(logged))
        self.last = logged

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
