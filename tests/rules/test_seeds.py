"""Vectors of every derivation, computed here byte by byte."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from rules.seeds import (
    compute_beacon_message,
    compute_dispute_commitment,
    compute_rows_commitment,
    compute_seed,
    compute_seed_commitment,
    consensus_key_message,
    framed_hash,
    le32,
    le64,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "derivations.json").read_text())
HOST, SECRET = bytes(range(20)), bytes(range(32))
DERIVED = {
    "seed": compute_seed(chain_id="gonka-1", epoch=7, round=1, block_hash=SECRET, beacon_output=b""),
    "beacon": compute_beacon_message("gonka-1", 7, 1, SECRET),
    "commit": compute_seed_commitment("gonka-1", 7, 0, HOST, SECRET),
    "rows": compute_rows_commitment("gonka-1", 7, HOST, SECRET, b"rows"),
    "dispute": compute_dispute_commitment("gonka-1", 7, HOST, SECRET, b"bits"),
    "consensus-key": consensus_key_message("gonka-1", HOST),
}


@pytest.mark.parametrize("name", DERIVED)
def test_every_derivation_equals_its_vector_and_a_hash_by_hand(name: str) -> None:
    parts = [bytes.fromhex(part) for part in VECTORS[name]["parts"]]
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in [f"gonka/{name}".encode(), *parts])
    assert DERIVED[name].hex() == VECTORS[name]["hash"] == sha256(framed).hexdigest()


def test_framed_hash__parts_cut_elsewhere__differs() -> None:
    assert framed_hash("x", b"ab", b"c") != framed_hash("x", b"a", b"bc")


def test_le32_and_le64__too_large__raise() -> None:
    with pytest.raises(OverflowError):
        le32(2**32)
    with pytest.raises(OverflowError):
        le64(2**64)
