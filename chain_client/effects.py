"""What a host may set out to do: frozen, and nothing in it says how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from rules.types import Host


class Duty(Enum):
    """A message that a host owes the chain; the value is its name in logs, metrics and the journal."""

    COMMIT_SEEDS = "commit_seeds"
    REVEAL_SPRINT_SEED = "reveal_sprint_seed"
    REVEAL_SAMPLE_SEED = "reveal_sample_seed"
    CLAIM = "claim"
    REVEAL_LEAVES = "reveal_leaves"
    COMMIT_ROWS = "commit_rows"
    REVEAL_ROWS = "reveal_rows"
    COMMIT_DISPUTE = "commit_dispute"
    REVEAL_DISPUTE = "reveal_dispute"
    REGISTER = "register"
    SET_BEACON_KEY = "set_beacon_key"
    DEAL = "deal"
    COMPLAIN = "complain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a Sprint computes: its 32-byte seed, its profile, and the acceptance bound of 2^64."""

    sprint_seed: bytes
    profile: str
    cos2_q64: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A revealed leaf of somebody's claim, to be recomputed."""

    claimant: Host
    nonce: int
    tag: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJob:
    """Have the sidecar search for proofs and keep what it finds; one that runs already goes on.

    The job ends by itself after `run_ms` from now.
    """

    epoch: int
    job_id: str
    work: Work
    run_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopJob:
    """End the search of an epoch: what it would find can no longer be claimed."""

    epoch: int
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Fetch a claim's revealed leaves, recompute them, and keep the row; ends after `stop_after` mismatches.

    `positions` are those drawn for the claim.
    """

    epoch: int
    claimant: Host
    positions: tuple[int, ...]
    work: Work
    stop_after: int
    within_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Recompute contested leaves of one claim, ascending by nonce, and keep a bit for each."""

    epoch: int
    leaves: tuple[Leaf, ...]
    work: Work
    within_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDeals:
    """Open the shares that these dealers sent this host for the key of `epoch`, and keep what shows a wrong one."""

    epoch: int
    dealers: tuple[Host, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Build, sign, keep and send the message of a duty, and follow it into a block up to `last_height`."""

    duty: Duty
    epoch: int
    last_height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Bring transactions that an earlier process kept to their end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Keep what stands in the way of a duty, in words, in case it is missed."""

    duty: Duty
    epoch: int
    obstacle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Read how an epoch was settled, keep it with the causes of what was missed, and forget old epochs."""

    epoch: int


Effect: TypeAlias = RunJob | StopJob | Verify | Judge | CheckDeals | Send | FollowUp | Note | Review
