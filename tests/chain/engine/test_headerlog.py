"""Signed headers beside the block log."""

from dataclasses import replace

from chain.engine.blocklog import LoggedBlock
from chain.engine.headerlog import encode_signed_header, find_height, forget_header, is_local, read_signed_header
from chain.engine.validator import NOBODY
from chain.store.store import Store
from tests.chain.engine.test_validator import BLOCK, RESULT, make_header


def records_of(records: dict[bytes, bytes]) -> Store:
    store = Store.in_memory()
    store.commit(store.prepare({}), height=1, records=records)
    return store


def test_read_signed_header__written__is_the_same() -> None:
    signed = NOBODY.sign(make_header(), txs=BLOCK.txs, last=None)
    store = records_of(encode_signed_header(signed))
    assert read_signed_header(store.latest.records, 1) == signed
    assert read_signed_header(store.latest.records, 2) is None
    assert find_height(store.latest.records, signed.commit.block_id.hash) == 1
    logged = LoggedBlock(block=replace(BLOCK, hash=signed.commit.block_id.hash), result=RESULT)
    store.commit(store.prepare({}), height=2, records=forget_header(logged))
    assert read_signed_header(store.latest.records, 1) is None
    assert find_height(store.latest.records, signed.commit.block_id.hash) is None


def test_is_local__by_who_signed__tells_the_engines_apart() -> None:
    signed = NOBODY.sign(make_header(), txs=BLOCK.txs, last=None)
    logged = LoggedBlock(block=BLOCK, result=RESULT)
    assert is_local(records_of(encode_signed_header(signed)).latest.records, logged)
    assert not is_local(records_of({}).latest.records, logged)
