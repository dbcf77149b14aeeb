"""Snapshots on disk, made while blocks go on, told and lent to nodes that join; and the state taken from theirs.

SHELF/HEIGHT/metadata     SHA-256 of each chunk; written last, so that what has it is whole
SHELF/HEIGHT/NUMBER       a chunk
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import structlog

from chain.store.errors import StoreError
from chain.store.snapshots import FORMAT, Snapshot, decode_chunk, encode_chunks, read_snapshot
from chain.store.store import Store, View

KEPT_SNAPSHOTS: Final = 2
_METADATA: Final = "metadata"

log = structlog.get_logger("chain")


class Shelf:
    """The snapshots of a store: one every `interval` blocks (0 for none), the newest KEPT_SNAPSHOTS of them.

    Open with `open`.
    """

    def __init__(self, path: Path, store: Store, interval: int) -> None:
        self._path = path
        self._store = store
        self._interval = interval
        self._writing: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, path: Path, store: Store, *, interval: int) -> Shelf:
        """The shelf in directory `path`, cleared of what a crash left half written.  OSError."""
        path.mkdir(parents=True, exist_ok=True)
        for folder in path.iterdir():
            if not folder.joinpath(_METADATA).exists():
                shutil.rmtree(folder, ignore_errors=True)
        return cls(path, store, interval)

    def list(self) -> tuple[Snapshot, ...]:
        """The whole snapshots, newest first."""
        heights = sorted((int(folder.name) for folder in self._path.iterdir() if folder.name.isdigit()), reverse=True)
        found = [(height, self._path.joinpath(str(height), _METADATA)) for height in heights]
        return tuple([read_snapshot(height, file.read_bytes()) for height, file in found if file.exists()])

    def read_chunk(self, height: int, number: int) -> bytes:
        """A chunk of a snapshot; b"" where there is none."""
        try:
            return self._path.joinpath(str(height), str(number)).read_bytes()
        except OSError:
            return b""

    def note_block(self) -> None:
        """Begin a snapshot of the height just committed, when its time has come and none is being written."""
        if not self._interval or self._store.height % self._interval:
            return
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._take(self._store.snapshot()))

    async def close(self) -> None:
        """Wait for the snapshot that is being written."""
        if self._writing is not None:
            await self._writing

    async def _take(self, view: View) -> None:
        try:
            snapshot = await asyncio.to_thread(write_snapshot, self._path, view)
        except OSError as error:
            shutil.rmtree(self._path.joinpath(str(view.height)), ignore_errors=True)
            log.warning("snapshot_failed", height=view.height, reason=str(error))
            return
        finally:
            view.close()
        log.info("snapshot_taken", height=snapshot.height, chunks=len(snapshot.chunk_hashes))
        for old in self.list()[KEPT_SNAPSHOTS:]:
            shutil.rmtree(self._path.joinpath(str(old.height)), ignore_errors=True)


def write_snapshot(shelf: Path, view: View) -> Snapshot:
    """Write the state of `view` as a snapshot.  OSError."""
    folder = shelf.joinpath(str(view.height))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    hashes = []
    for number, chunk in enumerate(encode_chunks(view.scan(b""))):
        folder.joinpath(str(number)).write_bytes(chunk)
        hashes.append(sha256(chunk).digest())
    snapshot = Snapshot(height=view.height, chunk_hashes=tuple(hashes))
    with folder.joinpath(_METADATA).open("xb") as file:
        file.write(snapshot.metadata)
        file.flush()
        os.fsync(file.fileno())
    return snapshot


class Adopter(Protocol):
    """What takes a whole state; Tip is one."""

    def adopt(self, pairs: Mapping[bytes, bytes], *, height: int, app_hash: bytes) -> None:
        """StoreError snapshot_mismatch."""
        ...


@dataclass(slots=True, kw_only=True)
class Restoration:
    """A state on its way in: `app_hash` is trusted, `snapshot` is not.  Chunks come in any order."""

    snapshot: Snapshot
    app_hash: bytes
    pairs: dict[int, dict[bytes, bytes]] = field(default_factory=dict)

    @classmethod
    def begin(cls, *, height: int, form: int, metadata: bytes, app_hash: bytes) -> Restoration:
        """Of a snapshot that is offered.  StoreError snapshot_malformed."""
        if form != FORMAT:
            raise StoreError("snapshot_malformed", f"format {form}, this program reads {FORMAT}")
        return cls(snapshot=read_snapshot(height, metadata), app_hash=app_hash)

    def take(self, number: int, chunk: bytes) -> None:
        """Keep a chunk.  StoreError snapshot_malformed for one that is not what the metadata says, or is no chunk."""
        hashes = self.snapshot.chunk_hashes
        if not 0 <= number < len(hashes) or sha256(chunk).digest() != hashes[number]:
            raise StoreError("snapshot_malformed", f"chunk {number} of {len(hashes)}")
        self.pairs[number] = decode_chunk(chunk)

    @property
    def is_whole(self) -> bool:
        """Whether every chunk is here."""
        return len(self.pairs) == len(self.snapshot.chunk_hashes)

    def finish(self, adopter: Adopter) -> None:
        """Hand the state over.  StoreError snapshot_mismatch."""
        state: dict[bytes, bytes] = {}
        for number in range(len(self.snapshot.chunk_hashes)):
            state |= self.pairs[number]
        adopter.adopt(state, height=self.snapshot.height, app_hash=self.app_hash)
