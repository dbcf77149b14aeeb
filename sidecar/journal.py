"""Proofs on disk before they are counted, numbered or sent, and how far each device has come.

One SQLite file, synchronous=FULL: when a method returns, what it wrote survives a power cut.  A batch's proofs and
the device's offset are one transaction, so a crash repeats a batch or none, and never half of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rules.types import Proof
from sidecar.errors import SidecarError
from sidecar.jobs import NumberedProof, SprintJob, Work, get_offset

APPLICATION_ID: Final = 0x476E6B53  # "GnkS"
VERSION: Final = 1
FILE_NAME: Final = "journal.sqlite"

_SCHEMA = f"""
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE, sprint_seed BLOB NOT NULL, profile TEXT NOT NULL,
    cos2_q64 BLOB NOT NULL, host BLOB NOT NULL, deadline_ms INTEGER NOT NULL, stopped INTEGER NOT NULL,
    last_number INTEGER NOT NULL, acked_number INTEGER NOT NULL, evaluated INTEGER NOT NULL);
CREATE TABLE offsets (
    id INTEGER NOT NULL, device INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (id, device)) WITHOUT ROWID;
CREATE TABLE proofs (
    id INTEGER NOT NULL, number INTEGER NOT NULL, nonce INTEGER NOT NULL, tag BLOB NOT NULL,
    PRIMARY KEY (id, number)) WITHOUT ROWID;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
_SAVE = """
INSERT INTO jobs (job_id, sprint_seed, profile, cos2_q64, host, deadline_ms, stopped, last_number, acked_number,
    evaluated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (job_id) DO UPDATE SET deadline_ms = excluded.deadline_ms, stopped = excluded.stopped,
    last_number = excluded.last_number, acked_number = excluded.acked_number, evaluated = excluded.evaluated
"""
_ID = "(SELECT id FROM jobs WHERE job_id = ?)"


class Journal:
    """The open file.  Not safe for two threads at once; may be used from any one."""

    def __init__(self, connection: sqlite3.Connection, lock: int) -> None:
        self._connection = connection
        self._lock = lock

    @classmethod
    def open(cls, state_dir: Path) -> Journal:
        """The journal in a directory, both made when missing, and held against a second sidecar until closed.

        Raises SidecarError: state_dir_in_use, journal_unreadable, journal_write_failed.
        """
        lock = lock_file(state_dir / "lock", "state_dir_in_use")
        try:
            with _coded():
                connection = sqlite3.connect(
                    state_dir / FILE_NAME, timeout=5, isolation_level=None, check_same_thread=False
                )
                _prepare(connection)
        except SidecarError:
            os.close(lock)
            raise
        return cls(connection, lock)

    def close(self) -> None:
        """Close the file and let the directory go."""
        self._connection.close()
        os.close(self._lock)

    def read_jobs(self) -> tuple[SprintJob, ...]:
        """All jobs, the oldest first."""
        with _coded():
            offsets: dict[int, dict[int, int]] = {}
            for job, device, offset in self._connection.execute("SELECT id, device, offset FROM offsets"):
                offsets.setdefault(job, {})[device] = offset
            rows = self._connection.execute("SELECT * FROM jobs ORDER BY id").fetchall()
        return tuple(_read_job(row, offsets.get(row[0], {})) for row in rows)

    def read_proofs(self, job_id: str, after_number: int, limit: int) -> tuple[NumberedProof, ...]:
        """Proofs numbered above `after_number`, ascending, at most `limit`."""
        with _coded():
            rows = self._connection.execute(
                f"SELECT number, nonce, tag FROM proofs WHERE id = {_ID} AND number > ? ORDER BY number LIMIT ?",  # noqa: S608 - a constant
                (job_id, after_number, limit),
            ).fetchall()
        return tuple(NumberedProof(number=n, proof=Proof(nonce=nonce, tag=tag)) for n, nonce, tag in rows)

    def save(self, job: SprintJob) -> None:
        """Keep a job's state; proofs up to its `acked_number` are deleted."""
        with self._transaction():
            self._save(job)
            self._connection.execute(
                f"DELETE FROM proofs WHERE id = {_ID} AND number <= ?",  # noqa: S608 - a constant
                (job.job_id, job.acked_number),
            )

    def append(self, job: SprintJob, device: int, proofs: tuple[NumberedProof, ...]) -> None:
        """Keep a batch's proofs together with the job's state and the device's offset after it."""
        with self._transaction():
            self._save(job)
            self._connection.execute(
                f"INSERT OR REPLACE INTO offsets VALUES ({_ID}, ?, ?)",  # noqa: S608 - a constant
                (job.job_id, device, get_offset(job, device)),
            )
            self._connection.executemany(
                f"INSERT INTO proofs VALUES ({_ID}, ?, ?, ?)",  # noqa: S608 - a constant
                [(job.job_id, p.number, p.proof.nonce, p.proof.tag) for p in proofs],
            )

    def _save(self, job: SprintJob) -> None:
        work = job.work
        given = (job.job_id, work.sprint_seed, work.profile, work.cos2_q64.to_bytes(8), job.host, job.deadline_ms)
        state = (int(job.stopped), job.last_number, job.acked_number, job.evaluated)
        self._connection.execute(_SAVE, given + state)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with _coded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def lock_file(path: Path, code: str) -> int:
    """A file descriptor that holds `path` for this process; its directory is made, mode 0700, when missing.

    Raises SidecarError(code) when another process holds it, journal_write_failed when it cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SidecarError("journal_write_failed", f"{path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise SidecarError(code, f"{path} is held by another process") from error
    return descriptor


def _prepare(connection: sqlite3.Connection) -> None:
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and found != [APPLICATION_ID, VERSION]:
        raise SidecarError("journal_unreadable", f"a SQLite file, but no sidecar's journal of version {VERSION}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_mode = WAL")
    if not tables:
        connection.executescript(f"BEGIN; {_SCHEMA} COMMIT;")


@contextlib.contextmanager
def _coded() -> Iterator[None]:
    """Failures of the disk become journal_write_failed, those of the file's contents journal_unreadable."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise SidecarError("journal_write_failed", str(error)) from error
    except sqlite3.DatabaseError as error:
        raise SidecarError("journal_unreadable", str(error)) from error


def _read_job(
    row: tuple[int, str, bytes, str, bytes, bytes, int, int, int, int, int], done: dict[int, int]
) -> SprintJob:
    _, job_id, sprint_seed, profile, cos2_q64, host, deadline_ms, stopped, last_number, acked_number, evaluated = row
    return SprintJob(
        job_id=job_id,
        work=Work(sprint_seed=sprint_seed, profile=profile, cos2_q64=int.from_bytes(cos2_q64)),
        host=host,
        deadline_ms=deadline_ms,
        stopped=bool(stopped),
        last_number=last_number,
        acked_number=acked_number,
        evaluated=evaluated,
        offsets=tuple(done.get(device, 0) for device in range(max(done, default=-1) + 1)),
    )
