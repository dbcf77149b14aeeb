"""Which device works on what, and in how large a bite.  Pure.

Verifications come first, the one with the earliest deadline before the others, as long as the deadline has not
passed; then the Sprint job that has waited longest for a turn.

While users want tokens from the device, batches are shorter, and after each the device is theirs for several times as
long: a user's answer takes at most (1 + REST_PROOF) / REST_PROOF as long as without a Sprint, and the wait for a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TARGET_MS = 80
"""A batch takes between half of this and the whole: a stop or a verification never waits longer."""
USERS_TARGET_MS = 50
"""The same while users want tokens."""
REST_PROOF = 5
REST_VERIFICATION = 1
"""A device that users want is left to them for so many times what a batch took; verifications have near deadlines."""
FIRST_COUNT = 8
MAX_COUNT = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SprintBid:
    """A Sprint job that wants a device; `last_turn` numbers the turn it had last, 0 for none."""

    job_id: str
    deadline_ms: int
    last_turn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationBid:
    """A verification with nonces that no device has taken; `key` numbers it in order of arrival."""

    key: int
    deadline_ms: int


def choose(
    now_ms: int, sprints: Sequence[SprintBid], verifications: Sequence[VerificationBid]
) -> SprintBid | VerificationBid | None:
    """What a free device does next; None when there is nothing to do."""
    urgent = [bid for bid in verifications if now_ms < bid.deadline_ms]
    if urgent:
        return min(urgent, key=lambda bid: (bid.deadline_ms, bid.key))
    waiting = [bid for bid in sprints if now_ms < bid.deadline_ms]
    return min(waiting, key=lambda bid: (bid.last_turn, bid.job_id), default=None)


def get_target_ms(*, users: bool) -> int:
    """The longest that a batch should take."""
    return USERS_TARGET_MS if users else TARGET_MS


def compute_rest_ms(bid: SprintBid | VerificationBid, elapsed_ms: float) -> float:
    """How long a device that users want is left to them, after a batch for this bid that took `elapsed_ms`."""
    return elapsed_ms * (REST_PROOF if isinstance(bid, SprintBid) else REST_VERIFICATION)


def adapt_count(count: int, elapsed_ms: float, target_ms: float) -> int:
    """The next batch's size, when one of `count` nonces took `elapsed_ms`; sizes are powers of two."""
    if elapsed_ms > target_ms:
        return max(1, count // 2)
    if 2 * elapsed_ms <= target_ms:
        return min(MAX_COUNT, count * 2)
    return count
