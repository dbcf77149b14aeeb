"""An answer's tokens as bytes on disk, and the hash of what was asked."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from hashlib import sha256

from rules.answers import Answer


def hash_body(body: bytes) -> bytes:
    """The 32 bytes by which a ticket names a request's body."""
    return sha256(body).digest()


def encode_answers(answers: Sequence[Answer]) -> bytes:
    """For each answer its prompt, then its tokens: a count and as many tokens, 4 little-endian bytes each."""
    lists = [tokens for answer in answers for tokens in (answer.prompt, answer.tokens)]
    return b"".join(struct.pack(f"<I{len(tokens)}I", len(tokens), *tokens) for tokens in lists)


def decode_answers(encoded: bytes) -> tuple[Answer, ...]:
    """The same read back.  Raises ValueError for bytes that are cut."""
    lists = [*_read_lists(encoded)]
    if len(lists) % 2:
        raise ValueError("a prompt without an answer")
    return tuple(Answer(prompt=lists[i], tokens=lists[i + 1]) for i in range(0, len(lists), 2))


def _read_lists(encoded: bytes) -> Iterator[tuple[int, ...]]:
    place = 0
    while place < len(encoded):
        try:
            (count,) = struct.unpack_from("<I", encoded, place)
            yield struct.unpack_from(f"<{count}I", encoded, place + 4)
        except struct.error as error:
            raise ValueError("the tokens of an answer are cut") from error
        place += 4 + 4 * count
