"""A copy of a store's files, made while the chain that owns them goes on."""

import os
from pathlib import Path

import lmdb

from chain.store.errors import StoreError
from chain.store.tables import Table

_DATA_FILE = "data.mdb"


def copy_store(source: Path, target: Path) -> None:
    """Copy the store in directory `source`, as it stands after a whole block, to `target`, which must not be there.

    StoreError store_unreadable where `source` holds no store, backup_exists, store_write_failed.
    """
    if not (source / _DATA_FILE).is_file():
        raise StoreError("store_unreadable", f"{source} holds no store")
    try:
        target.mkdir(parents=True)
        with lmdb.open(str(source), readonly=True, create=False, max_dbs=len(Table)) as environment:
            environment.copy(str(target), compact=True)
        directory = os.open(target, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    except FileExistsError as error:
        raise StoreError("backup_exists", str(target)) from error
    except (OSError, lmdb.Error) as error:
        raise StoreError("store_write_failed", f"{target}: {error}") from error
