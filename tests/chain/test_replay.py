from dataclasses import replace
from pathlib import Path

import pytest

from chain.blockfile import encode_log, read_log
from chain.engine.blocklog import LoggedBlock
from chain.replay import replay_blocks
from chain.store.errors import StoreError
from tests.chain.api.node import open_api
from tests.chain.ledger import ANN, BOB

LAST_HEIGHT = 30
"""Beyond the first epoch of MINIMAL."""


def make_log() -> tuple[bytes, list[LoggedBlock]]:
    with open_api() as api:
        while api.node.engine.height < LAST_HEIGHT:
            api.send(ANN, BOB, api.node.engine.height)
            api.block()
        genesis, blocks = read_log(list(encode_log(api.node.store.latest.records)))
        return genesis, list(blocks)


@pytest.mark.parametrize("restart", [False, True])
def test_replay_blocks__comes_to_the_same_app_hash_after_every_block(tmp_path: Path, restart: bool) -> None:
    genesis, blocks = make_log()
    replayed = list(replay_blocks(tmp_path, genesis, blocks, restart=restart))
    assert replayed == [(logged.block.height, logged.result.app_hash) for logged in blocks]
    assert len(replayed) == LAST_HEIGHT
    assert len(set(replayed)) == LAST_HEIGHT


def test_replay_blocks__a_block_with_another_app_hash__ends_it_there(tmp_path: Path) -> None:
    genesis, blocks = make_log()
    blocks[4] = replace(blocks[4], result=replace(blocks[4].result, app_hash=bytes(32)))
    replayed = replay_blocks(tmp_path, genesis, blocks, restart=False)
    assert [height for height, _ in (next(replayed) for _ in range(4))] == [1, 2, 3, 4]
    with pytest.raises(StoreError) as caught:
        next(replayed)
    assert caught.value.code == "block_mismatch"


def test_replay_blocks__a_transaction_taken_out__ends_it_there(tmp_path: Path) -> None:
    genesis, blocks = make_log()
    blocks[2] = replace(blocks[2], block=replace(blocks[2].block, txs=()))
    with pytest.raises(StoreError, match="block_mismatch"):
        list(replay_blocks(tmp_path, genesis, blocks, restart=False))
