"""The consensus key: read from CometBFT's file, and proved to belong to a host."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain_client.errors import PermanentError
from rules.addresses import decode_address
from rules.seeds import consensus_key_message
from rules.types import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusKeyProof:
    """An ed25519 public key (32 bytes) and its signature (64 bytes) over the chain and the host."""

    public_key: bytes
    signature: bytes


def prove_consensus_key(path: Path, chain_id: str, address: str) -> ConsensusKeyProof:
    """The proof that the key in CometBFT's priv_validator_key.json at `path` belongs to the host at `address`.

    Raises: PermanentError `consensus_key_unreadable`.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        seed = base64.b64decode(document["priv_key"]["value"], validate=True)[:32]
        key = Ed25519PrivateKey.from_private_bytes(seed)
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, RecursionError, binascii.Error) as error:
        raise PermanentError("consensus_key_unreadable", f"{path} holds no ed25519 key") from error
    message = consensus_key_message(chain_id, Host(decode_address(address)))
    return ConsensusKeyProof(
        public_key=key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), signature=key.sign(message)
    )
