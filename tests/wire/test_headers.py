"""Hashes and signatures as CometBFT itself made them."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wire.headers import (
    EMPTY_ROOT,
    address_of,
    compute_root,
    describe_parts,
    encode_vote,
    hash_commit,
    hash_consensus,
    hash_header,
    hash_results,
    hash_txs,
    hash_validators,
    prove_leaf,
)
from wire.headers_json import read_id, read_signed_header, read_validators

from tendermint.abci.types_pb2 import ExecTxResult
from tendermint.types.block_pb2 import Block
from tendermint.types.types_pb2 import Data

VECTOR: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "cometbft.json").read_text())


def read_block(name: str) -> Block:
    block = VECTOR[name]["block"]
    signed = read_signed_header({"header": block["header"], "commit": block["last_commit"]})
    return Block(
        header=signed.header,
        last_commit=signed.commit,
        data=Data(txs=[b64decode(tx) for tx in block["data"]["txs"]]),
    )


BLOCK, NEXT = read_block("block"), read_block("next_block")


def test_hash_header__a_block_of_cometbft__is_its_hash() -> None:
    assert hash_header(BLOCK.header).hex().upper() == VECTOR["block"]["block_id"]["hash"]
    assert hash_header(NEXT.header).hex().upper() == VECTOR["next_block"]["block_id"]["hash"]


def test_the_hashes_in_a_header_are_those_of_its_parts() -> None:
    results = [
        ExecTxResult(
            code=result["code"],
            data=b64decode(result["data"]),
            gas_wanted=int(result["gas_wanted"]),
            gas_used=int(result["gas_used"]),
            log="is not hashed",
        )
        for result in VECTOR["block_results"]["txs_results"]
    ]
    validators = read_validators(VECTOR["validators"]["validators"])

    assert hash_txs(BLOCK.data.txs) == BLOCK.header.data_hash
    assert hash_commit(BLOCK.last_commit) == BLOCK.header.last_commit_hash
    assert hash_validators(validators.validators) == BLOCK.header.validators_hash
    assert hash_consensus(-1, -1) == BLOCK.header.consensus_hash
    assert hash_results(results) == NEXT.header.last_results_hash
    assert BLOCK.header.evidence_hash == EMPTY_ROOT
    assert address_of(validators.validators[0].pub_key.ed25519) == BLOCK.header.proposer_address


@pytest.mark.parametrize("name", ["block", "next_block"])
def test_describe_parts__a_block_of_cometbft__is_what_its_id_says(name: str) -> None:
    assert describe_parts(read_block(name)) == read_id(VECTOR[name]["block_id"]).part_set_header


def test_encode_vote__a_commit_of_cometbft__is_what_its_validator_signed() -> None:
    signed = read_signed_header(VECTOR["commit"]["signed_header"])
    (signature,) = signed.commit.signatures
    (validator,) = read_validators(VECTOR["validators"]["validators"]).validators
    document = encode_vote(signed.header.chain_id, signed.commit, signature.timestamp)

    Ed25519PublicKey.from_public_bytes(validator.pub_key.ed25519).verify(signature.signature, document)


def split_from_the_top(leaves: list[bytes]) -> bytes:
    """RFC 6962's definition, word for word."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    size = 1
    while 2 * size < len(leaves):
        size *= 2
    return sha256(b"\x01" + split_from_the_top(leaves[:size]) + split_from_the_top(leaves[size:])).digest()


@pytest.mark.parametrize("count", range(1, 18))
def test_compute_root__any_number_of_leaves__is_that_of_rfc_6962(count: int) -> None:
    leaves = [bytes([index]) * index for index in range(count)]
    assert compute_root(leaves) == split_from_the_top(leaves)


def climb(leaf: bytes, index: int, count: int, beside: list[bytes]) -> bytes:
    """The root that a proof leads to, by RFC 6962's definition."""
    if count == 1:
        assert not beside
        return sha256(b"\x00" + leaf).digest()
    size = 1
    while 2 * size < count:
        size *= 2
    if index < size:
        return sha256(b"\x01" + climb(leaf, index, size, beside[:-1]) + beside[-1]).digest()
    return sha256(b"\x01" + beside[-1] + climb(leaf, index - size, count - size, beside[:-1])).digest()


@pytest.mark.parametrize("count", range(1, 18))
def test_prove_leaf__each_of_any_number__leads_to_the_root(count: int) -> None:
    leaves = [bytes([index]) for index in range(count)]
    for index, leaf in enumerate(leaves):
        assert climb(leaf, index, count, prove_leaf(leaves, index)) == compute_root(leaves)
