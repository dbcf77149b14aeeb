"""Proof files: true ones are read, and anything changed in one is found."""

import asyncio
import copy
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chain.modules.bank.state import balance_key
from chain.store.errors import StoreError
from chain.store.proofs import prove
from chain_client.errors import ClientError, PermanentError
from chain_client.light import LightBlock, Trust
from commands.proofs import MAX_FILE_BYTES, Pair, ProofFile, collect_proof, encode_proof, read_proof, verify_proof
from tests.chain.ledger import ANN, BALANCE, BOB, STRANGER, Ledger
from tests.chain_client.light_network import CHAIN_ID, START_S, LightNetwork
from wire.headers import hash_header

from tendermint.types.types_pb2 import SignedHeader

HEIGHT = 40


def make_proof() -> ProofFile:
    """Ann's balance and the stranger's, in a state whose app hash stands in header 41."""
    ledger = Ledger()
    ledger.block()
    view = ledger.store.latest
    network = LightNetwork({1: {1: 10, 2: 10, 3: 10, 4: 10}}, app_hashes={HEIGHT + 1: view.app_hash})
    keys = [balance_key(person.address) for person in (ANN, STRANGER)]
    return ProofFile(
        chain_id=CHAIN_ID,
        height=HEIGHT,
        pairs=tuple(Pair(key=key, value=view.get(key) or b"", proof=prove(view, key)) for key in keys),
        blocks=(network.block(1), network.block(HEIGHT + 1)),
    )


PROOF = make_proof()
TRUST = Trust(
    height=1,
    block_hash=hash_header(PROOF.blocks[0].header),
    period_ns=3600 * 10**9,
    now_ns=(START_S + 1000) * 10**9,
)


def test_verify_proof__a_true_file__says_what_the_state_holds_and_does_not() -> None:
    assert read_proof(encode_proof(PROOF)) == PROOF
    assert verify_proof(read_proof(encode_proof(PROOF)), TRUST) == [
        {"kind": "balance", "account": ANN.text, "ngonka": BALANCE},
        {"kind": "balance", "account": STRANGER.text, "ngonka": 0},
    ]


def with_pair(**changes: bytes) -> ProofFile:
    return replace(PROOF, pairs=(replace(PROOF.pairs[0], **changes), PROOF.pairs[1]))


LIES = {
    "a greater balance": with_pair(value=(BALANCE + 1).to_bytes(8, "big")),
    "no balance": with_pair(value=b""),
    "another's balance": with_pair(key=balance_key(BOB.address)),
    "no proof": with_pair(proof=b""),
    "another's proof": with_pair(proof=PROOF.pairs[1].proof),
    "something where there is nothing": replace(PROOF, pairs=(replace(PROOF.pairs[1], value=b"\x01"),)),
    "another height": replace(PROOF, height=HEIGHT - 1),
    "another chain": replace(PROOF, chain_id="other-1"),
    "no headers": replace(PROOF, blocks=()),
    "only the trusted header": replace(PROOF, blocks=PROOF.blocks[:1]),
    "headers the wrong way round": replace(PROOF, blocks=PROOF.blocks[::-1]),
}


@pytest.mark.parametrize("name", LIES)
def test_verify_proof__a_lie__is_refused(name: str) -> None:
    with pytest.raises((ClientError, StoreError)):
        verify_proof(LIES[name], TRUST)


def test_verify_proof__any_byte_of_a_proof_or_header_flipped__is_refused_or_says_the_same() -> None:
    document = json.loads(encode_proof(PROOF))
    said = verify_proof(PROOF, TRUST)
    refused = 0
    for value, name in [(document["pairs"][0], "proof"), (document["blocks"][1], "signed_header")]:
        raw = b64decode(value[name])
        for place in range(0, len(raw), 7):
            changed = bytearray(raw)
            changed[place] ^= 1
            value[name] = b64encode(changed).decode()
            try:
                assert verify_proof(read_proof(json.dumps(document).encode()), TRUST) == said
            except (ClientError, StoreError):
                refused += 1
        value[name] = b64encode(raw).decode()
    assert refused > 40


def change(path: tuple[str | int, ...], value: object) -> bytes:
    document = copy.deepcopy(json.loads(encode_proof(PROOF)))
    part: Any = document
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 10_000,
        bytes(MAX_FILE_BYTES + 1),
        change(("format",), "gonka/proof/2"),
        change(("height",), "x"),
        change(("pairs",), 5),
        change(("pairs", 0), {}),
        change(("pairs", 0, "key"), "xyz"),
        change(("pairs", 0, "proof"), "!!"),
        change(("blocks", 0, "signed_header"), b64encode(b"\xff").decode()),
        change(("blocks", 0, "validators"), None),
    ],
)
def test_read_proof__anything_else__is_refused_with_a_code(content: bytes) -> None:
    with pytest.raises(PermanentError, match="proof_unreadable"):
        read_proof(content)


class Node:
    """A node at height 41 that serves PROOF's pairs."""

    def __init__(self, read_block: Callable[[int], LightBlock] = lambda height: NETWORK.block(height)) -> None:
        self._read_block = read_block
        self.asked: list[tuple[bytes, int]] = []

    async def read_pair(self, key: bytes, height: int) -> tuple[int, bytes, bytes]:
        self.asked.append((key, height))
        pair = next(pair for pair in PROOF.pairs if pair.key == key)
        return HEIGHT, pair.value, pair.proof

    async def wait_for(self, height: int) -> None:
        assert height == HEIGHT + 1

    async def read_heights(self) -> tuple[int, int]:
        return 3, HEIGHT + 1

    async def read_block(self, height: int) -> LightBlock:
        return self._read_block(height)


NETWORK = LightNetwork({1: {1: 10}}, app_hashes={HEIGHT + 1: PROOF.blocks[1].header.app_hash})


@pytest.mark.parametrize(("wanted", "first"), [(0, 3), (7, 7), (HEIGHT + 1, HEIGHT + 1), (999, HEIGHT + 1)])
def test_collect_proof__any_trusted_height__all_pairs_are_of_one_height(wanted: int, first: int) -> None:
    node = Node()
    keys = [pair.key for pair in PROOF.pairs]
    proof = asyncio.run(collect_proof(node, keys, wanted))  # type: ignore[arg-type]  # a node without a network
    assert node.asked == [(keys[0], 0), (keys[1], HEIGHT)]
    assert (proof.blocks[0].header.height, proof.blocks[-1].header.height) == (first, HEIGHT + 1)
    trust = replace(TRUST, height=first, block_hash=hash_header(proof.blocks[0].header))
    assert len(verify_proof(proof, trust)) == 2


def test_collect_proof__a_node_that_forges_a_header__is_refused() -> None:
    def read_block(height: int) -> LightBlock:
        block = NETWORK.block(height)
        if height > 1:
            signed = SignedHeader(header=block.header, commit=block.signed.commit)
            signed.header.app_hash = b"\x07" * 32
            return replace(block, signed=signed)
        return block

    with pytest.raises(PermanentError, match="header_untrusted"):
        asyncio.run(collect_proof(Node(read_block), [PROOF.pairs[0].key], 1))  # type: ignore[arg-type]  # the same
