"""The tip: what is kept of the log, and what a state taken from elsewhere stands on."""

from hashlib import sha256

import pytest

from chain.engine.application import Block
from chain.engine.blocklog import LoggedBlock, find_tx, read_block, read_floor, scan_blocks
from chain.engine.tip import Tip
from chain.store.errors import StoreError
from chain.store.store import Store
from tests.chain.engine.counter import Counter

GENESIS = b"genesis"
KEEP = 10


def make_block(app: Counter, tip: Tip, *txs: bytes) -> LoggedBlock:
    """The next block, finalised and not committed."""
    height = tip.height + 1
    block = Block(
        height=height,
        time_ns=height,
        hash=sha256(b"%d" % height + b"".join(txs)).digest(),
        last_hash=tip.last_hash,
        proposer=b"",
        txs=txs,
    )
    return LoggedBlock(block=block, result=app.finalize_block(block))


def run(store: Store, tip: Tip, app: Counter, heights: int) -> None:
    for _ in range(heights):
        tip.commit(make_block(app, tip, b"ann %d" % (tip.height + 1), b"bob 1"))


def test_commit__more_blocks_than_are_kept__the_log_has_the_newest_and_reads_from_its_floor() -> None:
    store = Store.in_memory()
    app = Counter(store)
    tip = Tip.open(app, store, GENESIS, keep_blocks=KEEP)
    app.init_chain(GENESIS)
    run(store, tip, app, 3 * KEEP)
    records = store.latest.records
    kept = [logged.block.height for logged in scan_blocks(records)]
    assert kept == list(range(2 * KEEP + 1, 3 * KEEP + 1))
    assert tip.retain_height == 2 * KEEP + 1
    assert read_floor(records).height == 2 * KEEP
    assert read_block(records, 2 * KEEP) is None
    lowest = read_block(records, 2 * KEEP + 1)
    assert lowest is not None
    assert lowest.block.last_hash == read_floor(records).block_hash
    assert find_tx(records, sha256(b"ann 5").digest()) is None
    assert find_tx(records, sha256(b"ann 25").digest()) == (25, 0)


def test_commit__a_transaction_that_came_again__is_still_found_where_it_came_last() -> None:
    store = Store.in_memory()
    app = Counter(store)
    tip = Tip.open(app, store, GENESIS, keep_blocks=KEEP)
    run(store, tip, app, 3 * KEEP)
    assert find_tx(store.latest.records, sha256(b"bob 1").digest()) == (3 * KEEP, 1)


def test_commit__bounded__the_records_do_not_grow() -> None:
    store = Store.in_memory()
    app = Counter(store)
    tip = Tip.open(app, store, GENESIS, keep_blocks=KEEP)
    run(store, tip, app, 2 * KEEP)
    before = len(list(store.latest.records.scan(b"")))
    run(store, tip, app, 2 * KEEP)
    assert len(list(store.latest.records.scan(b""))) == before


def test_commit__a_log_that_is_to_shrink__shrinks_by_and_by() -> None:
    store = Store.in_memory()
    app = Counter(store)
    run(store, Tip.open(app, store, GENESIS), app, 2 * KEEP)
    tip = Tip.open(app, store, GENESIS, keep_blocks=3)
    run(store, tip, app, KEEP)
    assert [logged.block.height for logged in scan_blocks(store.latest.records)] == [28, 29, 30]


def test_open__another_genesis__is_refused() -> None:
    store = Store.in_memory()
    app = Counter(store)
    run(store, Tip.open(app, store, GENESIS), app, 1)
    with pytest.raises(StoreError, match="store_foreign"):
        Tip.open(app, store, b"another")
