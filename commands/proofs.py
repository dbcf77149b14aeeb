"""Proof files: pairs of the state with their ICS-23 proofs, and the signed headers that lead to them.

    {"format": "gonka/proof/1", "chain_id": ..., "height": of the state,
     "pairs": [{"key": hex, "value": base64, "proof": base64 of ics23.CommitmentProof}],
     "blocks": [{"signed_header": .., "validators": .., "next_validators": ..}]}    protobuf of tendermint.types, base64

The app hash of the state at height h stands in the header of block h + 1, the last of the blocks.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from chain_client.errors import PermanentError
from commands.output import Json

if TYPE_CHECKING:
    from chain_client.light import LightBlock, Trust
    from chain_client.rpc import RpcNode

FORMAT: Final = "gonka/proof/1"
MAX_FILE_BYTES: Final = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What the state holds under a key, b"" for nothing, and the ICS-23 proof of it."""

    key: bytes
    value: bytes
    proof: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofFile:
    """The pairs of one height, and the blocks that carry trust from the first of them to its header."""

    chain_id: str
    height: int
    pairs: tuple[Pair, ...]
    blocks: tuple[LightBlock, ...]


async def collect_proof(node: RpcNode, keys: Sequence[bytes], trust_height: int) -> ProofFile:
    """The proof of what the state holds under some keys now, for who trusts the block at `trust_height` (0: the first).

    Raises: PermanentError `height_not_kept`, `header_untrusted`, `node_refused`, `node_unreadable`; TransientError.
    """
    from chain_client.light import plan_path

    pairs: list[Pair] = []
    height = 0
    for key in keys:
        height, value, proof = await node.read_pair(key, height)
        pairs.append(Pair(key=key, value=value, proof=proof))
    await node.wait_for(height + 1)
    first = trust_height or (await node.read_heights())[0]
    blocks = await plan_path(node.read_block, min(first, height + 1), height + 1)
    return ProofFile(chain_id=blocks[0].header.chain_id, height=height, pairs=tuple(pairs), blocks=blocks)


def verify_proof(proof: ProofFile, trust: Trust) -> list[Json]:
    """What the file says, once all of it follows from what is trusted.

    Raises: PermanentError as `verify_path`, and `proof_unreadable` where its parts are of different chains or heights;
    StoreError `proof_invalid`.
    """
    from chain.statements import describe_pair
    from chain.store.proofs import check_absence, check_presence
    from chain_client.light import verify_path

    header = verify_path(proof.blocks, trust).header
    if header.height != proof.height + 1 or header.chain_id != proof.chain_id:
        detail = f"its last header is {header.height} of {header.chain_id[:80]}, its state {proof.height}"
        raise PermanentError("proof_unreadable", detail)
    for pair in proof.pairs:
        if pair.value:
            check_presence(pair.proof, app_hash=header.app_hash, key=pair.key, value=pair.value)
        else:
            check_absence(pair.proof, app_hash=header.app_hash, key=pair.key)
    return [describe_pair(pair.key, pair.value) for pair in proof.pairs]


def encode_proof(proof: ProofFile) -> bytes:
    """The file's bytes."""
    document = {
        "format": FORMAT,
        "chain_id": proof.chain_id,
        "height": proof.height,
        "pairs": [
            {"key": pair.key.hex(), "value": _encode(pair.value), "proof": _encode(pair.proof)} for pair in proof.pairs
        ],
        "blocks": [
            {
                "signed_header": _encode(block.signed.SerializeToString(deterministic=True)),
                "validators": _encode(block.validators.SerializeToString(deterministic=True)),
                "next_validators": _encode(block.next_validators.SerializeToString(deterministic=True)),
            }
            for block in proof.blocks
        ],
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def read_proof(content: bytes) -> ProofFile:
    """The proof in a file's bytes.  Raises: PermanentError `proof_unreadable`."""
    from google.protobuf.message import DecodeError

    if len(content) > MAX_FILE_BYTES:
        raise PermanentError("proof_unreadable", f"{len(content)} bytes, at most {MAX_FILE_BYTES}")
    try:
        value = json.loads(content)
        if value["format"] != FORMAT:
            raise PermanentError("proof_unreadable", f"its format is {str(value['format'])[:40]!r}, not {FORMAT!r}")
        return ProofFile(
            chain_id=str(value["chain_id"]),
            height=int(value["height"]),
            pairs=tuple(_read_pair(pair) for pair in value["pairs"]),
            blocks=tuple(_read_block(block) for block in value["blocks"]),
        )
    except (KeyError, TypeError, ValueError, RecursionError, DecodeError) as error:
        raise PermanentError("proof_unreadable", f"{type(error).__name__}: {str(error)[:200]}") from error


def _read_pair(value: Any) -> Pair:
    return Pair(key=bytes.fromhex(value["key"]), value=_decode(value["value"]), proof=_decode(value["proof"]))


def _read_block(value: Any) -> LightBlock:
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from chain_client.light import LightBlock

    from tendermint.types.types_pb2 import SignedHeader
    from tendermint.types.validator_pb2 import ValidatorSet

    return LightBlock(
        signed=SignedHeader.FromString(_decode(value["signed_header"])),
        validators=ValidatorSet.FromString(_decode(value["validators"])),
        next_validators=ValidatorSet.FromString(_decode(value["next_validators"])),
    )


def _encode(value: bytes) -> str:
    return b64encode(value).decode()


def _decode(text: str) -> bytes:
    return b64decode(text, validate=True)
