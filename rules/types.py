"""The words of the protocol as frozen records.

Every record is built from integers, bytes and tuples; nothing here decides.  Source: docs/protocol.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NewType

Host = NewType("Host", bytes)
"""20 account address bytes."""
Epoch = NewType("Epoch", int)
Height = NewType("Height", int)
Units = NewType("Units", int)
"""Compute units."""
Ngonka = NewType("Ngonka", int)
"""10^-9 GNK."""
Position = NewType("Position", int)
"""Index of a leaf in a claim, 0 <= position < count."""

Table = Mapping[Host, int]
"""Effective units by host, as written at a SETTLE; hosts with none may be left out."""


class Phase(IntEnum):
    """Phases of an epoch, in order; the numbers are those of gonka.sprint.v1.Phase."""

    GENESIS = 1
    SEED = 2
    SPRINT = 3
    CLAIM = 4
    BEACON2 = 5
    REVEAL = 6
    ROWS_COMMIT = 7
    ROWS_REVEAL = 8
    DISPUTE_COMMIT = 9
    DISPUTE_REVEAL = 10
    SETTLE = 11
    SERVE = 12


class Round(IntEnum):
    """The two seeds of an epoch; the numbers are those that are hashed."""

    SPRINT = 0
    SAMPLE = 1


class Verdict(IntEnum):
    """What follows from the rows on a claim; the numbers are those of gonka.sprint.v1.Verdict."""

    ACCEPTED = 1
    REJECTED = 2
    UNDECIDED = 3
    VOID = 4
    UNREVEALED = 5


class VoteOption(Enum):
    """Options of a ballot, with cosmos.gov.v1's numbers."""

    YES = 1
    ABSTAIN = 2
    NO = 3
    NO_WITH_VETO = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An accepted nonce (0 <= nonce < 2^64) and its 8-byte tag."""

    nonce: int
    tag: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A counted root: `count` proofs under the 32-byte Merkle root."""

    host: Host
    count: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A verifier's report on one claim.

    `sample_digest` is 8 bytes, zeros when the verifier stopped at `slash_mismatches`; positions ascend.
    """

    claimant: Host
    sample_digest: bytes
    mismatched_positions: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Dispute:
    """One contested nonce of one claim; ordered by (claimant, nonce)."""

    claimant: Host
    nonce: int
