"""The block log: written and read back, block by block and by transaction."""

from dataclasses import replace
from hashlib import sha256

import pytest

from chain.engine.application import Block, BlockResult, Event, TxResult, ValidatorUpdate
from chain.engine.blocklog import (
    GENESIS_KEY,
    LoggedBlock,
    compute_block_hash,
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


def test_compute_block_hash__a_known_block__is_the_pinned_value() -> None:
    block_hash = compute_block_hash(BLOCK, chain_id="gonka-test", app_hash=bytes(32))
    assert block_hash.hex() == "071414d21c20edee273c6e40cca11799f5a54ff88ef62ddbdec9d9949645e8bf"


@pytest.mark.parametrize(
    "changed",
    [
        replace(BLOCK, height=2),
        replace(BLOCK, time_ns=BLOCK.time_ns + 1),
        replace(BLOCK, last_hash=bytes(32)),
        replace(BLOCK, proposer=b""),
        replace(BLOCK, txs=(b"second", b"first")),
        replace(BLOCK, txs=(b"firstsecond",)),
    ],
    ids=["height", "time", "last hash", "proposer", "order of txs", "joined txs"],
)
def test_compute_block_hash__anything_changed__is_another(changed: Block) -> None:
    same = compute_block_hash(BLOCK, chain_id="c", app_hash=bytes(32))
    assert compute_block_hash(changed, chain_id="c", app_hash=bytes(32)) != same
    assert compute_block_hash(BLOCK, chain_id="d", app_hash=bytes(32)) != same
    assert compute_block_hash(BLOCK, chain_id="c", app_hash=b"\x01" * 32) != same
    assert compute_block_hash(replace(BLOCK, hash=b""), chain_id="c", app_hash=bytes(32)) == same
