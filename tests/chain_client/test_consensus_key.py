"""A host proves that a consensus key is its own."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chain_client.consensus_key import prove_consensus_key
from chain_client.errors import PermanentError
from rules.addresses import encode_address
from rules.seeds import consensus_key_message
from rules.types import Host

HOST = Host(bytes(range(20)))


def write_key(folder: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    value = key.private_bytes_raw() + key.public_key().public_bytes_raw()
    path = folder / "priv_validator_key.json"
    path.write_text(
        json.dumps({"priv_key": {"type": "tendermint/PrivKeyEd25519", "value": base64.b64encode(value).decode()}})
    )
    return path


def test_prove_consensus_key__cometbfts_file__signs_for_this_host_on_this_chain_only(tmp_path: Path) -> None:
    proof = prove_consensus_key(write_key(tmp_path), "gonka-1", encode_address(HOST))
    public = Ed25519PublicKey.from_public_bytes(proof.public_key)
    public.verify(proof.signature, consensus_key_message("gonka-1", HOST))
    with pytest.raises(InvalidSignature):
        public.verify(proof.signature, consensus_key_message("gonka-2", HOST))


@pytest.mark.parametrize(
    "text", ["", "{}", '{"priv_key": 3}', '{"priv_key": {"value": "????"}}', '{"priv_key": {"value": "AA=="}}']
)
def test_prove_consensus_key__a_file_without_a_key__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(text)
    with pytest.raises(PermanentError) as caught:
        prove_consensus_key(path, "gonka-1", encode_address(HOST))
    assert caught.value.code == "consensus_key_unreadable"
