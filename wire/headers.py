"""Blocks as CometBFT hashes and signs them: headers, commits, validator sets, and the bytes of a vote.

Every hash is the root of a Merkle tree over SHA-256: leaves SHA-256(0x00 || leaf), nodes SHA-256(0x01 || left ||
right), split at the greatest power of two below the number of leaves; of no leaves, SHA-256 of nothing.

Source: CometBFT 0.38, specification of its data structures and encoding; RFC 6962, 2.1.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value, StringValue

import wire  # noqa: F401  # puts the Cosmos messages on the path

from tendermint.abci.types_pb2 import ExecTxResult
from tendermint.types.block_pb2 import Block
from tendermint.types.types_pb2 import BlockID, Commit, CommitSig, Header, PartSetHeader
from tendermint.types.validator_pb2 import SimpleValidator, Validator

BLOCK_PROTOCOL: Final = 11
ADDRESS_BYTES: Final = 20
EMPTY_ROOT: Final = sha256(b"").digest()
"""The hash of no transactions, no results, no evidence, no signatures."""
_PART_BYTES: Final = 65536
_PRECOMMIT: Final = 2


def compute_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle root of some leaves, 32 bytes."""
    if not leaves:
        return EMPTY_ROOT
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        level = _climb(level)
    return level[0]


def prove_leaf(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from a leaf to the root of some, beginning with its sibling's."""
    level, beside = [sha256(b"\x00" + leaf).digest() for leaf in leaves], []
    while len(level) > 1:
        if index ^ 1 < len(level):
            beside.append(level[index ^ 1])
        level, index = _climb(level), index >> 1
    return beside


def _climb(level: list[bytes]) -> list[bytes]:
    """One level up: pairs from the left, the odd one as it is, make the same tree as the split from the top."""
    paired = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
    return paired + level[len(paired) * 2 :]


def hash_header(header: Header) -> bytes:
    """The hash of a block."""
    fields = [
        header.version,
        StringValue(value=header.chain_id),
        Int64Value(value=header.height),
        header.time,
        complete_id(header.last_block_id),
        *(
            BytesValue(value=value)
            for value in (
                header.last_commit_hash,
                header.data_hash,
                header.validators_hash,
                header.next_validators_hash,
                header.consensus_hash,
                header.app_hash,
                header.last_results_hash,
                header.evidence_hash,
                header.proposer_address,
            )
        ),
    ]
    return compute_root([_encode(field) for field in fields])


def hash_commit(commit: Commit) -> bytes:
    """The hash of the signatures in a commit."""
    return compute_root([_encode(_with_time(signature)) for signature in commit.signatures])


def hash_validators(validators: Iterable[Validator]) -> bytes:
    """The hash of a validator set in its order."""
    return compute_root(
        [_encode(SimpleValidator(pub_key=one.pub_key, voting_power=one.voting_power)) for one in validators]
    )


def hash_txs(txs: Iterable[bytes]) -> bytes:
    """The hash of a block's transactions."""
    return compute_root([sha256(tx).digest() for tx in txs])


def hash_results(results: Iterable[ExecTxResult]) -> bytes:
    """The hash of what a block's transactions came to: of what every node must find alike."""
    return compute_root(
        [
            _encode(ExecTxResult(code=one.code, data=one.data, gas_wanted=one.gas_wanted, gas_used=one.gas_used))
            for one in results
        ]
    )


def hash_consensus(max_bytes: int, max_gas: int) -> bytes:
    """The hash of the bounds of a block, -1 for none."""
    bounds = _varint_field(1, max_bytes) + _varint_field(2, max_gas)
    return sha256(bounds).digest()


def describe_parts(block: Block) -> PartSetHeader:
    """The parts of 64 KiB that a block travels in: how many, and their hash."""
    whole = _encode(complete_block(block))
    parts = [whole[start : start + _PART_BYTES] for start in range(0, len(whole), _PART_BYTES)]
    return PartSetHeader(total=len(parts), hash=compute_root(parts))


def encode_vote(chain_id: str, commit: Commit, time: Timestamp) -> bytes:
    """What a validator signs when it votes for the block of `commit` at `time`: a precommit, in its canonical form."""
    parts = commit.block_id.part_set_header
    canonical_parts = _varint_field(1, parts.total) + _bytes_field(2, parts.hash)
    canonical_id = _bytes_field(1, commit.block_id.hash) + _message_field(2, canonical_parts)
    vote = b"".join(
        [
            _varint_field(1, _PRECOMMIT),
            _fixed_field(2, commit.height),
            _fixed_field(3, commit.round),
            _message_field(4, canonical_id),
            _message_field(5, _encode(time)),
            _bytes_field(6, chain_id.encode()),
        ]
    )
    return _varint(len(vote)) + vote


def address_of(public_key: bytes) -> bytes:
    """The consensus address of an ed25519 key: the first 20 bytes of its SHA-256."""
    return sha256(public_key).digest()[:ADDRESS_BYTES]


def complete_id(block_id: BlockID) -> BlockID:
    """The same, its parts written even where there are none, as CometBFT does."""
    complete = BlockID(hash=block_id.hash)
    complete.part_set_header.SetInParent()
    complete.part_set_header.CopyFrom(block_id.part_set_header)
    return complete


def complete_block(block: Block) -> Block:
    """The same, with every part written that CometBFT writes, empty or not."""
    complete = Block()
    complete.CopyFrom(block)
    for part in (complete.data, complete.evidence, complete.last_commit, complete.header.version, complete.header.time):
        part.SetInParent()
    complete.header.last_block_id.CopyFrom(complete_id(block.header.last_block_id))
    complete.last_commit.block_id.CopyFrom(complete_id(block.last_commit.block_id))
    for signature in complete.last_commit.signatures:
        signature.timestamp.SetInParent()
    return complete


def _with_time(signature: CommitSig) -> CommitSig:
    complete = CommitSig()
    complete.CopyFrom(signature)
    complete.timestamp.SetInParent()
    return complete


def _encode(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _varint(value: int) -> bytes:
    """An integer of protobuf; a negative one has the ten bytes of its 64-bit form."""
    value &= 2**64 - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _fixed_field(number: int, value: int) -> bytes:
    return _varint(number << 3 | 1) + value.to_bytes(8, "little", signed=True) if value else b""


def _bytes_field(number: int, value: bytes) -> bytes:
    return _message_field(number, value) if value else b""


def _message_field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value
