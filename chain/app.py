"""The state machine that an engine drives: ABCI 2.0 in shape, routing only.

A block runs: the epoch's beginning, the transactions, the proposals whose voting ends, the epoch's end.  A refusal by
a rule fails its transaction; any other error is ours, and leaves `finalize_block` to stop the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from chain import epoch
from chain.admission import KnownSignatures, Mode, admit, check_size
from chain.context import Context
from chain.delivery import apply_orders, deliver, is_worth_a_block, refuse
from chain.engine.application import Block, BlockResult, CheckResult, Info, TxResult, ValidatorUpdate
from chain.genesis import init_state, read_genesis
from chain.handlers import HANDLERS
from chain.modules.beacon.threshold import voting
from chain.modules.gov import ending
from chain.modules.params.state import get_frozen
from chain.modules.stake.evidence import process_misbehavior
from chain.modules.stake.liveness import process_votes
from chain.modules.stake.state import find_changes, get_validators
from chain.modules.upgrade.migrating import Upgrades, process_upgrade
from chain.proposal import count_fitting, may_be_read, order_transactions
from chain.round_signature import deliver_signature, is_signature, wrap_signature
from chain.store.overlay import Overlay
from chain.store.store import Change, Store
from chain.transaction import Transaction, TransactionReader
from rules.errors import RuleError
from wire.errors import CODESPACE

_CHAIN_ID: Final = b"app/chain_id"
_LAST_BLOCK: Final = b"app/last_block"  # time, 8 bytes big-endian, then hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A block's transactions, all of which pass, as they were run; its end was not.

    The block is without hash and proposer, on which they do not depend: so a proposal is run once, whether it is ours,
    and what comes of it is used when it is decided.
    """

    block: Block
    ctx: Context
    state: Overlay
    results: tuple[TxResult, ...]

    def is_of(self, block: Block) -> bool:
        """Whether it is this block that was run."""
        return replace(block, hash=b"", proposer=b"") == self.block


class App:
    """The application over a store.  Open with `open`; calls come one at a time.

    A validator's `signer` holds its beacon secret.
    """

    def __init__(self, store: Store, signer: voting.Signer | None, upgrades: Upgrades) -> None:
        self._store = store
        self._upgrades = upgrades
        self._signer = signer
        self._genesis: Mapping[bytes, bytes] = {}
        self._reader = TransactionReader(HANDLERS)
        self._known = KnownSignatures()
        self._check: Context | None = None
        self._voting: Context | None = None
        self._trial: Trial | None = None
        self._pending: tuple[int, Change] | None = None

    @classmethod
    def open(cls, store: Store, signer: voting.Signer | None = None, upgrades: Upgrades | None = None) -> App:
        """The application at the store's height; `upgrades` is what this program can do at one."""
        return cls(store, signer, upgrades or Upgrades())

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
        return CheckResult(code=0, codespace="", log="", gas_wanted=read.gas_limit, duty=read.pressing)

    def simulate(self, tx: bytes) -> TxResult:
        """What the transaction would come to after those that wait, whatever its fee, gas, sequence and signatures."""
        ctx = self._check_context()
        try:
            read = self._read(ctx, tx)
        except RuleError as error:
            return refuse(error)
        trial = ctx.branch().context
        trial.heard = True
        return deliver(trial, read, get_frozen(ctx.store).auth, self._known, Mode.SIMULATE)

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
        if not may_be_read(block.txs, params):
            return False
        try:
            txs = [self._read(ctx, tx) for tx in block.txs if not is_signature(tx)]
        except RuleError:
            return False
        if count_fitting(txs, params.max_block_bytes, params) < len(txs):
            return False
        return self._find_trial(block, whole=True).block.txs == block.txs

    def select_valid(self, block: Block) -> tuple[bytes, ...]:
        """Those that pass, one after the other: admitted, and a duty, which pays no fee, applied too."""
        return self._find_trial(block, whole=False).block.txs

    def extend_vote(self, block_hash: bytes) -> bytes:
        """What this validator's vote for the next block carries: its part of a round's signature."""
        return self._signer.extend(self._voting_context(), block_hash) if self._signer else b""

    def is_extension_good(self, block_hash: bytes, validator: bytes, extension: bytes) -> bool:
        """Whether a validator's vote for the next block may carry this."""
        return voting.is_extension_good(self._voting_context(), block_hash, validator, extension)

    def combine_extensions(self, extensions: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        """The transaction that signs the open round, where one is open and these make its signature."""
        return wrap_signature(voting.combine_extensions(self._voting_context(), extensions))

    def finalize_block(self, block: Block) -> BlockResult:
        """What the block comes to; kept in memory for `commit`."""
        trial, self._trial = self._trial, None
        if trial is None or not trial.is_of(block):
            trial = self._run(block)
        before = get_validators(self._fresh_state())
        ending.end_block(trial.ctx)
        epoch.end_block(trial.ctx)
        updates = find_changes(before, get_validators(trial.state))
        trial.state.set(_LAST_BLOCK, block.time_ns.to_bytes(8, "big") + block.hash)
        change = self._store.prepare(trial.state.writes)
        self._pending = (block.height, change)
        return BlockResult(
            tx_results=trial.results,
            events=tuple(trial.ctx.events),
            app_hash=change.app_hash,
            validator_updates=_validator_updates(updates),
        )

    def commit(self, records: Mapping[bytes, bytes | None]) -> None:
        """Persist the block finalised last, with the engine's records, in one step."""
        if self._pending is None:
            raise AssertionError("commit before finalize_block")
        height, change = self._pending
        self._store.commit(change, height=height, records=records)
        self._pending, self._check, self._voting, self._trial, self._genesis = None, None, None, None, {}

    def _fresh_state(self) -> Overlay:
        """The committed state to write over; before block 1, with what genesis wrote."""
        state = Overlay(self._store.latest)
        for key, value in self._genesis.items():
            state.set(key, value)
        return state

    def _begin(self, state: Overlay, block: Block) -> Context:
        chain_id = (state.get(_CHAIN_ID) or b"").decode()
        ctx = Context(store=state, height=block.height, time_ns=block.time_ns, chain_id=chain_id, handlers=HANDLERS)
        process_upgrade(ctx, self._upgrades)
        process_votes(ctx, block.votes)
        process_misbehavior(ctx, block.misbehavior)
        epoch.begin_block(ctx, block.last_hash)
        return ctx

    def _begin_next(self) -> Context:
        """The next block, begun, as far as anybody knows it yet."""
        state = self._fresh_state()
        last = state.get(_LAST_BLOCK) or b""
        block = Block(
            height=self._store.height + 1,
            time_ns=int.from_bytes(last[:8], "big"),
            hash=b"",
            last_hash=last[8:],
            proposer=b"",
            txs=(),
        )
        return self._begin(state, block)

    def _check_context(self) -> Context:
        """The next block as its transactions will find it, with those that passed since the last commit applied."""
        if self._check is None or self._check.height <= self._store.height:
            self._check = self._begin_next()
            self._check.heard = False
        return self._check

    def _voting_context(self) -> Context:
        """The next block as its votes find it, the same for all that vote."""
        if self._voting is None or self._voting.height <= self._store.height:
            self._voting = self._begin_next()
        return self._voting

    def _find_trial(self, block: Block, *, whole: bool) -> Trial:
        """The trial of a block, which is run if need be; a `whole` one ends with the first that does not pass."""
        if self._trial is None or not self._trial.is_of(block):
            self._trial = self._try(block, whole)
        return self._trial

    def _try(self, block: Block, whole: bool) -> Trial:
        """Run those of a block's transactions that may stand in it."""
        state = self._fresh_state()
        ctx = self._begin(state, block)
        passed = []
        for tx in block.txs:
            result = self._pass(ctx, tx)
            if result is not None:
                passed.append((tx, result))
            elif whole:
                break
        return Trial(
            block=replace(block, hash=b"", proposer=b"", txs=tuple([tx for tx, _ in passed])),
            ctx=ctx,
            state=state,
            results=tuple([result for _, result in passed]),
        )

    def _run(self, block: Block) -> Trial:
        """Run all of a block's transactions, for it is decided."""
        state = self._fresh_state()
        ctx = self._begin(state, block)
        results = tuple([self._deliver(ctx, tx) for tx in block.txs])
        return Trial(block=block, ctx=ctx, state=state, results=results)

    def _deliver(self, ctx: Context, tx: bytes) -> TxResult:
        if is_signature(tx):
            return deliver_signature(ctx, tx)
        try:
            read = self._read(ctx, tx)
        except RuleError as error:
            return refuse(error)
        return deliver(ctx, read, get_frozen(ctx.store).auth, self._known)

    def _pass(self, ctx: Context, tx: bytes) -> TxResult | None:
        """What the transaction comes to if a block may hold it next, and then it is applied; None if not."""
        if is_signature(tx):
            result = deliver_signature(ctx, tx)
            return result if result.code == 0 else None
        try:
            read = self._read(ctx, tx)
        except RuleError:
            return None
        branch = ctx.branch()
        result = deliver(branch.context, read, get_frozen(ctx.store).auth, self._known)
        if not is_worth_a_block(read, result):
            return None
        branch.merge()
        return result

    def _read(self, ctx: Context, tx: bytes) -> Transaction:
        check_size(len(tx), get_frozen(ctx.store).auth)
        return self._reader.read(tx)


def _validator_updates(powers: Iterable[tuple[bytes, int]]) -> tuple[ValidatorUpdate, ...]:
    return tuple([ValidatorUpdate(public_key=key, power=power) for key, power in powers])
