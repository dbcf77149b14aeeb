"""What each token of a model adds to an answer's text, for who has to tell whether tokens spell a text."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.inference.engine import EngineSpec
from sidecar.inference.manifest import read_ends, verify_rendering
from sidecar.inference.rendering import Tokenizer

PIECE: Final = 1 << 14
"""Tokens told in one message: of 10 bytes each as a rule, so far below gRPC's 4 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The bytes of each token, none for a special one and for those in `ends`, which end an answer."""

    texts: tuple[bytes, ...]
    ends: frozenset[int]


def read_vocabulary(folder: Path) -> Vocabulary:
    """The vocabulary of a model's folder, its files checked.

    Raises what `verify_rendering` does, model_unsupported.
    """
    manifest, ends = verify_rendering(folder), read_ends(folder)
    get_bytes = Tokenizer.open(folder).get_bytes
    texts = tuple(b"" if token in ends else get_bytes(token) for token in range(manifest.vocabulary))
    return Vocabulary(texts=texts, ends=ends)


class Vocabularies:
    """Keeps what it has read: a model's files are those of its hash for ever."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._found: dict[bytes, Vocabulary] = {}

    async def find(self, spec: EngineSpec) -> Vocabulary:
        """An engine's vocabulary; the first time it is read in a thread.  Raises what `read_vocabulary` does."""
        content_hash = spec.manifest.content_hash
        async with self._turn:
            if content_hash not in self._found:
                self._found[content_hash] = await asyncio.to_thread(read_vocabulary, spec.folder)
            return self._found[content_hash]
