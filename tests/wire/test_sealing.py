"""What is sealed to one key is read by its holder alone, at its place alone."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.errors import RuleError
from rules.types import Host
from tests.chain.ledger import ANN, BOB
from wire.gonka.inference.v1.check_pb2 import OpenedSample, Opening, Sealed
from wire.sealing import compute_opening_context, open_sealed, seal_opening

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "answers.json").read_text())
SECRET = bytes(range(1, 33))
OPENING = Opening(samples=[OpenedSample(siblings=[b"s" * 32], splits=[7])])
CONTEXT = compute_opening_context("gonka-1", 7, 5, Host(ANN.address), Host(BOB.address))
SEALED = seal_opening(OPENING, BOB.public_key, CONTEXT, SECRET)


def test_open_sealed__by_its_verifier__is_what_was_sealed() -> None:
    assert open_sealed(SEALED, BOB.secret, CONTEXT) == OPENING
    assert b"s" * 32 not in SEALED.SerializeToString()


@pytest.mark.parametrize(
    ("sealed", "secret", "context", "why"),
    [
        (SEALED, ANN.secret, CONTEXT, "another key"),
        (SEALED, BOB.secret, bytes(32), "another place"),
        (Sealed(one_time_key=ANN.public_key, ciphertext=SEALED.ciphertext), BOB.secret, CONTEXT, "another sender"),
        (Sealed(one_time_key=b"\x02" + bytes(32), ciphertext=SEALED.ciphertext), BOB.secret, CONTEXT, "no point"),
        (Sealed(one_time_key=SEALED.one_time_key, ciphertext=SEALED.ciphertext[:-1]), BOB.secret, CONTEXT, "cut"),
        (Sealed(), BOB.secret, CONTEXT, "nothing"),
    ],
)
def test_open_sealed__anything_else__is_refused(sealed: Sealed, secret: bytes, context: bytes, why: str) -> None:
    with pytest.raises(RuleError) as error:
        open_sealed(sealed, secret, context)
    assert error.value.code == "opening_invalid", why


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_open_sealed__bytes_of_any_kind__are_refused(ciphertext: bytes) -> None:
    with pytest.raises(RuleError):
        open_sealed(Sealed(one_time_key=SEALED.one_time_key, ciphertext=ciphertext), BOB.secret, CONTEXT)


def test_seal_opening__with_a_given_key__has_the_bytes_of_the_vector() -> None:
    assert CONTEXT.hex() == VECTORS["opening_context"]
    assert sha256(SEALED.SerializeToString(deterministic=True)).hexdigest() == VECTORS["sealed_sha256"]


def test_compute_opening_context__any_part_changed__differs() -> None:
    ann, bob = Host(ANN.address), Host(BOB.address)
    others = [
        compute_opening_context("gonka-2", 7, 5, ann, bob),
        compute_opening_context("gonka-1", 8, 5, ann, bob),
        compute_opening_context("gonka-1", 7, 6, ann, bob),
        compute_opening_context("gonka-1", 7, 5, bob, ann),
    ]
    assert len({CONTEXT, *others}) == 5
