"""An upgrade tried on a copy of the state, days before the network makes it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from chain.app import App
from chain.context import Context
from chain.engine.application import Block
from chain.engine.blocklog import GENESIS_KEY, read_block
from chain.engine.errors import EngineError
from chain.genesis import read_genesis
from chain.handlers import HANDLERS
from chain.modules.upgrade.migrating import Upgrades, run_migration
from chain.store.errors import StoreError
from chain.store.overlay import Overlay
from chain.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What the migration comes to at `height`: pairs written, pairs removed, the app hash before and after it."""

    height: int
    written: int
    removed: int
    app_hash_before: bytes
    app_hash_after: bytes


def rehearse_upgrade(store: Store, name: str, upgrades: Upgrades) -> Rehearsal:
    """Migrate the state in `store`, which is a copy, and run an empty block on it.

    EngineError upgrade_needed where this program does not know the upgrade, upgrade_failed; StoreError
    store_unreadable where there is no block.
    """
    migration = upgrades.migrations.get(name)
    if migration is None:
        known = ", ".join(sorted(upgrades.migrations)) or "none"
        raise EngineError("upgrade_needed", f"{name!r} is unknown to this program, which knows {known}")
    records = store.latest.records
    genesis, last = records.get(GENESIS_KEY), read_block(records, store.height)
    if genesis is None or last is None:
        raise StoreError("store_unreadable", "there is no block to go on from")
    before, height, time_ns = store.app_hash, store.height + 1, last.block.time_ns
    state, chain_id = Overlay(store.latest), read_genesis(genesis).chain_id
    run_migration(
        Context(store=state, height=height, time_ns=time_ns, chain_id=chain_id, handlers=HANDLERS), name, migration
    )
    change = store.prepare(state.writes)
    store.commit(change, height=height, records={})
    block_hash = sha256(change.app_hash).digest()
    App.open(store, upgrades=upgrades).finalize_block(
        Block(height=height + 1, time_ns=time_ns + 1, hash=block_hash, last_hash=block_hash, proposer=b"", txs=())
    )
    removed = sum(value is None for value in state.writes.values())
    return Rehearsal(
        height=height,
        written=len(state.writes) - removed,
        removed=removed,
        app_hash_before=before,
        app_hash_after=change.app_hash,
    )
