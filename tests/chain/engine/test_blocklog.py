"""The block log: written and read back, block by block and by transaction."""

from dataclasses import replace
from hashlib import sha256

import pytest

from chain.engine.application import Block, BlockResult, Event, Misbehavior, TxResult, ValidatorUpdate, Vote
from chain.engine.blocklog import (
    GENESIS_KEY,
    LoggedBlock,
    encode_block,
    find_tx,
    read_block,
    scan_blocks,
)
from chain.store.overlay import Overlay
from chain.store.store import Store

BLOCK = Block(
    height=1,
    time_ns=1_795_000_000_123_456_789,
    hash=b"\x01" * 32,
    last_hash=sha256(b"genesis").digest(),
    proposer=b"\x02" * 20,
    txs=(b"first", b"second"),
    votes=(Vote(validator=b"\x05" * 20, signed=True), Vote(validator=b"\x06" * 20, signed=False)),
    misbehavior=(Misbehavior(validator=b"\x06" * 20, height=3),),
)
EVENT = Event(type="transfer", attributes=(("amount", "5ngonka"), ("amount", "6ngonka"), ("", "")))
TX_RESULT = TxResult(
    code=5, codespace="gonka", log="no", data=b"\x00\xff", gas_wanted=2**40, gas_used=7, events=(EVENT, EVENT)
)
RESULT = BlockResult(
    tx_results=(TX_RESULT, replace(TX_RESULT, code=0, log="")),
    events=(EVENT,),
    app_hash=b"\x03" * 32,
    validator_updates=(ValidatorUpdate(public_key=b"\x04" * 32, power=9),),
)


def log_of(*blocks: LoggedBlock) -> Overlay:
    log = Overlay(Store.in_memory().latest)
    log.set(GENESIS_KEY, b"genesis")
    for logged in blocks:
        for key, value in encode_block(logged).items():
            log.set(key, value)
    return log


def test_read_block__what_was_written__comes_back_whole() -> None:
    first = LoggedBlock(block=BLOCK, result=RESULT)
    second = LoggedBlock(block=replace(BLOCK, height=2, last_hash=BLOCK.hash, txs=()), result=RESULT)
    log = log_of(first, second)
    assert read_block(log, 1) == first
    assert read_block(log, 2) == second
    assert list(scan_blocks(log)) == [first, second]
    assert list(scan_blocks(log, 2)) == [second]


@pytest.mark.parametrize("height", [0, 2, 2**40])
def test_read_block__a_height_without_block__is_none(height: int) -> None:
    assert read_block(log_of(LoggedBlock(block=BLOCK, result=RESULT)), height) is None


def test_find_tx__by_hash__gives_height_and_index() -> None:
    log = log_of(LoggedBlock(block=BLOCK, result=RESULT))
    assert find_tx(log, sha256(b"second").digest()) == (1, 1)
    assert find_tx(log, sha256(b"third").digest()) is None
