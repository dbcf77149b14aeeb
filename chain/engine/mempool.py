"""Transactions that wait for a block: two bounded lanes, first in first out, each transaction once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain

from chain.engine.application import CheckResult
from rules.errors import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """How much a lane holds: transactions, and bytes of them together."""

    max_txs: int
    max_bytes: int


class _Lane:
    __slots__ = ("bytes", "limits", "txs")

    def __init__(self, limits: LaneLimits) -> None:
        self.limits = limits
        self.txs: dict[bytes, bytes] = {}  # hash -> transaction, in order of arrival
        self.bytes = 0

    def has_room(self, tx: bytes) -> bool:
        return len(self.txs) < self.limits.max_txs and self.bytes + len(tx) <= self.limits.max_bytes

    def add(self, tx_hash: bytes, tx: bytes) -> None:
        self.txs[tx_hash] = tx
        self.bytes += len(tx)

    def discard(self, tx_hash: bytes) -> None:
        self.bytes -= len(self.txs.pop(tx_hash, b""))


class Mempool:
    """The lane of duties, which goes first, and the open lane.

    `check` says whether a transaction may wait, given whether it is checked again (`recheck`).  A transaction refused
    for want of room has passed `check`, so until the next block its sender's next one may meet a wrong sequence.
    """

    def __init__(
        self, *, check: Callable[[bytes, bool], CheckResult], duties: LaneLimits, others: LaneLimits, max_tx_bytes: int
    ) -> None:
        self._check = check
        self._duties = _Lane(duties)
        self._others = _Lane(others)
        self._max_tx_bytes = max_tx_bytes

    def __len__(self) -> int:
        return len(self._duties.txs) + len(self._others.txs)

    def __contains__(self, tx_hash: bytes) -> bool:
        return tx_hash in self._duties.txs or tx_hash in self._others.txs

    def submit(self, tx: bytes) -> CheckResult:
        """Take `tx` if it passes and there is room; else the result has the code of what is wrong with it, among them
        tx_duplicate, tx_too_large and mempool_full.
        """
        if len(tx) > self._max_tx_bytes:
            return _refusal("tx_too_large", f"{len(tx)} bytes, at most {self._max_tx_bytes}")
        tx_hash = sha256(tx).digest()
        if tx_hash in self:
            return _refusal("tx_duplicate", tx_hash.hex().upper())
        if not self._duties.has_room(tx) and not self._others.has_room(tx):
            return _refusal("mempool_full", f"{len(self)} transactions wait")
        result = self._check(tx, False)
        if result.code != 0:
            return result
        lane = self._duties if result.duty else self._others
        if not lane.has_room(tx):
            return _refusal("mempool_full", f"{len(lane.txs)} transactions wait")
        lane.add(tx_hash, tx)
        return result

    def offer(self, max_bytes: int) -> tuple[bytes, ...]:
        """Those that wait, in order, up to the first that would make them more than `max_bytes` together."""
        offered = []
        room = max_bytes
        for tx in self._waiting():
            room -= len(tx)
            if room < 0:
                break
            offered.append(tx)
        return tuple(offered)

    def update(self, taken: tuple[bytes, ...]) -> None:
        """Let go of those that a block has taken, and of those that pass no longer after it."""
        for tx in taken:
            self._discard(tx)
        for tx in list(self._waiting()):
            if self._check(tx, True).code != 0:
                self._discard(tx)

    def _waiting(self) -> Iterator[bytes]:
        return chain(self._duties.txs.values(), self._others.txs.values())

    def _discard(self, tx: bytes) -> None:
        tx_hash = sha256(tx).digest()
        self._duties.discard(tx_hash)
        self._others.discard(tx_hash)


def _refusal(code: str, detail: str) -> CheckResult:
    return CheckResult(
        code=CATALOGUE[code].number, codespace="gonka", log=f"{code}: {detail}", gas_wanted=0, duty=False
    )
