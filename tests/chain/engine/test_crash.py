"""SIGKILL while blocks are made: the home is always at a whole height, and the log replays to it."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chain.engine.blocklog import LoggedBlock, scan_blocks
from chain.engine.local import EngineConfig, LocalEngine
from chain.store.smt import EMPTY_HASH
from chain.store.store import Store
from tests.chain.engine.counter import Counter
from tests.chain.engine.endless_blocks import SENDERS

KILLS = 20
ROOT = Path(__file__).parents[3]


@pytest.mark.timeout(60)
def test_a_home_killed_at_random_moments_stands_at_the_last_height_said_or_the_next(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    last = 0
    for _ in range(KILLS):
        starting = moments.random() < 0.25
        said = run_and_kill(tmp_path, starting=starting, after_s=moments.uniform(0.0, 0.4 if starting else 0.1))
        log = check_home(tmp_path)
        assert len(log) - max(said, default=last) in {0, 1}
        assert all(log[height - 1].result.app_hash.hex() == app_hash for height, app_hash in said.items())
        last = len(log)
    assert last > KILLS
    check_replay(log)


def run_and_kill(home: Path, *, starting: bool, after_s: float) -> dict[int, str]:
    """Heights and app hashes that the process said before its end, `after_s` after its start or its first block."""
    command = [sys.executable, "-m", "tests.chain.engine.endless_blocks", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        first = "" if starting else process.stdout.readline()
        time.sleep(after_s)
        process.kill()
        lines = [first, *process.stdout]
    return {int(line.split()[0]): line.split()[1] for line in lines if line.endswith("\n")}


def check_home(home: Path) -> list[LoggedBlock]:
    """The block log, once state, tree, log and heights are seen to be of one height."""
    store = Store.open(home)
    log = list(scan_blocks(store.latest.records))
    assert [logged.block.height for logged in log] == list(range(1, store.height + 1))
    assert store.app_hash == store.latest.tree.root() == (log[-1].result.app_hash if log else EMPTY_HASH)
    assert store.latest.get(b"last") == (log[-1].block.hash if log else None)
    counted = {store.latest.get(b"count/%d" % sender) for sender in range(SENDERS)}
    assert counted == {b"%d" % store.height if log else None}
    store.close()
    return log


def check_replay(log: list[LoggedBlock]) -> None:
    store = Store.in_memory()
    config = EngineConfig(chain_id="counter-1", block_ms=1)
    engine = LocalEngine.open(Counter(store), store, config=config, genesis=b"genesis")
    for logged in log:
        engine.take_block(logged)
    assert engine.height == len(log)
