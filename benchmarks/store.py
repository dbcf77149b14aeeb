"""Times of the store: a block of writes, from the overlay to the disk, and proofs.  Prints, and asserts nothing.

python -m benchmarks.store [--keys 100000] [--writes 10000] [--home DIR]
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from chain.store.overlay import Overlay
from chain.store.proofs import check_presence, prove
from chain.store.store import Store

ROUNDS = 5
PROOFS = 1000
LOAD_BATCH = 100_000
VALUE_BYTES = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument("--home", type=Path, help="on the disk to be measured; a temporary directory by default")
    arguments = parser.parse_args()
    print(f"{arguments.keys} keys, blocks of {arguments.writes} writes, best and worst of {ROUNDS}")
    with tempfile.TemporaryDirectory(dir=arguments.home) as home:
        for name, store in (("memory", Store.in_memory()), ("LMDB", Store.open(Path(home)))):
            print(name)
            measure(store, arguments.keys, arguments.writes)
            store.close()
        data = Path(home, "data.mdb").stat()
        print(f"disk: {data.st_blocks * 512} bytes, {data.st_blocks * 512 // arguments.keys} for each key")


def measure(store: Store, keys: int, writes: int) -> None:
    random.seed(1)
    names = [b"bank/balance/" + random.randbytes(20) + b"/ngonka" for _ in range(keys)]
    for first in range(0, keys, LOAD_BATCH):
        commit(store, {name: random.randbytes(VALUE_BYTES) for name in names[first : first + LOAD_BATCH]})
    chosen = [random.sample(names, writes) for _ in range(ROUNDS)]
    fresh = [[random.randbytes(40) for _ in range(writes)] for _ in range(ROUNDS)]
    report("overlay, a get and a set each", writes, [timed(lambda b=block: rewrite(store, b)) for block in chosen])
    report(
        "prepare, old keys", writes, [timed(lambda b=block: store.prepare(dict.fromkeys(b, b"v"))) for block in chosen]
    )
    report(
        "prepare, new keys", writes, [timed(lambda b=block: store.prepare(dict.fromkeys(b, b"v"))) for block in fresh]
    )
    report("commit, old keys", writes, [timed_commit(store, block) for block in chosen])
    report("commit, new keys", writes, [timed_commit(store, block) for block in fresh])
    some = names[:PROOFS]
    proofs = {}
    report("prove", PROOFS, [timed(lambda: proofs.update((name, prove(store.latest, name)) for name in some))])
    report("check a proof", PROOFS, [timed(lambda: check_all(store, proofs))])
    print(f"  {'a proof':32} {sum(map(len, proofs.values())) // PROOFS} bytes")


def rewrite(store: Store, block: list[bytes]) -> None:
    overlay = Overlay(Overlay(store.latest))
    for name in block:
        overlay.get(name)
        overlay.set(name, b"v")


def commit(store: Store, writes: dict[bytes, bytes | None]) -> None:
    store.commit(store.prepare(writes), height=store.height + 1, records={})


def timed_commit(store: Store, block: list[bytes]) -> float:
    """Seconds of the commit alone."""
    change = store.prepare({name: random.randbytes(VALUE_BYTES) for name in block})
    return timed(lambda: store.commit(change, height=store.height + 1, records={}))


def check_all(store: Store, proofs: dict[bytes, bytes]) -> None:
    for name, proof in proofs.items():
        check_presence(proof, app_hash=store.app_hash, key=name, value=store.latest.get(name) or b"")


def timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def report(what: str, count: int, seconds: list[float]) -> None:
    best, worst = min(seconds), max(seconds)
    print(f"  {what:32} {best * 1e3:8.1f} ms {worst * 1e3:8.1f} ms {best / count * 1e6:8.2f} us each")


if __name__ == "__main__":
    main()
