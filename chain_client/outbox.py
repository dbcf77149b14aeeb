"""An outbox of files, for commands: one file for each transaction that has no outcome yet."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from chain_client.disk import delete_durably, replace_durably
from chain_client.errors import PermanentError, TransientError
from chain_client.transactions import Outcome, SignedTx

_SUFFIX: Final = ".tx.json"
_LOCK_FILE: Final = ".lock"


class FileOutbox:
    """The unsettled transactions of one account on one chain, in a directory of their own.

    Outcomes are not kept: the chain has them, and a command never uses an order's id twice.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    @contextmanager
    def open(cls, home: Path, *, chain_id: str, address: str) -> Iterator[FileOutbox]:
        """The outbox under a home, held by this process alone until the block ends: two would sign an order twice.

        Raises outbox_busy, disk_write_failed.
        """
        directory = home / "outbox" / quote(chain_id, safe="") / address
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PermanentError("disk_write_failed", f"{error.strerror}: {error.filename}") from error
        try:
            _hold(lock, directory)
            yield cls(directory)
        finally:
            os.close(lock)

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        """The order's transaction while it has no outcome."""
        return next((tx for tx in self.unsettled() if tx.order_id == order_id), None)

    def record(self, tx: SignedTx) -> None:
        """Keep a transaction, durably.  Raises disk_write_failed."""
        fields = {
            "order_id": tx.order_id,
            "chain_id": tx.chain_id,
            "address": tx.address,
            "sequence": tx.sequence,
            "last_height": tx.last_height,
            "raw": tx.raw.hex(),
        }
        replace_durably(self._path(tx.order_id), json.dumps(fields).encode())

    def settle(self, outcome: Outcome) -> None:
        """Forget the order's transaction, durably.  Raises disk_write_failed."""
        try:
            delete_durably(self._path(outcome.order_id))
        except FileNotFoundError:
            return  # settled before a crash

    def unsettled(self) -> tuple[SignedTx, ...]:
        """What is kept, by sequence.  Raises outbox_unreadable."""
        kept = [_read(path) for path in self._directory.glob(f"[!.]*{_SUFFIX}")]
        return tuple(sorted(kept, key=lambda tx: (tx.sequence, tx.order_id)))

    def _path(self, order_id: str) -> Path:
        return self._directory / f"{quote(order_id, safe='')}{_SUFFIX}"


def _hold(lock: int, directory: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise TransientError("outbox_busy", f"another process holds {directory}") from error


def _read(path: Path) -> SignedTx:
    try:
        fields = json.loads(path.read_bytes())
        return SignedTx(**fields | {"raw": bytes.fromhex(fields["raw"])})
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise PermanentError("outbox_unreadable", f"{path}: {error}", path=str(path)) from error
