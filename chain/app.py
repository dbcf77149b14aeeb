"""The state machine that an engine drives: ABCI 2.0 in shape, routing only.

A block runs: the epoch's beginning, the transactions, the proposals whose voting ends, the epoch's end.  A refusal by
a rule fails its transaction; any other error is ours, and leaves `finalize_block` to stop the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from chain import epoch
from chain.admission import KnownSignatures, Mode, admit, check_size
from chain.context import Context
from chain.delivery import apply_orders, deliver, is_worth_a_block, refuse
from chain.engine.application import Block, BlockResult, CheckResult, Info, TxResult, ValidatorUpdate
from chain.genesis import init_state, read_genesis
from chain.handlers import HANDLERS
from chain.modules.gov import ending
from chain.modules.params.state import get_frozen
from chain.modules.stake.state import get_validators
from chain.proposal import count_fitting, order_transactions
from chain.store.overlay import Overlay
from chain.store.store import Change, Store
from chain.transaction import Transaction, TransactionReader
from rules.errors import RuleError
from wire.errors import CODESPACE

_CHAIN_ID: Final = b"app/chain_id"
_LAST_BLOCK: Final = b"app/last_block"  # time, 8 bytes big-endian, then hash


class App:
    """The application over a store.  Open with `open`; calls come one at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._genesis: Mapping[bytes, bytes] = {}
        self._reader = TransactionReader(HANDLERS)
        self._known = KnownSignatures()
        self._check: Context | None = None
        self._pending: tuple[int, Change] | None = None

    @classmethod
    def open(cls, store: Store) -> App:
        """The application at the store's height."""
        return cls(store)

    def info(self) -> Info:
        """Where the application stands."""
        last = self._store.latest.get(_LAST_BLOCK) or b""
        return Info(height=self._store.height, app_hash=self._store.app_hash, block_hash=last[8:])

    def init_chain(self, genesis: bytes) -> tuple[ValidatorUpdate, ...]:
        """Take the genesis file; its state is committed with block 1.  Raises: RuleError `genesis_invalid`."""
        described = read_genesis(genesis)
        state = Overlay(self._store.latest)
        state.set(_CHAIN_ID, described.chain_id.encode())
        time_ns = described.genesis_time_unix_ms * 10**6
        state.set(_LAST_BLOCK, time_ns.to_bytes(8, "big") + sha256(genesis).digest())
        init_state(Context(store=state, height=0, time_ns=time_ns, chain_id=described.chain_id), described)
        self._genesis = {key: value for key, value in state.writes.items() if value is not None}
        self._check = None
        return _validator_updates(get_validators(state).items())

    def check_tx(self, tx: bytes, recheck: bool) -> CheckResult:  # noqa: ARG002  # a check costs the same again
        """Whether the transaction may wait for a block; a duty is applied on the check state, so that it would pass."""
        ctx = self._check_context()
        try:
            read = self._read(ctx, tx)
            branch = ctx.branch()
            admit(branch.context, read, get_frozen(ctx.store).auth, self._known)
            if read.duty:
                apply_orders(branch.context, read.orders)
        except RuleError as error:
            return CheckResult(code=error.fault.number, codespace=CODESPACE, log=str(error), gas_wanted=0, duty=False)
        branch.merge()
        ctx.events.clear()
        return CheckResult(code=0, codespace="", log="", gas_wanted=read.gas_limit, duty=read.duty)

    def simulate(self, tx: bytes) -> TxResult:
        """What the transaction would come to after those that wait, whatever its fee, gas, sequence and signatures."""
        ctx = self._check_context()
        try:
            read = self._read(ctx, tx)
        except RuleError as error:
            return refuse(error)
        return deliver(ctx.branch().context, read, get_frozen(ctx.store).auth, self._known, Mode.SIMULATE)

    def prepare_proposal(self, txs: tuple[bytes, ...], max_bytes: int) -> tuple[bytes, ...]:
        """The transactions for a block, duties first, within the limits of its bytes and gas."""
        ctx = self._check_context()
        params = get_frozen(ctx.store).auth
        by_hash: dict[bytes, bytes] = {}
        readable = []
        for tx in txs:
            try:
                read = self._read(ctx, tx)
            except RuleError:
                continue
            by_hash[read.hash] = tx
            readable.append(read)
        ordered = order_transactions(readable)
        count = count_fitting(ordered, min(max_bytes, params.max_block_bytes), params)
        return tuple(by_hash[read.hash] for read in ordered[:count])

    def process_proposal(self, block: Block) -> bool:
        """Whether all its transactions pass one after the other, and keep to the limits of a block together."""
        ctx = self._check_context()
        params = get_frozen(ctx.store).auth
        try:
            txs = [self._read(ctx, tx) for tx in block.txs]
        except RuleError:
            return False
        if count_fitting(txs, params.max_block_bytes, params) < len(txs):
            return False
        return self.select_valid(block) == block.txs

    def select_valid(self, block: Block) -> tuple[bytes, ...]:
        """Those that pass, one after the other: admitted, and a duty, which pays no fee, applied too."""
        ctx = self._begin(self._fresh_state(), block.height, block.time_ns, block.last_hash)
        return tuple([tx for tx in block.txs if self._passes(ctx, tx)])

    def finalize_block(self, block: Block) -> BlockResult:
        """What the block comes to; kept in memory for `commit`."""
        state = self._fresh_state()
        ctx = self._begin(state, block.height, block.time_ns, block.last_hash)
        results = tuple([self._deliver(ctx, tx) for tx in block.txs])
        ending.end_block(ctx)
        updates = epoch.end_block(ctx)
        state.set(_LAST_BLOCK, block.time_ns.to_bytes(8, "big") + block.hash)
        change = self._store.prepare(state.writes)
        self._pending = (block.height, change)
        return BlockResult(
            tx_results=results,
            events=tuple(ctx.events),
            app_hash=change.app_hash,
            validator_updates=_validator_updates(updates),
        )

    def commit(self, records: Mapping[bytes, bytes | None]) -> None:
        """Persist the block finalised last, with the engine's records, in one step."""
        if self._pending is None:
            raise AssertionError("commit before finalize_block")
        height, change = self._pending
        self._store.commit(change, height=height, records=records)
        self._pending, self._check, self._genesis = None, None, {}

    def _fresh_state(self) -> Overlay:
        """The committed state to write over; before block 1, with what genesis wrote."""
        state = Overlay(self._store.latest)
        for key, value in self._genesis.items():
            state.set(key, value)
        return state

    def _begin(self, state: Overlay, height: int, time_ns: int, last_hash: bytes) -> Context:
        chain_id = (state.get(_CHAIN_ID) or b"").decode()
        ctx = Context(store=state, height=height, time_ns=time_ns, chain_id=chain_id, handlers=HANDLERS)
        epoch.begin_block(ctx, last_hash)
        return ctx

    def _check_context(self) -> Context:
        """The next block as its transactions will find it, with those that passed since the last commit applied."""
        if self._check is None or self._check.height <= self._store.height:
            state = self._fresh_state()
            last = state.get(_LAST_BLOCK) or b""
            self._check = self._begin(state, self._store.height + 1, int.from_bytes(last[:8], "big"), last[8:])
        return self._check

    def _deliver(self, ctx: Context, tx: bytes) -> TxResult:
        try:
            read = self._read(ctx, tx)
        except RuleError as error:
            return refuse(error)
        return deliver(ctx, read, get_frozen(ctx.store).auth, self._known)

    def _passes(self, ctx: Context, tx: bytes) -> bool:
        """Whether a block may hold the transaction next; if so, it is applied."""
        try:
            read = self._read(ctx, tx)
        except RuleError:
            return False
        branch = ctx.branch()
        result = deliver(branch.context, read, get_frozen(ctx.store).auth, self._known)
        if not is_worth_a_block(read, result):
            return False
        branch.merge()
        return True

    def _read(self, ctx: Context, tx: bytes) -> Transaction:
        check_size(len(tx), get_frozen(ctx.store).auth)
        return self._reader.read(tx)


def _validator_updates(powers: Iterable[tuple[bytes, int]]) -> tuple[ValidatorUpdate, ...]:
    return tuple([ValidatorUpdate(public_key=key, power=power) for key, power in powers])
