"""Transactions that wait for a block: two bounded lanes, first in first out, each transaction once."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from chain.engine.application import CheckResult
from rules.errors import CATALOGUE


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLimits:
    """How much a lane holds: transactions, and bytes of them together."""

    max_txs: int
    max_bytes: int


class _Lane:
    __slots__ = ("_bytes", "_limits", "count")

    def __init__(self, limits: LaneLimits) -> None:
        self._limits = limits
        self._bytes = 0
        self.count = 0

    def has_room(self, tx: bytes) -> bool:
        return self.count < self._limits.max_txs and self._bytes + len(tx) <= self._limits.max_bytes

    def add(self, tx: bytes) -> None:
        self.count += 1
        self._bytes += len(tx)

    def remove(self, tx: bytes) -> None:
        self.count -= 1
        self._bytes -= len(tx)


class OpenLane:
    """The open lane alone, where CometBFT keeps what waits and knows no lanes: so much of its room is left to duties.

    It counts anew after each block, when CometBFT has all that waits checked again.
    """

    def __init__(self, limits: LaneLimits) -> None:
        self._limits = limits
        self._lane = _Lane(limits)

    def clear(self) -> None:
        """Nothing waits, as far as is known yet."""
        self._lane = _Lane(self._limits)

    def admit(self, tx: bytes, result: CheckResult) -> CheckResult:
        """What a transaction's check came to; mempool_full for one that passed, is no duty and has no room."""
        if result.code != 0 or result.duty:
            return result
        if not self._lane.has_room(tx):
            return _refusal("mempool_full", f"{self._lane.count} transactions wait")
        self._lane.add(tx)
        return result


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
        self._waiting: dict[bytes, tuple[bytes, _Lane]] = {}  # by hash, in order of arrival

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, tx_hash: bytes) -> bool:
        return tx_hash in self._waiting

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
            return _refusal("mempool_full", f"{lane.count} transactions wait")
        lane.add(tx)
        self._waiting[tx_hash] = (tx, lane)
        return result

    def offer(self, max_bytes: int) -> tuple[bytes, ...]:
        """Duties, then the rest, each in order of arrival, up to the first that would make more than `max_bytes`."""
        offered = []
        room = max_bytes
        for tx, _ in sorted(self._waiting.values(), key=lambda waiting: waiting[1] is self._others):
            room -= len(tx)
            if room < 0:
                break
            offered.append(tx)
        return tuple(offered)

    def update(self, taken: tuple[bytes, ...]) -> None:
        """Let go of those that a block has taken, and of those that pass no longer after it.

        They are checked in order of arrival, whatever the lane: a sender's duty may follow on a transaction that is
        none.
        """
        for tx in taken:
            self._discard(sha256(tx).digest())
        for tx_hash, (tx, _) in list(self._waiting.items()):
            if self._check(tx, True).code != 0:
                self._discard(tx_hash)

    def _discard(self, tx_hash: bytes) -> None:
        if tx_hash in self._waiting:
            tx, lane = self._waiting.pop(tx_hash)
            lane.remove(tx)


def _refusal(code: str, detail: str) -> CheckResult:
    return CheckResult(
        code=CATALOGUE[code].number, codespace="gonka", log=f"{code}: {detail}", gas_wanted=0, duty=False
    )
