"""What names a model: hashes over the exact contents of its files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.seeds import framed_hash, le32, le64


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """One file of a model: its path below the model's folder, its bytes, and their SHA-256 (32 bytes)."""

    path: str
    size: int
    sha256: bytes


def compute_content_hash(files: Iterable[ModelFile]) -> bytes:
    """32 bytes that name weights and configuration: H("gonka/content", path, LE64(size), sha256, ...), by path."""
    return framed_hash("gonka/content", *_frame(files))


def compute_tokenizer_hash(files: Iterable[ModelFile]) -> bytes:
    """32 bytes that name tokenizer and chat template: H("gonka/tokenizer", path, LE64(size), sha256, ...), by path."""
    return framed_hash("gonka/tokenizer", *_frame(files))


def compute_model_id(
    content_hash: bytes, tokenizer_hash: bytes, units_per_token_in: int, units_per_token_out: int
) -> bytes:
    """32 bytes that name what a developer pays for: the contents and what a token of them weighs, each below 2^32."""
    return framed_hash(
        "gonka/model", content_hash, tokenizer_hash, le32(units_per_token_in), le32(units_per_token_out)
    )


def _frame(files: Iterable[ModelFile]) -> list[bytes]:
    ordered = sorted(files, key=lambda file: file.path.encode())
    return [part for file in ordered for part in (file.path.encode(), le64(file.size), file.sha256)]
