"""Makes blocks in the home given until it is killed; a line of height and app hash follows each commit."""

import sys
from pathlib import Path

from chain.engine.local import EngineConfig, LocalEngine
from chain.store.store import Store
from tests.chain.engine.counter import Counter

SENDERS = 50


def main() -> None:
    store = Store.open(Path(sys.argv[1]))
    config = EngineConfig(chain_id="counter-1", block_ms=1)
    engine = LocalEngine.open(Counter(store), store, config=config, genesis=b"genesis")
    while True:
        count = engine.height + 1
        for sender in range(SENDERS):
            engine.submit(b"%d %d" % (sender, count))
        logged = engine.make_block(count)
        print(count, logged.result.app_hash.hex(), flush=True)


if __name__ == "__main__":
    main()
