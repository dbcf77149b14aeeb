"""The block log: every block with its results, kept beside the state under the engine's records.

    genesis                    the genesis file's bytes, with the first block
    block/ BE64(height)        RequestFinalizeBlock of CometBFT's ABCI 2.0
    result/ BE64(height)       ResponseFinalizeBlock
    tx/ SHA-256(tx)            BE64(height) || BE32(index) of the transaction, the latest where it was taken again
    floor                      BE64(height) || hash of the newest block that the log no longer has, or never had

Blocks are numbered without a gap from the one above the floor, which is at 0 where the log is whole.  Each names the
hash of the one before; the first, SHA-256 of the genesis.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from google.protobuf.timestamp_pb2 import Timestamp

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.application import Block, BlockResult, Event, Misbehavior, TxResult, ValidatorUpdate, Vote
from chain.engine.results import encode_result, encode_tx_result
from chain.store.kv import Reader

from tendermint.abci import types_pb2 as abci
from tendermint.types.validator_pb2 import BlockIDFlag

GENESIS_KEY = b"genesis"
FLOOR_KEY = b"floor"

_BLOCK = b"block/"
_RESULT = b"result/"
_TX = b"tx/"
_SECOND_NS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBlock:
    """A block and what it came to.  `encoded` is the result's record where it was made already, b"" where not."""

    block: Block
    result: BlockResult
    encoded: bytes = field(default=b"", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The newest height below the log, 0 where it is whole, and the hash that the first block of the log follows."""

    height: int
    block_hash: bytes

    def encode(self) -> bytes:
        """The record."""
        return _be64(self.height) + self.block_hash


def read_floor(records: Reader) -> Floor:
    """What the log stands on."""
    known = records.get(FLOOR_KEY)
    if known is None:
        return Floor(height=0, block_hash=sha256(records.get(GENESIS_KEY) or b"").digest())
    return Floor(height=int.from_bytes(known[:8], "big"), block_hash=known[8:])


def encode_block(logged: LoggedBlock) -> dict[bytes, bytes]:
    """The records of one block."""
    block = logged.block
    records = {
        _BLOCK + _be64(block.height): block_to_message(block).SerializeToString(),
        _RESULT + _be64(block.height): logged.encoded or encode_result(logged.result),
    }
    for index, tx in enumerate(block.txs):
        records[_TX + sha256(tx).digest()] = _be64(block.height) + index.to_bytes(4, "big")
    return records


def read_block(records: Reader, height: int) -> LoggedBlock | None:
    """The block of a height, None where the log has none."""
    block, result = records.get(_BLOCK + _be64(height)), records.get(_RESULT + _be64(height))
    if block is None or result is None:
        return None
    last_hash = _last_hash(records, height)
    if last_hash is None:
        return None
    return LoggedBlock(
        block=block_of_message(abci.RequestFinalizeBlock.FromString(block), last_hash),
        result=result_of_message(abci.ResponseFinalizeBlock.FromString(result)),
    )


def forget_block(records: Reader, logged: LoggedBlock) -> dict[bytes, bytes | None]:
    """The records that change when the lowest block of the log is forgotten: it becomes the floor."""
    height = logged.block.height
    changes: dict[bytes, bytes | None] = {
        FLOOR_KEY: Floor(height=height, block_hash=logged.block.hash).encode(),
        _BLOCK + _be64(height): None,
        _RESULT + _be64(height): None,
    }
    for tx in logged.block.txs:
        tx_hash = sha256(tx).digest()
        place = find_tx(records, tx_hash)
        if place is not None and place[0] == height:
            changes[_TX + tx_hash] = None
    return changes


def scan_blocks(records: Reader, first: int = 1) -> Iterator[LoggedBlock]:
    """The blocks from height `first` (at least 1), or the lowest that the log has, to the end, in order."""
    height = max(first, read_floor(records).height + 1)
    while (logged := read_block(records, height)) is not None:
        yield logged
        height += 1


def find_tx(records: Reader, tx_hash: bytes) -> tuple[int, int] | None:
    """Height and index of the transaction with this SHA-256, None where no block has it."""
    place = records.get(_TX + tx_hash)
    return None if place is None else (int.from_bytes(place[:8], "big"), int.from_bytes(place[8:], "big"))


def block_to_message(block: Block) -> abci.RequestFinalizeBlock:
    """The block as CometBFT would send it; `last_hash` is not part of it."""
    seconds, nanos = divmod(block.time_ns, _SECOND_NS)
    return abci.RequestFinalizeBlock(
        txs=block.txs,
        hash=block.hash,
        height=block.height,
        time=Timestamp(seconds=seconds, nanos=nanos),
        proposer_address=block.proposer,
        decided_last_commit=abci.CommitInfo(votes=[_vote_to_message(vote) for vote in block.votes]),
        misbehavior=[
            abci.Misbehavior(validator=abci.Validator(address=one.validator), height=one.height)
            for one in block.misbehavior
        ],
    )


def _vote_to_message(vote: Vote) -> abci.VoteInfo:
    flag = BlockIDFlag.BLOCK_ID_FLAG_COMMIT if vote.signed else BlockIDFlag.BLOCK_ID_FLAG_ABSENT
    return abci.VoteInfo(validator=abci.Validator(address=vote.validator), block_id_flag=flag)


def block_of_message(message: abci.RequestFinalizeBlock, last_hash: bytes) -> Block:
    """The block in a message, with the hash of the block before."""
    return Block(
        height=message.height,
        time_ns=time_of_message(message.time),
        hash=message.hash,
        last_hash=last_hash,
        proposer=message.proposer_address,
        txs=tuple(message.txs),
        votes=votes_of_messages(message.decided_last_commit.votes),
        misbehavior=misbehavior_of_messages(message.misbehavior),
    )


def votes_of_messages(votes: Iterable[abci.VoteInfo | abci.ExtendedVoteInfo]) -> tuple[Vote, ...]:
    """Who voted for the block before, for nil too, and who did not."""
    absent = BlockIDFlag.BLOCK_ID_FLAG_ABSENT
    return tuple([Vote(validator=vote.validator.address, signed=vote.block_id_flag != absent) for vote in votes])


def misbehavior_of_messages(evidence: Iterable[abci.Misbehavior]) -> tuple[Misbehavior, ...]:
    """Who signed two blocks of one height, whether it was found in votes or in an attack on a light client."""
    return tuple([Misbehavior(validator=one.validator.address, height=one.height) for one in evidence])


def time_of_message(time: Timestamp) -> int:
    """Unix time in nanoseconds."""
    return int(time.seconds * _SECOND_NS + time.nanos)


def result_to_message(result: BlockResult) -> abci.ResponseFinalizeBlock:
    """What a block came to, as CometBFT takes it."""
    return abci.ResponseFinalizeBlock.FromString(encode_result(result))


def result_of_message(message: abci.ResponseFinalizeBlock) -> BlockResult:
    """The inverse of `result_to_message`."""
    return BlockResult(
        tx_results=tuple(_tx_result_of_message(tx_result) for tx_result in message.tx_results),
        events=_events_of_messages(message.events),
        app_hash=message.app_hash,
        validator_updates=tuple(
            ValidatorUpdate(public_key=update.pub_key.ed25519, power=update.power)
            for update in message.validator_updates
        ),
    )


def tx_result_to_message(result: TxResult) -> abci.ExecTxResult:
    """What became of a transaction, as CometBFT takes it."""
    return abci.ExecTxResult.FromString(encode_tx_result(result))


def _tx_result_of_message(message: abci.ExecTxResult) -> TxResult:
    return TxResult(
        code=message.code,
        codespace=message.codespace,
        log=message.log,
        data=message.data,
        gas_wanted=message.gas_wanted,
        gas_used=message.gas_used,
        events=_events_of_messages(message.events),
    )


def _events_of_messages(messages: list[abci.Event]) -> tuple[Event, ...]:
    return tuple(
        Event(
            type=message.type,
            attributes=tuple((attribute.key, attribute.value) for attribute in message.attributes),
        )
        for message in messages
    )


def _last_hash(records: Reader, height: int) -> bytes | None:
    """The hash of the block before `height`; None where neither the log nor its floor knows it."""
    floor = read_floor(records)
    if floor.height == height - 1:
        return floor.block_hash
    before = records.get(_BLOCK + _be64(height - 1))
    return None if before is None else bytes(abci.RequestFinalizeBlock.FromString(before).hash)


def _be64(value: int) -> bytes:
    return value.to_bytes(8, "big")
