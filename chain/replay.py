"""Running a block log again from the genesis, to see that every block comes to the same app hash."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from chain.engine.blocklog import LoggedBlock
from chain.process import open_node
from chain.store.store import Store


def replay_blocks(
    path: Path, genesis: bytes, blocks: Iterable[LoggedBlock], *, restart: bool
) -> Iterator[tuple[int, bytes]]:
    """Height and app hash after each block, taken into a new store in `path`; `restart` opens it anew for each.

    StoreError block_mismatch where a block does not follow or comes to another app hash; RuleError genesis_invalid.
    """
    with ExitStack() as opened:
        node = opened.enter_context(open_node(Store.open(path), genesis))
        for logged in blocks:
            node.engine.take_block(logged)
            yield node.engine.height, node.store.app_hash
            if restart:
                opened.close()
                node = opened.enter_context(open_node(Store.open(path), genesis))
