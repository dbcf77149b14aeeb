"""Headers, commits and validators in the JSON of CometBFT's RPC, and back.

Hashes and consensus addresses are hexadecimal capitals, other bytes base64, 64-bit integers texts, times RFC 3339.

Source: CometBFT 0.38, RPC and its JSON encoding.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from google.protobuf.timestamp_pb2 import Timestamp

import wire  # noqa: F401  # puts the Cosmos messages on the path

from tendermint.crypto.keys_pb2 import PublicKey
from tendermint.types.types_pb2 import BlockID, Commit, CommitSig, Header, PartSetHeader, SignedHeader
from tendermint.types.validator_pb2 import Validator, ValidatorSet
from tendermint.version.types_pb2 import Consensus

Json: TypeAlias = dict[str, Any]

ED25519: Final = "tendermint/PubKeyEd25519"
NO_TIME: Final = "0001-01-01T00:00:00Z"
"""How CometBFT writes that there is no time."""
_HASHES: Final = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
    "proposer_address",
)
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")
_ABSENT: Final = 1


def write_hex(value: bytes) -> str:
    """Hexadecimal capitals."""
    return value.hex().upper()


def write_base64(value: bytes) -> str:
    """Base64, with its padding."""
    return b64encode(value).decode()


def write_time(time: Timestamp) -> str:
    """RFC 3339 with as many decimals as needed."""
    whole, decimals = time.ToJsonString()[:19], f"{time.nanos:09d}".rstrip("0")
    return f"{whole}.{decimals}Z" if decimals else f"{whole}Z"


def read_time(text: str) -> Timestamp:
    """The time in a text of RFC 3339, to the nanosecond; ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no time")
    time = Timestamp()
    if text != NO_TIME:
        time.FromJsonString(f"{match[1]}Z")
        time.nanos = int((match[2] or "").ljust(9, "0"))
    return time


def write_id(block_id: BlockID) -> Json:
    """The id of a block."""
    parts = block_id.part_set_header
    return {"hash": write_hex(block_id.hash), "parts": {"total": parts.total, "hash": write_hex(parts.hash)}}


def read_id(value: Json) -> BlockID:
    """The id of a block; the errors of `read_signed_header`."""
    parts = PartSetHeader(total=value["parts"]["total"], hash=bytes.fromhex(value["parts"]["hash"]))
    return BlockID(hash=bytes.fromhex(value["hash"]), part_set_header=parts)


def write_header(header: Header) -> Json:
    """A header."""
    version = {"block": str(header.version.block)}
    if header.version.app:
        version["app"] = str(header.version.app)
    return {
        "version": version,
        "chain_id": header.chain_id,
        "height": str(header.height),
        "time": write_time(header.time),
        "last_block_id": write_id(header.last_block_id),
        **{name: write_hex(getattr(header, name)) for name in _HASHES},
    }


def write_commit(commit: Commit) -> Json:
    """A commit."""
    return {
        "height": str(commit.height),
        "round": commit.round,
        "block_id": write_id(commit.block_id),
        "signatures": [_write_signature(signature) for signature in commit.signatures],
    }


def _write_signature(signature: CommitSig) -> Json:
    absent = signature.block_id_flag == _ABSENT
    return {
        "block_id_flag": signature.block_id_flag,
        "validator_address": write_hex(signature.validator_address),
        "timestamp": NO_TIME if absent else write_time(signature.timestamp),
        "signature": write_base64(signature.signature) if signature.signature else None,
    }


def read_signed_header(value: Json) -> SignedHeader:
    """A header with its commit, as the method `commit` gives it.

    KeyError, TypeError, ValueError or AttributeError for anything else.
    """
    return SignedHeader(header=_read_header(value["header"]), commit=_read_commit(value["commit"]))


def _read_header(value: Json) -> Header:
    version = value["version"]
    return Header(
        version=Consensus(block=int(version["block"]), app=int(version.get("app", 0))),
        chain_id=value["chain_id"],
        height=int(value["height"]),
        time=read_time(value["time"]),
        last_block_id=read_id(value["last_block_id"]),
        **{name: bytes.fromhex(value[name]) for name in _HASHES},
    )


def _read_commit(value: Json) -> Commit:
    return Commit(
        height=int(value["height"]),
        round=value["round"],
        block_id=read_id(value["block_id"]),
        signatures=[
            CommitSig(
                block_id_flag=one["block_id_flag"],
                validator_address=bytes.fromhex(one["validator_address"]),
                timestamp=read_time(one["timestamp"]),
                signature=b64decode(one["signature"] or "", validate=True),
            )
            for one in value["signatures"]
        ],
    )


def write_validators(validators: Iterable[Validator]) -> list[Json]:
    """Validators in their order."""
    return [
        {
            "address": write_hex(one.address),
            "pub_key": {"type": ED25519, "value": write_base64(one.pub_key.ed25519)},
            "voting_power": str(one.voting_power),
            "proposer_priority": str(one.proposer_priority),
        }
        for one in validators
    ]


def read_validators(values: Iterable[Json]) -> ValidatorSet:
    """A validator set in its order; the errors of `read_signed_header`."""
    return ValidatorSet(
        validators=[
            Validator(
                address=bytes.fromhex(one["address"]),
                pub_key=PublicKey(ed25519=b64decode(one["pub_key"]["value"], validate=True)),
                voting_power=int(one["voting_power"]),
            )
            for one in values
        ]
    )
