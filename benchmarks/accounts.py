"""Memory and disk of a state with many accounts: `python -m benchmarks.accounts [--accounts 1000000] [--home DIR]`.

The accounts are made in blocks through the real store, each with a balance and the public key of who has signed once.
Making, opening again, a snapshot and starting from it have a process each, so that each figure of memory is its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import lmdb

from chain.app import App
from chain.engine.snapshots import Restoration, write_snapshot
from chain.engine.tip import Tip
from chain.modules.auth.state import create_account, set_account
from chain.modules.bank.state import mint
from chain.store.overlay import Overlay
from chain.store.snapshots import FORMAT, read_snapshot
from chain.store.store import Store
from chain.store.tables import Table

BLOCK_ACCOUNTS = 10_000
CHANGED = 10_000
"""Accounts whose balance changes in the block that is made after opening."""
MIB = 1 << 20

Memory: TypeAlias = dict[str, float]
"""MiB of a process, by the names of /proc/PID/status."""
Step: TypeAlias = Callable[[Path, int], Memory]


def main() -> None:
    """Print the figures; nothing is asserted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="on the disk to be measured; a temporary directory by default")
    arguments = parser.parse_args()
    count = arguments.accounts
    print(f"{count} accounts in blocks of {BLOCK_ACCOUNTS}, MiB of memory at the end and at most")
    with tempfile.TemporaryDirectory(dir=arguments.home) as folder:
        home = Path(folder)
        _measure("accounts made in blocks", make_accounts, home, count)
        _report_disk(home, count)
        _measure(f"opened again, and a block of {CHANGED} changes", change_balances, home, count)
        _measure("a snapshot written", take_snapshot, home, count)
        chunks = [file.stat().st_size for file in home.joinpath("shelf").rglob("*") if file.is_file()]
        print(f"  {'the snapshot':46} {sum(chunks) / MIB:8.0f} MiB {sum(chunks) / count:8.0f} bytes an account")
        _measure("the state adopted from the snapshot", adopt_snapshot, home, count)


def address_of(number: int) -> bytes:
    return sha256(number.to_bytes(8, "big")).digest()[:20]


def make_accounts(home: Path, count: int) -> Memory:
    """Commit blocks of new accounts until there are so many."""
    store = Store.open(home / "data")
    for first in range(0, count, BLOCK_ACCOUNTS):
        block = Overlay(store.latest)
        for number in range(first, min(first + BLOCK_ACCOUNTS, count)):
            address = address_of(number)
            mint(block, address, 10**9 + number)
            account = create_account(block, address)
            key = b"\x02" + sha256(address).digest()
            set_account(block, address, type(account)(account.number, 1, key))
        _commit(store, block)
    return _leave(store)


def change_balances(home: Path, count: int) -> Memory:
    """One block on a store that was just opened."""
    store = Store.open(home / "data")
    block = Overlay(store.latest)
    for number in range(0, count, max(1, count // CHANGED)):
        mint(block, address_of(number), 1)
    _commit(store, block)
    return _leave(store)


def take_snapshot(home: Path, _count: int) -> Memory:
    """The chunks of the state, as they lie on a node's shelf."""
    store = Store.open(home / "data")
    home.joinpath("shelf").mkdir()
    write_snapshot(home / "shelf", store.snapshot())
    return _leave(store)


def adopt_snapshot(home: Path, _count: int) -> Memory:
    """A new node's store from the chunks, checked against the app hash."""
    source = Store.open(home / "data")
    height, app_hash = source.height, source.app_hash
    source.close()
    shelf, store = home / "shelf" / str(height), Store.open(home / "new")
    metadata = shelf.joinpath("metadata").read_bytes()
    restoration = Restoration.begin(height=height, form=FORMAT, metadata=metadata, app_hash=app_hash)
    for number in range(len(read_snapshot(height, metadata).chunk_hashes)):
        restoration.take(number, shelf.joinpath(str(number)).read_bytes())
    restoration.finish(Tip.open(App.open(store), store, b"{}"))
    return _leave(store)


def _commit(store: Store, block: Overlay) -> None:
    store.commit(store.prepare(block.writes), height=store.height + 1, records={})


def _leave(store: Store) -> Memory:
    """The memory of this process while the store is open."""
    memory = _read_memory()
    store.close()
    return memory


def _measure(what: str, step: Step, home: Path, count: int) -> None:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        before = pool.submit(_read_memory).result()
        took, after = pool.submit(_run, step, home, count).result()
    idle, own, file, most = before["RssAnon"], after["RssAnon"], after["RssFile"], after["VmHWM"]
    print(
        f"  {what:46} {took:8.1f} s   own {own:6.0f} (idle {idle:.0f}), of the file {file:6.0f}, at most {most:6.0f}",
        flush=True,
    )


def _run(step: Step, home: Path, count: int) -> tuple[float, Memory]:
    """Seconds of the step, and the memory of this process after it."""
    start = time.perf_counter()
    memory = step(home, count)
    return time.perf_counter() - start, memory


def _read_memory() -> Memory:
    """MiB by name.  Source: proc(5), status: RssAnon, RssFile, VmHWM."""
    lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
    return {line[0].rstrip(":"): int(line[1]) / 1024 for line in lines if line[-1] == "kB"}


def _report_disk(home: Path, count: int) -> None:
    file = home / "data" / "data.mdb"
    used = file.stat().st_blocks * 512
    print(f"  {'the file':46} {used / MIB:8.0f} MiB {used / count:8.0f} bytes an account")
    with lmdb.open(str(home / "data"), readonly=True, max_dbs=len(Table)) as environment:
        for table in (Table.STATE, Table.TREE, Table.KEYS):
            with environment.begin() as transaction:
                stat = transaction.stat(environment.open_db(table.encode(), txn=transaction, create=False))
            pages = stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]
            size = pages * stat["psize"]
            print(f"    {table:44} {size / MIB:8.0f} MiB {size / count:8.0f} bytes an account")


if __name__ == "__main__":
    main()
