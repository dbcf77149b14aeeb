"""A model is named by the hash of all that a developer pays for."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from rules.errors import RuleError
from rules.models import check_model_measures, check_model_name, compute_model_id

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "vouchers.json").read_text())["model"]
HASH = bytes(32)


def test_compute_model_id__equals_its_vector_and_a_hash_by_hand() -> None:
    parts = [bytes.fromhex(part) for part in VECTOR["parts"]]
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in [b"gonka/model", *parts])
    model_id = compute_model_id(parts[0], parts[1], 3, 7)
    assert model_id.hex() == VECTOR["hash"] == sha256(framed).hexdigest()


@pytest.mark.parametrize("name", ["smollm2-135m-instruct", "a", "7b", "x" * 64, "q_4.1-chat"])
def test_check_model_name__a_name_of_the_form__passes(name: str) -> None:
    check_model_name(name)


@pytest.mark.parametrize("name", ["", "x" * 65, "SmolLM2", "a b", "../x", ".hidden", "-rf", "a/b", "é", "a\n"])
def test_check_model_name__another_form__is_refused(name: str) -> None:
    with pytest.raises(RuleError, match="model_invalid"):
        check_model_name(name)


def test_check_model_measures__all_in_range__passes() -> None:
    check_model_measures(HASH, HASH, (1, 2**20), 2**24)


@pytest.mark.parametrize(
    ("content", "tokenizer", "units", "context", "words"),
    [
        (HASH[1:], HASH, (1, 1), 1, "a short content hash"),
        (HASH, HASH + b"x", (1, 1), 1, "a long tokenizer hash"),
        (HASH, HASH, (0, 1), 1, "tokens read for nothing"),
        (HASH, HASH, (1, 0), 1, "tokens written for nothing"),
        (HASH, HASH, (1, 2**20 + 1), 1, "too many units"),
        (HASH, HASH, (1, 1), 0, "no context"),
        (HASH, HASH, (1, 1), 2**24 + 1, "too much context"),
    ],
)
def test_check_model_measures__out_of_range__is_refused(
    content: bytes, tokenizer: bytes, units: tuple[int, int], context: int, words: str
) -> None:
    with pytest.raises(RuleError, match="model_invalid"):
        check_model_measures(content, tokenizer, units, context)
