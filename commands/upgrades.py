"""`gnk chain backup` and `gnk chain rehearse`: before an upgrade."""

from __future__ import annotations

from pathlib import Path

import click

from commands.call import Call, local


@click.command(short_help="Copy HOME's store, also while the chain runs.")
@click.argument("target", type=click.Path(path_type=Path))
@local
def backup(call: Call, target: Path) -> None:
    """Copy HOME's store to the new directory TARGET, also while the chain runs.

    To restore it, stop the chain and put TARGET in the place of HOME/data.
    """
    from chain.process import DATA_FILE
    from chain.store.backup import copy_store
    from chain.store.store import Store

    copy_store(call.config.home / DATA_FILE, target)
    store = Store.open(target)
    try:
        call.emit({"backup": str(target), "height": store.height, "app_hash": store.app_hash.hex()})
    finally:
        store.close()


@click.command(short_help="Make upgrade NAME on a copy of HOME's store.")
@click.argument("name")
@local
def rehearse(call: Call, name: str) -> None:
    """Make upgrade NAME on a copy of HOME's store, also while the chain runs, and say what it comes to."""
    import tempfile
    import time

    from chain.modules.upgrade.migrating import Upgrades
    from chain.process import DATA_FILE
    from chain.rehearsal import rehearse_upgrade
    from chain.store.backup import copy_store
    from chain.store.store import Store

    with tempfile.TemporaryDirectory(prefix="gnk-rehearsal-") as directory:
        copy = Path(directory) / DATA_FILE
        copy_store(call.config.home / DATA_FILE, copy)
        store = Store.open(copy)
        began = time.monotonic()
        try:
            found = rehearse_upgrade(store, name, Upgrades())
        finally:
            store.close()
        seconds = time.monotonic() - began
    call.emit(
        {
            "upgrade": name,
            "seconds": round(seconds, 1),
            "height": found.height,
            "written": found.written,
            "removed": found.removed,
            "app_hash_before": found.app_hash_before.hex(),
            "app_hash_after": found.app_hash_after.hex(),
        }
    )
