"""The state machine as an engine sees it: ABCI 2.0 in shape, Python records in place of messages.

A block goes: `prepare_proposal`, `process_proposal`, `finalize_block`, `commit`.  `finalize_block` keeps nothing, so it
can be repeated, for another block too; only `commit` persists, the last finalised block, in one step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """Where the application stands: its last committed height, 0 before genesis, the app hash there and its block's.

    `block_hash` is b"" at height 0.
    """

    height: int
    app_hash: bytes
    block_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """Whether a transaction may wait for a block: `code` 0, else the number of the error and its text in `log`.

    `duty` puts it into the lane that goes first: it pays no fee, and a window closes over it.
    """

    code: int
    codespace: str
    log: str
    gas_wanted: int
    duty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A validator of the block before, by its 20-byte consensus address, and whether its vote arrived."""

    validator: bytes
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehavior:
    """Evidence that a validator, by its 20-byte consensus address, signed two blocks of `height`."""

    validator: bytes
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is decided in a block.  `time_ns` is Unix time; hashes are 32 bytes; `last_hash` is the block's before.

    `proposer` is the 20-byte consensus address, b"" where there is none; then nobody votes either.
    """

    height: int
    time_ns: int
    hash: bytes
    last_hash: bytes
    proposer: bytes
    txs: tuple[bytes, ...]
    votes: tuple[Vote, ...] = ()
    misbehavior: tuple[Misbehavior, ...] = ()


class Event(NamedTuple):
    """Something that happened, for those who watch.  A tuple, as a transaction makes ten of them."""

    type: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TxResult:
    """What became of a transaction: `code` 0, else the number of the error, `log` its text; `data` is TxMsgData."""

    code: int
    codespace: str
    log: str
    data: bytes
    gas_wanted: int
    gas_used: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorUpdate:
    """An ed25519 consensus key (32 bytes) and its new power, 0 to leave the set."""

    public_key: bytes
    power: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockResult:
    """What a block came to: one result for each transaction, in order, and the app hash after it."""

    tx_results: tuple[TxResult, ...]
    events: tuple[Event, ...]
    app_hash: bytes
    validator_updates: tuple[ValidatorUpdate, ...]


class Application(Protocol):
    """What an engine drives.  Calls come one at a time."""

    def info(self) -> Info:
        """Where the application stands."""
        ...

    def init_chain(self, genesis: bytes) -> tuple[ValidatorUpdate, ...]:
        """Take the genesis file's bytes, before the block of height 1, while `info().height` is 0.

        Returns the first validators.  RuleError genesis_invalid.
        """
        ...

    def check_tx(self, tx: bytes, recheck: bool) -> CheckResult:
        """Whether `tx` would pass after those that passed since the last commit; `recheck`: it passed before it."""
        ...

    def prepare_proposal(self, txs: tuple[bytes, ...], max_bytes: int) -> tuple[bytes, ...]:
        """The transactions for a block, of those offered in order, at most `max_bytes` together."""
        ...

    def select_valid(self, block: Block) -> tuple[bytes, ...]:
        """Of the transactions of `block`, those that may stand in it one after the other; it needs no hash."""
        ...

    def process_proposal(self, block: Block) -> bool:
        """Whether a proposed block may be voted for."""
        ...

    def extend_vote(self, block_hash: bytes) -> bytes:
        """What this validator's vote for the next block, which has this hash, carries; b"" for nothing."""
        ...

    def is_extension_good(self, block_hash: bytes, validator: bytes, extension: bytes) -> bool:
        """Whether a validator's vote for the next block may carry this; the validator by its 20-byte address."""
        ...

    def combine_extensions(self, extensions: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
        """The transactions that a proposal for the next block begins with, made of what votes for the last one carried.

        By 20-byte address of the validator; of late votes nobody has checked what they carry.
        """
        ...

    def finalize_block(self, block: Block) -> BlockResult:
        """What the block comes to.  Keeps nothing but what `commit` will write."""
        ...

    def commit(self, records: Mapping[bytes, bytes | None]) -> None:
        """Persist the block finalised last, and the engine's `records` (None to remove), all of it or nothing."""
        ...
