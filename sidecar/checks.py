"""The verifications under way: cut into pieces for the devices, and put together again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.arbiter import VerificationBid
from sidecar.bell import Bell
from sidecar.errors import SidecarError
from sidecar.jobs import Evaluation, Outcome, Work, compute_outcome

MAX_CHECKS: Final = 64
MAX_ATTEMPTS: Final = 3
"""So often may workers die over a check before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Do these nonces of this host (20 bytes) have these 8-byte tags, and pass the acceptance test?

    `stop_after` mismatches end it early, 0 never; `deadline_ms` is unix milliseconds.
    """

    work: Work
    host: bytes
    nonces: tuple[int, ...]
    tags: tuple[bytes, ...]
    stop_after: int
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some consecutive nonces of a check, by index."""

    key: int
    check: Check
    indices: range

    @property
    def nonces(self) -> tuple[int, ...]:
        """The nonces themselves."""
        return self.check.nonces[self.indices.start : self.indices.stop]


class _Open:
    """A check under way: what came back, and the index ranges that no device has."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.results: list[Evaluation | None] = [None] * len(check.nonces)
        self.waiting = [range(len(check.nonces))]
        self.attempts = 0


class Checks:
    """All verifications of a sidecar.  `now_ms` is the clock in unix milliseconds."""

    def __init__(self, bell: Bell, now_ms: Callable[[], int]) -> None:
        self._bell = bell
        self._now_ms = now_ms
        self._open: dict[int, _Open] = {}
        self._last_key = 0

    async def ask(self, check: Check) -> Outcome:
        """What the devices say.  Raises verifications_full, verification_late, device_failed."""
        if len(self._open) >= MAX_CHECKS:
            raise SidecarError("verifications_full", f"{MAX_CHECKS} are waiting")
        self._last_key += 1
        key, entry = self._last_key, _Open(check)
        self._open[key] = entry
        self._bell.ring()
        try:
            async with asyncio.timeout(max(0, check.deadline_ms - self._now_ms()) / 1000):
                return await entry.answer
        except TimeoutError:
            done = sum(result is not None for result in entry.results)
            raise SidecarError("verification_late", f"{done} of {len(entry.results)} nonces", done=done) from None
        finally:
            del self._open[key]

    def refuse(self) -> None:
        """End what is under way: sidecar_stopping."""
        for entry in self._open.values():
            if not entry.answer.done():
                entry.answer.set_exception(SidecarError("sidecar_stopping"))

    def get_bids(self) -> list[VerificationBid]:
        """The checks with nonces that no device has."""
        return [
            VerificationBid(key=key, deadline_ms=entry.check.deadline_ms)
            for key, entry in self._open.items()
            if entry.waiting and not entry.answer.done()
        ]

    def get(self, key: int) -> Check:
        """The check of a bid."""
        return self._open[key].check

    def begin(self, key: int, count: int) -> Piece:
        """The next `count` nonces of a check, or fewer: `finish` or `abandon` them."""
        entry = self._open[key]
        first = entry.waiting.pop(0)
        taken, left = first[:count], first[count:]
        if left:
            entry.waiting.insert(0, left)
        return Piece(key=key, check=entry.check, indices=taken)

    def finish(self, piece: Piece, evaluations: Sequence[Evaluation]) -> None:
        """Take in what a device found."""
        entry = self._open.get(piece.key)
        if entry is None or entry.answer.done():
            return
        entry.results[piece.indices.start : piece.indices.stop] = evaluations
        outcome = compute_outcome(entry.check.tags, entry.results, entry.check.stop_after)
        if outcome is not None:
            entry.answer.set_result(outcome)

    def abandon(self, piece: Piece) -> None:
        """A worker died over a piece: another takes it, or the check is given up."""
        entry = self._open.get(piece.key)
        if entry is None or entry.answer.done():
            return
        entry.attempts += 1
        if entry.attempts >= MAX_ATTEMPTS:
            entry.answer.set_exception(SidecarError("device_failed", f"{entry.attempts} workers died"))
        else:
            entry.waiting.insert(0, piece.indices)
            self._bell.ring()
