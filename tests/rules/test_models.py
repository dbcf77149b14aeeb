"""The hashes that name a model."""

from dataclasses import replace
from hashlib import sha256

import pytest

from rules.models import ModelFile, compute_content_hash, compute_model_id, compute_tokenizer_hash
from rules.seeds import framed_hash, le32, le64

A = ModelFile(path="config.json", size=3, sha256=sha256(b"abc").digest())
B = ModelFile(path="model.safetensors", size=0, sha256=sha256(b"").digest())


def test_compute_content_hash__any_order__is_the_framed_hash_by_path() -> None:
    wanted = framed_hash("gonka/content", b"config.json", le64(3), A.sha256, b"model.safetensors", le64(0), B.sha256)
    assert compute_content_hash([B, A]) == compute_content_hash([A, B]) == wanted


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(A, path="config2.json"), id="another path"),
        pytest.param(replace(A, size=4), id="another size"),
        pytest.param(replace(A, sha256=bytes(32)), id="another hash"),
    ],
)
def test_compute_content_hash__one_field_differs__another_hash(changed: ModelFile) -> None:
    assert compute_content_hash([changed, B]) != compute_content_hash([A, B])


def test_compute_tokenizer_hash__the_same_files__is_no_content_hash() -> None:
    assert compute_tokenizer_hash([A]) != compute_content_hash([A])
    assert compute_tokenizer_hash([A]) == framed_hash("gonka/tokenizer", b"config.json", le64(3), A.sha256)


def test_compute_model_id__contents_and_units__are_bound() -> None:
    content, tokenizer = bytes([1]) * 32, bytes([2]) * 32
    wanted = framed_hash("gonka/model", content, tokenizer, le32(3), le32(4))
    assert compute_model_id(content, tokenizer, 3, 4) == wanted
    assert compute_model_id(content, tokenizer, 4, 3) != wanted
