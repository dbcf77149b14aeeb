"""A small state machine that keeps the application's contract, for the engine's tests.

A transaction is `SENDER NUMBER` or `duty SENDER NUMBER`: it passes if NUMBER is the sender's next one, counted from 1.
"""

from collections.abc import Mapping

from chain.engine.application import Block, BlockResult, CheckResult, Event, Info, TxResult, ValidatorUpdate
from chain.store.overlay import Overlay
from chain.store.store import Change, Store

WRONG_NUMBER = 1
MALFORMED = 2
VALIDATOR = bytes(range(32))


class Counter:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._genesis: bytes | None = None
        self._check = Overlay(store.latest)
        self._pending: tuple[int, Change] | None = None

    def info(self) -> Info:
        last = self._store.latest.get(b"last") or b""
        return Info(height=self._store.height, app_hash=self._store.app_hash, block_hash=last)

    def init_chain(self, genesis: bytes) -> tuple[ValidatorUpdate, ...]:
        self._genesis = genesis
        return (ValidatorUpdate(public_key=VALIDATOR, power=10),)

    def check_tx(self, tx: bytes, recheck: bool) -> CheckResult:
        code = _apply(self._check, tx)
        return CheckResult(code=code, codespace="counter", log="", gas_wanted=1, duty=tx.startswith(b"duty "))

    def prepare_proposal(self, txs: tuple[bytes, ...], max_bytes: int) -> tuple[bytes, ...]:
        return txs

    def select_valid(self, block: Block) -> tuple[bytes, ...]:
        state = Overlay(self._store.latest)
        return tuple(tx for tx in block.txs if _apply(state, tx) == 0)

    def process_proposal(self, block: Block) -> bool:
        return self.select_valid(block) == block.txs

    def extend_vote(self, block_hash: bytes) -> bytes:
        return b""

    def is_extension_good(self, block_hash: bytes, validator: bytes, extension: bytes) -> bool:
        return not extension

    def combine_extensions(self, extensions: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        return ()

    def finalize_block(self, block: Block) -> BlockResult:
        state = Overlay(self._store.latest)
        if block.height == 1 and self._genesis is not None:
            state.set(b"genesis", self._genesis)
        results = tuple(_result(_apply(state, tx)) for tx in block.txs)
        state.set(b"last", block.hash)
        change = self._store.prepare(state.writes)
        self._pending = (block.height, change)
        event = Event(type="counted", attributes=(("height", str(block.height)),))
        return BlockResult(tx_results=results, events=(event,), app_hash=change.app_hash, validator_updates=())

    def commit(self, records: Mapping[bytes, bytes | None]) -> None:
        if self._pending is None:
            raise AssertionError("commit before finalize_block")
        height, change = self._pending
        self._store.commit(change, height=height, records=records)
        self._pending = None
        self._check = Overlay(self._store.latest)


def _apply(state: Overlay, tx: bytes) -> int:
    words = tx.removeprefix(b"duty ").split(b" ")
    if len(words) != 2 or not words[1].isdigit():
        return MALFORMED
    key = b"count/" + words[0]
    if int(words[1]) != int(state.get(key) or b"0") + 1:
        return WRONG_NUMBER
    state.set(key, words[1])
    return 0


def _result(code: int) -> TxResult:
    event = Event(type="tx", attributes=(("code", str(code)), ("code", str(code))))
    return TxResult(
        code=code, codespace="counter", log="no" if code else "", data=b"", gas_wanted=1, gas_used=1, events=(event,)
    )
