from chain.engine.application import Block, BlockResult, Event, TxResult
from chain.engine.blocklog import LoggedBlock
from chain.engine.txindex import encode_index, scan_places
from chain.store.store import Store


def make_block(height: int, *events: tuple[Event, ...]) -> LoggedBlock:
    results = tuple(
        TxResult(code=0, codespace="", log="", data=b"", gas_wanted=0, gas_used=0, events=found) for found in events
    )
    block = Block(height=height, time_ns=0, hash=b"", last_hash=b"", proposer=b"", txs=(b"",) * len(events))
    result = BlockResult(tx_results=results, events=(), app_hash=b"", validator_updates=())
    return LoggedBlock(block=block, result=result)


def sender(name: str) -> Event:
    return Event(type="message", attributes=(("sender", name), ("module", "bank")))


def test_encode_index__each_transaction__is_found_once_by_each_kept_attribute_and_by_no_other() -> None:
    store = Store.in_memory()
    for height in (1, 300):
        logged = make_block(height, (sender("a"), sender("a")), (sender("ab"),), (sender("a"),))
        store.commit(store.prepare({}), height=height, records=encode_index(logged))
    records = store.latest.records
    assert list(scan_places(records, "message.sender", "a")) == [(1, 0), (1, 2), (300, 0), (300, 2)]
    assert list(scan_places(records, "message.sender", "ab")) == [(1, 1), (300, 1)]
    assert list(scan_places(records, "message.module", "bank")) == []
    assert list(scan_places(records, "message.sender", "b")) == []
