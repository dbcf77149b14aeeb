"""The headers that the local engine signed, beside its block log, so that others can check what they read of it.

header/ BE64(height)       tendermint.types.SignedHeader: the block's header, and the commit that signs it
"""

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.blocklog import LoggedBlock
from chain.store.kv import Reader

from tendermint.types.types_pb2 import SignedHeader

_HEADER = b"header/"
_HEIGHT = b"height/"


def encode_signed_header(signed: SignedHeader) -> dict[bytes, bytes]:
    """The records of one header."""
    height = signed.header.height
    return {
        _key(height): signed.SerializeToString(deterministic=True),
        _HEIGHT + signed.commit.block_id.hash: height.to_bytes(8, "big"),
    }


def read_signed_header(records: Reader, height: int) -> SignedHeader | None:
    """The header of a height with its commit, None where the local engine did not sign one or it is forgotten."""
    value = records.get(_key(height))
    return None if value is None else SignedHeader.FromString(value)


def find_height(records: Reader, block_hash: bytes) -> int | None:
    """The height of the block with this hash, None where there is no such header."""
    value = records.get(_HEIGHT + block_hash)
    return None if value is None else int.from_bytes(value, "big")


def forget_header(logged: LoggedBlock) -> dict[bytes, bytes | None]:
    """The records that go with a block that is forgotten."""
    return {_key(logged.block.height): None, _HEIGHT + logged.block.hash: None}


def is_local(records: Reader, logged: LoggedBlock) -> bool:
    """Whether the local engine made a block; CometBFT keeps the headers of its own."""
    return read_signed_header(records, logged.block.height) is not None


def _key(height: int) -> bytes:
    return _HEADER + height.to_bytes(8, "big")
