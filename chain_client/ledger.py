"""The port through which the client sees a chain; cosmos.py speaks it over gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from google.protobuf.message import Message

    Answer = TypeVar("Answer", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The latest block that is final; `time_s` is its header's time in whole seconds since 1970."""

    chain_id: str
    height: int
    time_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as of the latest final block; `sequence` is the number its next transaction must carry."""

    address: str
    number: int
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a transaction; attributes in the chain's order, repeated names kept."""

    kind: str
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TxResult:
    """A transaction in a final block; `code` 0 means its messages were applied.  `tx_hash` is upper-case hex.

    `rule` is the chain's name for the code, empty for 0; `log` its words.
    """

    tx_hash: str
    height: int
    code: int
    rule: str = ""
    log: str = ""
    gas_used: int = 0
    events: tuple[Event, ...] = ()

    @property
    def is_applied(self) -> bool:
        """Whether the messages took effect; a failed one still used its sequence and paid its fee."""
        return self.code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A node's answer to a broadcast: `code` 0 means taken into its queue, which promises no block.

    `rule` is the chain's name for the code, empty for 0.
    """

    tx_hash: str
    code: int
    rule: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GasPrice:
    """The least price a node takes: `numerator` / `denominator` of `denom` for one gas."""

    numerator: int
    denominator: int
    denom: str


class Ledger(Protocol):
    """A chain, as its client sees it.

    Every call has a deadline and raises a ClientError only: TransientError where trying again may help.  Answers come
    from final blocks; one node never answers from an older block than it did before.
    """

    async def latest(self) -> Block:
        """The latest final block."""
        ...

    async def account(self, address: str) -> Account:
        """The account of a bech32 address.  Raises account_unknown."""
        ...

    async def query(self, method: str, request: Message, answer: type[Answer], *, height: int = 0) -> Answer:
        """One call of a Query service, as of `height` (0: the latest).

        `method` is the full path, as in "/gonka.stake.v1.Query/Host".  Raises the chain's rule code.
        """
        ...

    async def simulate(self, tx: bytes) -> int:
        """The gas that a TxRaw would use; its signatures may be empty.  Raises the rule code it would fail with."""
        ...

    async def broadcast(self, tx: bytes) -> Receipt:
        """Hand a signed TxRaw to the node's queue."""
        ...

    async def find(self, tx_hash: str) -> TxResult | None:
        """The transaction with this hash (upper-case hex) if it is in a final block."""
        ...

    async def gas_price(self) -> GasPrice:
        """The least gas price of the node."""
        ...
