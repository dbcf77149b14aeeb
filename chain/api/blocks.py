"""Blocks and validators as cosmos.base.tendermint.v1beta1 shows them."""

from hashlib import sha256
from typing import Any

from google.protobuf.message import Message

from chain.api.node import BLOCK_PROTOCOL, timestamp_of
from chain.engine.blocklog import LoggedBlock, read_block
from chain.engine.headerlog import read_signed_header
from chain.modules.pagination import paginate
from chain.modules.query import Query, Snapshot
from chain.modules.stake.state import get_validators
from rules.addresses import ADDRESS_BYTES, PREFIX, encode_bech32
from rules.errors import RuleError

from cosmos.base.tendermint.v1beta1 import query_pb2 as pb
from cosmos.base.tendermint.v1beta1.types_pb2 import Block as SdkBlock
from cosmos.base.tendermint.v1beta1.types_pb2 import Header as SdkHeader
from cosmos.crypto.ed25519.keys_pb2 import PubKey
from tendermint.types.block_pb2 import Block
from tendermint.types.types_pb2 import BlockID, Data, Header
from tendermint.version.types_pb2 import Consensus


def get_latest(snapshot: Snapshot, _request: pb.GetLatestBlockRequest) -> pb.GetLatestBlockResponse:
    """The block of the snapshot's height."""
    logged, block = find_block(snapshot, snapshot.height)
    return pb.GetLatestBlockResponse(block_id=find_id(snapshot, logged), block=block, sdk_block=_sdk_block(block))


def get_by_height(snapshot: Snapshot, request: pb.GetBlockByHeightRequest) -> pb.GetBlockByHeightResponse:
    """The block of any height.  RuleError not_found."""
    logged, block = find_block(snapshot, request.height)
    return pb.GetBlockByHeightResponse(block_id=find_id(snapshot, logged), block=block, sdk_block=_sdk_block(block))


def get_validator_set(snapshot: Snapshot, request: pb.GetLatestValidatorSetRequest) -> pb.GetLatestValidatorSetResponse:
    """The validators and their consensus power, the greatest first."""
    powers = sorted(get_validators(snapshot.store).items(), key=lambda pair: (-pair[1], pair[0]))
    found, page = paginate(powers, request.pagination)
    return pb.GetLatestValidatorSetResponse(
        block_height=snapshot.height, validators=[_validator(*pair) for pair in found], pagination=page
    )


def find_block(snapshot: Snapshot, height: int) -> tuple[LoggedBlock, Block]:
    """The block of a height, as logged and as CometBFT's message.  RuleError not_found.

    Under CometBFT, which keeps its headers itself, the header holds what the log knows of it.
    """
    logged = read_block(snapshot.records, height) if 1 <= height <= snapshot.height else None
    if logged is None:
        raise RuleError("not_found", f"block {height} not found, the last is {snapshot.height}", height=height)
    data = Data(txs=logged.block.txs)
    signed = read_signed_header(snapshot.records, height)
    if signed is not None:
        last = read_signed_header(snapshot.records, height - 1)
        return logged, Block(header=signed.header, data=data, last_commit=last.commit if last else None)
    before = read_block(snapshot.records, height - 1) if height > 1 else None
    header = Header(
        version=Consensus(block=BLOCK_PROTOCOL),
        chain_id=snapshot.chain_id,
        height=height,
        time=timestamp_of(logged.block.time_ns),
        last_block_id=BlockID(hash=logged.block.last_hash) if before else None,
        app_hash=before.result.app_hash if before else b"",
        proposer_address=logged.block.proposer,
    )
    return logged, Block(header=header, data=data)


def find_id(snapshot: Snapshot, logged: LoggedBlock) -> BlockID:
    """The id of a block; under CometBFT its hash alone."""
    signed = read_signed_header(snapshot.records, logged.block.height)
    return signed.commit.block_id if signed else BlockID(hash=logged.block.hash)


def encode_consensus_address(address: bytes) -> str:
    """A consensus address of 20 bytes as wallets write it; "" for none."""
    return encode_bech32(f"{PREFIX}valcons", address) if address else ""


def _sdk_block(block: Block) -> SdkBlock:
    header = SdkHeader(proposer_address=encode_consensus_address(block.header.proposer_address))
    for field, value in block.header.ListFields():
        if field.name != "proposer_address":
            _set(header, field.name, value)
    return SdkBlock(header=header, data=block.data, last_commit=block.last_commit if block.last_commit.height else None)


def _set(message: Message, name: str, value: Any) -> None:
    if isinstance(value, Message):
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)


def _validator(public_key: bytes, power: int) -> pb.Validator:
    address = sha256(public_key).digest()[:ADDRESS_BYTES]
    validator = pb.Validator(address=encode_consensus_address(address), voting_power=power)
    validator.pub_key.Pack(PubKey(key=public_key), type_url_prefix="/")
    return validator


QUERIES = (
    Query("cosmos.base.tendermint.v1beta1.Service.GetLatestBlock", get_latest),
    Query("cosmos.base.tendermint.v1beta1.Service.GetBlockByHeight", get_by_height),
    Query("cosmos.base.tendermint.v1beta1.Service.GetLatestValidatorSet", get_validator_set),
)
