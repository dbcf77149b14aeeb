"""What answers a query: a pure function of the state committed at one height and of the request."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from chain.store.kv import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state committed at `height`, from which every read of one request comes.

    `records` is the block log up to that height; `time_ns` is the block's time.
    """

    store: Reader
    records: Reader
    height: int
    time_ns: int
    chain_id: str


@dataclass(frozen=True, slots=True)
class Query:
    """A unary method, as in "cosmos.bank.v1beta1.Query.Balance", and the function that answers it.

    `answer` gets a Snapshot and the method's request, returns its response, or the promise of it, and raises RuleError
    only.
    """

    method: str
    answer: Callable[[Snapshot, Any], Message | Awaitable[Message]]
