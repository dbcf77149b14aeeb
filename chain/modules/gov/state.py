"""Proposals, deposits and votes as cosmos.gov.v1 has them, so that wallets read them; heights and tables beside them.

When a vote has ended, each vote stays with its ballot, the units that it was counted with: 8 bytes big-endian.

Keys end in the proposal's number, 8 bytes big-endian, then the account: scans are in order of both.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import module_address
from rules.errors import RuleError

from cosmos.gov.v1.gov_pb2 import Deposit, Proposal, Vote

AUTHORITY: Final = module_address("gov")
"""Who signs what a passed proposal does."""
DEPOSITS: Final = module_address("deposits")
"""Where deposits wait."""

_PROPOSAL = b"gov/proposal/"
_COURSE = b"gov/course/"
_DEPOSIT = b"gov/deposit/"
_VOTE = b"gov/vote/"
_BALLOT = b"gov/ballot/"
_NEXT_ID = b"gov/next_id"
_NUMBERS = struct.Struct(">QQQQQ")


@dataclass(frozen=True, slots=True)
class Course:
    """The heights that a proposal runs by.

    `voting_height` and `epoch` are where voting began, `table_epoch` whose table was in force then; 0 before.  A
    proposal ends at `end_height` [deposits, then votes] or, in voting, at the epoch start that it must still span.
    """

    end_height: int
    voting_height: int = 0
    epoch: int = 0
    table_epoch: int = 0
    min_epochs: int = 0


def take_next_id(store: KV) -> int:
    """The number of a new proposal; the first is 1."""
    number = int.from_bytes(store.get(_NEXT_ID) or b"", "big") + 1
    store.set(_NEXT_ID, number.to_bytes(8, "big"))
    return number


def proposal_key(proposal_id: int) -> bytes:
    """Where the state keeps a proposal."""
    return _PROPOSAL + _id(proposal_id)


def get_proposal(store: Reader, proposal_id: int) -> Proposal | None:
    """A proposal, ended or not; None for one that never was, was cancelled, or found no deposits."""
    value = store.get(proposal_key(proposal_id))
    return None if value is None else Proposal.FromString(value)


def find_proposal(store: Reader, proposal_id: int) -> Proposal:
    """A proposal.  Raises: RuleError `proposal_unknown`."""
    proposal = get_proposal(store, proposal_id)
    if proposal is None:
        raise RuleError("proposal_unknown", f"proposal {proposal_id}", proposal_id=proposal_id)
    return proposal


def set_proposal(store: KV, proposal: Proposal) -> None:
    """Write a proposal."""
    store.set(_PROPOSAL + _id(proposal.id), proposal.SerializeToString(deterministic=True))


def delete_proposal(store: KV, proposal_id: int) -> None:
    """Forget a proposal with its votes."""
    for key, _ in list(store.scan(_VOTE + _id(proposal_id))):
        store.delete(key)
    store.delete(_PROPOSAL + _id(proposal_id))


def scan_proposals(store: Reader) -> Iterator[Proposal]:
    """Every proposal, oldest first."""
    for _, value in store.scan(_PROPOSAL):
        yield Proposal.FromString(value)


def get_course(store: Reader, proposal_id: int) -> Course:
    """The heights of a proposal that takes deposits or votes.  Raises: RuleError `proposal_closed`."""
    value = store.get(_COURSE + _id(proposal_id))
    if value is None:
        raise RuleError("proposal_closed", f"proposal {proposal_id}", proposal_id=proposal_id)
    return Course(*_NUMBERS.unpack(value))


def set_course(store: KV, proposal_id: int, course: Course) -> None:
    """Write the heights of a proposal, which makes it open."""
    store.set(_COURSE + _id(proposal_id), _NUMBERS.pack(*astuple(course)))


def close(store: KV, proposal_id: int) -> None:
    """No more deposits, no more votes."""
    store.delete(_COURSE + _id(proposal_id))


def scan_open(store: Reader) -> Iterator[tuple[int, Course]]:
    """The proposals that take deposits or votes, oldest first."""
    for key, value in store.scan(_COURSE):
        yield int.from_bytes(key[len(_COURSE) :], "big"), Course(*_NUMBERS.unpack(value))


def find_oldest_table(store: Reader, epoch: int) -> int:
    """The oldest epoch before `epoch` whose table a running vote needs; `epoch` where none does."""
    return min([epoch, *(course.table_epoch for _, course in scan_open(store) if course.voting_height)])


def get_deposit(store: Reader, proposal_id: int, depositor: bytes) -> Deposit | None:
    """What one account has deposited."""
    value = store.get(_DEPOSIT + _id(proposal_id) + depositor)
    return None if value is None else Deposit.FromString(value)


def set_deposit(store: KV, proposal_id: int, depositor: bytes, deposit: Deposit) -> None:
    """Write what one account has deposited."""
    store.set(_DEPOSIT + _id(proposal_id) + depositor, deposit.SerializeToString(deterministic=True))


def scan_deposits(store: Reader, proposal_id: int) -> Iterator[tuple[bytes, Deposit]]:
    """The deposits held for a proposal, by depositor."""
    prefix = _DEPOSIT + _id(proposal_id)
    for key, value in store.scan(prefix):
        yield key[len(prefix) :], Deposit.FromString(value)


def delete_deposit(store: KV, proposal_id: int, depositor: bytes) -> None:
    """Forget a deposit that was given back or burned."""
    store.delete(_DEPOSIT + _id(proposal_id) + depositor)


def vote_key(proposal_id: int, voter: bytes) -> bytes:
    """Where the state keeps one account's vote."""
    return _VOTE + _id(proposal_id) + voter


def get_vote(store: Reader, proposal_id: int, voter: bytes) -> Vote | None:
    """One account's vote; votes stay readable when a proposal has ended."""
    value = store.get(vote_key(proposal_id, voter))
    return None if value is None else Vote.FromString(value)


def set_vote(store: KV, proposal_id: int, voter: bytes, vote: Vote) -> None:
    """Write a vote in place of the voter's earlier one."""
    store.set(vote_key(proposal_id, voter), vote.SerializeToString(deterministic=True))


def scan_votes(store: Reader, proposal_id: int) -> Iterator[tuple[bytes, Vote]]:
    """The votes on a proposal, by voter."""
    prefix = _VOTE + _id(proposal_id)
    for key, value in store.scan(prefix):
        yield key[len(prefix) :], Vote.FromString(value)


def ballot_key(proposal_id: int, voter: bytes) -> bytes:
    """Where the state keeps the units that one account's vote was counted with."""
    return _BALLOT + _id(proposal_id) + voter


def get_ballot(store: Reader, proposal_id: int, voter: bytes) -> int | None:
    """The units that one account's vote was counted with, None before the vote has ended and without a vote."""
    value = store.get(ballot_key(proposal_id, voter))
    return None if value is None else int.from_bytes(value, "big")


def set_ballot(store: KV, proposal_id: int, voter: bytes, units: int) -> None:
    """Write what one account's vote was counted with."""
    store.set(ballot_key(proposal_id, voter), units.to_bytes(8, "big"))


def _id(proposal_id: int) -> bytes:
    return proposal_id.to_bytes(8, "big")
