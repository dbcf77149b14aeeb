"""ADR-036 as CosmJS signs it."""

import base64
import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.chain.ledger import ANN, BOB
from wire.adr36 import verify_data
from wire.amino import encode_adr36
from wire.signing import sign

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "amino.json").read_text())
SIGNATURE = base64.b64decode(next(case["signature"] for case in VECTORS["cases"] if case["typeUrl"] == "adr36"))
DATA = b"I agree to <this>"


def test_encode_adr36__data_that_cosmjs_signed__gives_its_document_and_its_signature() -> None:
    vector = next(case for case in VECTORS["cases"] if case["typeUrl"] == "adr36")
    document = encode_adr36(ANN.text, DATA)
    assert document.decode() == vector["document"]
    assert sign(sha256(b"ann").digest(), document) == SIGNATURE


def test_verify_data__a_signature_by_cosmjs__is_good() -> None:
    assert verify_data(ANN.text, ANN.public_key, SIGNATURE, DATA)


@pytest.mark.parametrize(
    ("address", "public_key", "signature", "data", "because"),
    [
        (BOB.text, ANN.public_key, SIGNATURE, DATA, "another account"),
        (BOB.text, BOB.public_key, SIGNATURE, DATA, "another key"),
        (ANN.text, b"", SIGNATURE, DATA, "no key"),
        (ANN.text, b"\x04" * 33, SIGNATURE, DATA, "no compressed key"),
        (ANN.text, ANN.public_key, SIGNATURE[:-1], DATA, "a signature cut short"),
        (ANN.text, ANN.public_key, SIGNATURE, DATA + b".", "other data"),
        ("", ANN.public_key, SIGNATURE, DATA, "no address"),
    ],
)
def test_verify_data__one_thing_wrong__is_refused(
    address: str, public_key: bytes, signature: bytes, data: bytes, because: str
) -> None:
    assert not verify_data(address, public_key, signature, data)
