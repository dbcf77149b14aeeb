"""The local engine over a small state machine: blocks on demand and on a timer, logs, subscribers, other homes."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chain.engine.application import Application
from chain.engine.blocklog import LoggedBlock, read_block, scan_blocks
from chain.engine.local import EngineConfig, LocalEngine
from chain.store.errors import StoreError
from chain.store.store import Store
from tests.chain.engine.counter import WRONG_NUMBER, Counter

CONFIG = EngineConfig(chain_id="counter-1", block_ms=500)


@pytest.fixture(params=["memory", "lmdb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = Store.in_memory() if request.param == "memory" else Store.open(tmp_path / "store")
    yield opened
    opened.close()


def open_engine(store: Store, genesis: bytes = b"genesis") -> LocalEngine:
    app: Application = Counter(store)
    return LocalEngine.open(app, store, config=CONFIG, genesis=genesis)


def test_make_block__transactions_wait__takes_them_and_logs_them(store: Store) -> None:
    engine = open_engine(store)
    for tx in (b"a 1", b"a 2", b"duty b 1"):
        assert engine.submit(tx).code == 0
    logged = engine.make_block(1000)
    assert logged.block.txs == (b"duty b 1", b"a 1", b"a 2")
    assert [result.code for result in logged.result.tx_results] == [0, 0, 0]
    assert (engine.height, store.height, store.app_hash) == (1, 1, logged.result.app_hash)
    assert read_block(store.latest.records, 1) == logged
    assert engine.make_block(2000).block.txs == ()


def test_make_block__one_after_another__hold_each_other_by_hash_and_rise_in_time(store: Store) -> None:
    engine = open_engine(store)
    blocks = [engine.make_block(time_ns).block for time_ns in (1000, 900, 2000)]
    assert [block.time_ns for block in blocks] == [1000, 1001, 2000]
    assert [block.last_hash for block in blocks[1:]] == [block.hash for block in blocks[:-1]]
    assert len({block.hash for block in blocks}) == 3


def test_submit__a_transaction_the_application_refuses__has_its_code(store: Store) -> None:
    engine = open_engine(store)
    assert engine.submit(b"a 2").code == WRONG_NUMBER
    assert engine.make_block(1).block.txs == ()


def test_make_block__what_passes_no_longer__is_dropped_after_the_block(store: Store) -> None:
    engine = open_engine(store)
    engine.submit(b"a 1")
    other = open_engine_elsewhere([b"a 1"])
    engine.take_block(other.make_block(5))
    assert len(engine.mempool) == 0
    assert engine.submit(b"a 2").code == 0


def open_engine_elsewhere(txs: list[bytes]) -> LocalEngine:
    other = open_engine(Store.in_memory())
    for tx in txs:
        assert other.submit(tx).code == 0
    return other


def test_take_block__the_blocks_of_another_engine__come_to_the_same_state(store: Store) -> None:
    other = open_engine_elsewhere([b"a 1", b"b 1"])
    made = [other.make_block(height) for height in range(1, 4)]
    engine = open_engine(store)
    for logged in made:
        engine.take_block(logged)
    assert list(scan_blocks(store.latest.records)) == made


@pytest.mark.parametrize(
    "change",
    [
        lambda made: replace(made, block=replace(made.block, height=2)),
        lambda made: replace(made, block=replace(made.block, txs=())),
        lambda made: replace(made, block=replace(made.block, hash=bytes(32))),
        lambda made: replace(made, result=replace(made.result, app_hash=bytes(32))),
    ],
    ids=["another height", "without its transactions", "another hash", "another app hash"],
)
def test_take_block__changed_on_the_way__is_refused_and_nothing_kept(store: Store, change) -> None:
    made = open_engine_elsewhere([b"a 1"]).make_block(1)
    engine = open_engine(store)
    with pytest.raises(StoreError, match="block_mismatch"):
        engine.take_block(change(made))
    assert (engine.height, store.height) == (0, 0)
    engine.take_block(made)
    assert engine.height == 1


def test_open__a_home_with_blocks__goes_on_from_the_last(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    engine = open_engine(store)
    engine.submit(b"a 1")
    last = engine.make_block(1000)
    store.close()
    store = Store.open(tmp_path)
    engine = open_engine(store)
    assert engine.height == 1
    assert engine.submit(b"a 2").code == 0
    made = engine.make_block(500)
    assert (made.block.height, made.block.last_hash, made.block.time_ns) == (2, last.block.hash, 1001)
    store.close()


def test_open__the_home_of_another_chain__is_refused(store: Store) -> None:
    open_engine(store, b"one genesis").make_block(1)
    with pytest.raises(StoreError, match="store_foreign"):
        open_engine(store, b"another genesis")


def test_make_block__the_disk_full__keeps_what_waits_and_goes_on_with_more_room(tmp_path: Path) -> None:
    store = Store.open(tmp_path, map_size=1 << 18)
    engine = open_engine(store)
    with pytest.raises(StoreError, match="store_full"):
        fill(engine)
    height, app_hash = engine.height, store.app_hash
    assert (store.height, len(engine.mempool)) == (height, 1)
    store.close()
    store = Store.open(tmp_path, map_size=1 << 24)
    engine = open_engine(store)
    assert (engine.height, store.app_hash) == (height, app_hash)
    assert engine.make_block(1 << 60).block.height == height + 1
    store.close()


def fill(engine: LocalEngine) -> None:
    while True:
        assert engine.submit(b"%0200d 1" % engine.height).code == 0
        engine.make_block(engine.height)


class StepClock:
    """Time that passes only in sleeps, and stops the engine when it is over."""

    def __init__(self, jumps: dict[int, int], sleeps: int) -> None:
        self.now_ns = 10**18
        self.slept: list[int] = []
        self._jumps = jumps
        self._sleeps = sleeps

    def time_ns(self) -> int:
        return self.now_ns

    async def sleep_ns(self, duration_ns: int) -> None:
        self.slept.append(duration_ns)
        self.now_ns += duration_ns + self._jumps.get(len(self.slept), 0)
        if len(self.slept) == self._sleeps:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


MS = 10**6


@pytest.mark.parametrize(
    ("jumps", "slept"),
    [
        ({}, [500, 500, 500, 500]),
        ({1: 100 * MS}, [500, 400, 500, 500]),
        ({1: 3600_000 * MS}, [500, 0, 500, 500]),
        ({1: -3600_000 * MS}, [500, 500, 500, 500]),
    ],
    ids=["steady", "one late", "an hour ahead", "an hour back"],
)
def test_run__by_the_clock__makes_a_block_each_period_whatever_the_clock_does(
    store: Store, jumps: dict[int, int], slept: list[int]
) -> None:
    engine = open_engine(store)
    clock = StepClock(jumps, len(slept))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(engine.run(clock))
    assert clock.slept == [wait * MS for wait in slept]
    assert engine.height == len(slept)
    times = [logged.block.time_ns for logged in scan_blocks(store.latest.records)]
    assert times == sorted(set(times))


def test_wait_for_height__blocks_are_made__returns_when_it_is_there(store: Store) -> None:
    async def scenario() -> int:
        engine = open_engine(store)
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(engine.wait_for_height(2))
            for time_ns in (1, 2):
                await asyncio.sleep(0)
                assert not waiting.done()
                engine.make_block(time_ns)
        await engine.wait_for_height(1)
        return engine.height

    assert asyncio.run(scenario()) == 2


def test_subscribe__a_reader_that_falls_behind__finds_the_newest_blocks(store: Store) -> None:
    async def scenario() -> list[LoggedBlock]:
        engine = open_engine(store)
        with engine.subscribe() as blocks:
            made = [engine.make_block(time_ns) for time_ns in range(1, 101)]
            seen = [blocks.get_nowait() for _ in range(blocks.qsize())]
        engine.make_block(200)
        assert blocks.empty()
        assert seen == made[-len(seen) :]
        return seen

    assert len(asyncio.run(scenario())) == 64
