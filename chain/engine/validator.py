"""The one validator of the local engine: its headers are CometBFT's, and its key signs every block.

Source: CometBFT 0.38, specification of blocks; its priv_validator_key.json.
"""

import json
from base64 import b64decode
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.timestamp_pb2 import Timestamp

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.engine.application import Block, BlockResult
from chain.engine.blocklog import result_to_message
from chain.engine.errors import EngineError
from wire.headers import (
    BLOCK_PROTOCOL,
    EMPTY_ROOT,
    address_of,
    describe_parts,
    encode_vote,
    hash_commit,
    hash_consensus,
    hash_header,
    hash_results,
    hash_txs,
    hash_validators,
)

from tendermint.crypto.keys_pb2 import PublicKey
from tendermint.types.block_pb2 import Block as BlockMessage
from tendermint.types.types_pb2 import BlockID, Commit, CommitSig, Data, Header, SignedHeader
from tendermint.types.validator_pb2 import Validator as ValidatorMessage
from tendermint.version.types_pb2 import Consensus

POWER: Final = 1
UNBOUNDED: Final = -1
"""What the headers say of a block's bytes and gas: our parameters bound them, as with CometBFT."""
_VOTED: Final = 2
_SECOND_NS: Final = 10**9


class Validator:
    """A consensus key and the set that consists of it alone."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()
        self.address = address_of(self.public_key)
        self.set = (
            ValidatorMessage(address=self.address, pub_key=PublicKey(ed25519=self.public_key), voting_power=POWER),
        )
        self.set_hash = hash_validators(self.set)

    @classmethod
    def from_seed(cls, seed: bytes) -> "Validator":
        """The validator of a secret of 32 bytes."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def read(cls, path: Path) -> "Validator":
        """The validator of a priv_validator_key.json.  EngineError consensus_key_unreadable."""
        try:
            return cls.from_seed(b64decode(json.loads(path.read_text())["priv_key"]["value"], validate=True)[:32])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError("consensus_key_unreadable", f"{path}: {type(error).__name__}") from error

    def build_header(
        self,
        block: Block,
        *,
        chain_id: str,
        app_hash: bytes,
        last: SignedHeader | None,
        last_result: BlockResult | None,
    ) -> Header:
        """The header of a block whose hash is to come; `app_hash` is the one before it, `last` the header before."""
        results = result_to_message(last_result).tx_results if last_result else ()
        header = Header(
            version=Consensus(block=BLOCK_PROTOCOL),
            chain_id=chain_id,
            height=block.height,
            time=_timestamp(block.time_ns),
            last_block_id=last.commit.block_id if last else None,
            last_commit_hash=hash_commit(last.commit) if last else EMPTY_ROOT,
            data_hash=hash_txs(block.txs),
            validators_hash=self.set_hash,
            next_validators_hash=self.set_hash,
            consensus_hash=hash_consensus(UNBOUNDED, UNBOUNDED),
            app_hash=app_hash,
            last_results_hash=hash_results(results),
            evidence_hash=EMPTY_ROOT,
            proposer_address=self.address,
        )
        header.last_block_id.part_set_header.SetInParent()
        return header

    def sign(self, header: Header, *, txs: tuple[bytes, ...], last: SignedHeader | None) -> SignedHeader:
        """The header with the commit for its block, signed at the block's own time."""
        block = BlockMessage(header=header, data=Data(txs=txs), last_commit=last.commit if last else None)
        block_id = BlockID(hash=hash_header(header), part_set_header=describe_parts(block))
        commit = Commit(height=header.height, block_id=block_id)
        signature = self._key.sign(encode_vote(header.chain_id, commit, header.time))
        commit.signatures.append(
            CommitSig(block_id_flag=_VOTED, validator_address=self.address, timestamp=header.time, signature=signature)
        )
        return SignedHeader(header=header, commit=commit)


NOBODY: Final = Validator.from_seed(bytes(32))
"""A key that everybody knows, for blocks that nobody is asked to believe: a replay's."""


def _timestamp(time_ns: int) -> Timestamp:
    seconds, nanos = divmod(time_ns, _SECOND_NS)
    return Timestamp(seconds=seconds, nanos=nanos)
