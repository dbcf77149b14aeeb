"""What a pair of the state says, read from its key and value alone, for whoever has checked its proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from google.protobuf.message import DecodeError

from chain.modules.bank.state import balance_key
from chain.modules.gov.state import ballot_key, proposal_key, vote_key
from chain.modules.stake.state import TABLE_EPOCH_KEY, table_key
from rules.addresses import ADDRESS_BYTES, encode_address
from rules.types import VoteOption
from wire.gonka.stake.v1.stake_pb2 import TableEntry

from cosmos.gov.v1.gov_pb2 import Proposal, ProposalStatus, Vote

Statement: TypeAlias = dict[str, Any]

_NUMBER: Final = 8
_BALANCE: Final = balance_key(b"")
_TABLE: Final = table_key(0, b"")[:-_NUMBER]
_PROPOSAL: Final = proposal_key(0)[:-_NUMBER]
_VOTE: Final = vote_key(0, b"")[:-_NUMBER]
_BALLOT: Final = ballot_key(0, b"")[:-_NUMBER]


def describe_pair(key: bytes, value: bytes) -> Statement:
    """What the state says under a key; `value` is b"" where it holds nothing there.

    A pair of another kind is told as its bytes, in hex.
    """
    for prefix, length, describe in _KINDS:
        if key.startswith(prefix) and len(key) == len(prefix) + length:
            try:
                return describe(key[len(prefix) :], value)
            except (DecodeError, ValueError):
                break
    return {"kind": "pair", "key": key.hex(), "value": value.hex()}


def _describe_balance(account: bytes, value: bytes) -> Statement:
    return {"kind": "balance", "account": encode_address(account), "ngonka": int.from_bytes(value, "big")}


def _describe_table_epoch(_rest: bytes, value: bytes) -> Statement:
    return {"kind": "table in force", "epoch": int.from_bytes(value, "big")}


def _describe_weight(place: bytes, value: bytes) -> Statement:
    entry = TableEntry.FromString(value)
    return {
        "kind": "weight",
        "host": encode_address(place[_NUMBER:]),
        "table_epoch": _read_number(place),
        "units": entry.units,
        "effective_units": entry.effective_units,
    }


def _describe_proposal(place: bytes, value: bytes) -> Statement:
    if not value:
        return {"kind": "proposal", "proposal": _read_number(place), "status": "unknown"}
    proposal = Proposal.FromString(value)
    tally = proposal.final_tally_result
    return {
        "kind": "proposal",
        "proposal": _read_number(place),
        "title": proposal.title,
        "status": ProposalStatus.Name(proposal.status).removeprefix("PROPOSAL_STATUS_").lower(),
        "tally_units": {
            "yes": int(tally.yes_count or 0),
            "abstain": int(tally.abstain_count or 0),
            "no": int(tally.no_count or 0),
            "no_with_veto": int(tally.no_with_veto_count or 0),
        },
    }


def _describe_vote(place: bytes, value: bytes) -> Statement:
    options = {VoteOption(one.option).name.lower(): one.weight for one in Vote.FromString(value).options}
    return {
        "kind": "vote",
        "proposal": _read_number(place),
        "voter": encode_address(place[_NUMBER:]),
        "options": options or None,
    }


def _describe_ballot(place: bytes, value: bytes) -> Statement:
    return {
        "kind": "ballot",
        "proposal": _read_number(place),
        "voter": encode_address(place[_NUMBER:]),
        "counted_units": int.from_bytes(value, "big") if value else None,
    }


def _read_number(place: bytes) -> int:
    return int.from_bytes(place[:_NUMBER], "big")


_KINDS: Final[tuple[tuple[bytes, int, Callable[[bytes, bytes], Statement]], ...]] = (
    (_BALANCE, ADDRESS_BYTES, _describe_balance),
    (TABLE_EPOCH_KEY, 0, _describe_table_epoch),
    (_TABLE, _NUMBER + ADDRESS_BYTES, _describe_weight),
    (_PROPOSAL, _NUMBER, _describe_proposal),
    (_VOTE, _NUMBER + ADDRESS_BYTES, _describe_vote),
    (_BALLOT, _NUMBER + ADDRESS_BYTES, _describe_ballot),
)
