"""What names a model, hashes over the exact contents of its files, and what may be said of one.

Source: docs/protocol.md, "Inference".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rules.errors import RuleError
from rules.seeds import framed_hash, le32, le64

HASH_BYTES: Final = 32
MAX_NAME: Final = 64
MAX_UNITS_PER_TOKEN: Final = 2**20
MAX_CONTEXT: Final = 2**24
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


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
    return framed_hash("gonka/model", content_hash, tokenizer_hash, le32(units_per_token_in), le32(units_per_token_out))


def check_model_name(name: str) -> None:
    """Raises RuleError `model_invalid` for a name that is not 1 to 64 of a-z, 0-9, '.', '_' and '-', a letter or digit
    first, so that it is a folder's name too.
    """
    if not 1 <= len(name) <= MAX_NAME or not _LETTERS.issuperset(name) or not name[0].isalnum():
        raise RuleError("model_invalid", f"the name {name[:80]!r} is not 1 to {MAX_NAME} of a-z, 0-9, '.', '_', '-'")


def check_model_measures(content_hash: bytes, tokenizer_hash: bytes, units: tuple[int, int], max_context: int) -> None:
    """Raises RuleError `model_invalid` for hashes of another length than 32, `units` per token (in, out) outside 1 to
    2^20, or a context outside 1 to 2^24 tokens.
    """
    for what, value in (("content", content_hash), ("tokenizer", tokenizer_hash)):
        if len(value) != HASH_BYTES:
            raise RuleError("model_invalid", f"the {what} hash is {len(value)} bytes, not {HASH_BYTES}")
    for number in units:
        if not 1 <= number <= MAX_UNITS_PER_TOKEN:
            raise RuleError("model_invalid", f"{number} units per token, not 1 to {MAX_UNITS_PER_TOKEN}")
    if not 1 <= max_context <= MAX_CONTEXT:
        raise RuleError("model_invalid", f"a context of {max_context} tokens, not 1 to {MAX_CONTEXT}")


def _frame(files: Iterable[ModelFile]) -> list[bytes]:
    ordered = sorted(files, key=lambda file: file.path.encode())
    return [part for file in ordered for part in (file.path.encode(), le64(file.size), file.sha256)]
