"""Named tables of ordered pairs, written all at once: what a store needs of a disk."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from chain.store.kv import Reader


class Table(StrEnum):
    """The tables of a store."""

    STATE = "state"  # the state machine's pairs, what the app hash covers
    TREE = "tree"  # page path -> page of the Merkle tree over STATE
    KEYS = "keys"  # SHA-256(key) -> key, for every key of STATE
    RECORDS = "records"  # the engine's: block log, transaction index
    META = "meta"  # height, app hash, format


Batch = Mapping[Table, Mapping[bytes, bytes | None]]
"""By table, key -> value, None to remove."""


class Snapshot(Protocol):
    """All tables as they stood at one moment, whatever is written later."""

    def table(self, table: Table) -> Reader:
        """One of the tables."""
        ...

    def close(self) -> None:
        """Let go; reading afterwards is an error."""
        ...


class Tables(Protocol):
    """A disk, or memory."""

    def snapshot(self) -> Snapshot:
        """The tables as they stand now."""
        ...

    def write(self, batch: Batch) -> None:
        """Write all of it durably or nothing; StoreError store_full or store_write_failed where it cannot be done."""
        ...

    def close(self) -> None:
        """Let go of files and locks; snapshots must be closed before."""
        ...
