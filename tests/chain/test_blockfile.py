import json

import pytest

from chain.blockfile import encode_log, read_log
from chain.engine.application import Misbehavior, Vote
from chain.store.errors import StoreError
from chain.store.store import Store
from tests.chain.api.node import open_api
from tests.chain.ledger import ANN, BOB, make_genesis

GENESIS_LINE = '{"genesis": "{}"}'
BLOCK = {
    "height": 1, "time_ns": 5, "hash": "00", "app_hash": "01", "proposer": "", "txs": ["AAE="],
    "votes": [["0a", True], ["0b", False]], "misbehavior": [["0b", 7]],
}  # fmt: skip


def test_a_log_that_is_written_and_read_gives_the_same_blocks() -> None:
    with open_api() as api:
        tx = api.send(ANN, BOB, 1)
        logged = api.block()
        genesis, blocks = read_log(encode_log(api.node.store.latest.records))
        assert genesis == make_genesis()
        first, second = blocks
        assert (first.block.height, second.block.height) == (1, 2)
        assert second.block.txs == (tx,)
        assert (second.block.hash, second.block.time_ns) == (logged.block.hash, logged.block.time_ns)
        assert second.result.app_hash == logged.result.app_hash


def test_encode_log__a_store_without_blocks__has_no_lines() -> None:
    assert list(encode_log(Store.in_memory().latest.records)) == []


@pytest.mark.parametrize("first", ["", "garbage", "[]", '{"height": 1}', '{"genesis": 5}', "[" * 100_000], ids=range(6))
def test_read_log__without_a_genesis_line__is_refused(first: str) -> None:
    with pytest.raises(StoreError) as caught:
        read_log([first])
    assert caught.value.code == "block_unreadable"


@pytest.mark.parametrize(
    "change",
    [
        {"height": None},
        {"hash": "zz"},
        {"txs": ["*"]},
        {"txs": [5]},
        {"proposer": 3},
        {"app_hash": None},
        {"votes": [["zz", True]]},
        {"votes": [5]},
        {"votes": None},
        {"misbehavior": [["0a"]]},
        {"misbehavior": [[1, 2]]},
    ],
)
def test_read_log__a_block_with_a_field_that_cannot_be_read__is_refused(change: dict[str, object]) -> None:
    _, blocks = read_log([GENESIS_LINE, json.dumps(BLOCK), json.dumps(BLOCK | change)])
    first = next(blocks).block
    assert first.txs == (b"\x00\x01",)
    assert first.votes == (Vote(validator=b"\x0a", signed=True), Vote(validator=b"\x0b", signed=False))
    assert first.misbehavior == (Misbehavior(validator=b"\x0b", height=7),)
    with pytest.raises(StoreError) as caught:
        next(blocks)
    assert caught.value.code == "block_unreadable"
