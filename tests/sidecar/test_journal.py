"""The journal: what a method wrote survives, and nothing else is taken for a journal."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rules.types import Proof
from sidecar.errors import SidecarError
from sidecar.jobs import NumberedProof, SprintJob, Work, acknowledge, build_batch, record
from sidecar.journal import FILE_NAME, Journal, lock_file

JOB = SprintJob(
    job_id="net-1",
    work=Work(sprint_seed=b"s" * 32, profile="tiny", cos2_q64=2**64 - 1),
    host=b"h" * 20,
    deadline_ms=1000,
)


def fill(journal: Journal, job: SprintJob, device: int, offset: int, nonces: int) -> SprintJob:
    batch = build_batch(device, offset, nonces)
    after, proofs = record(job, batch, [Proof(nonce=batch.first + i, tag=b"t" * 8) for i in range(nonces)])
    journal.append(after, device, proofs)
    return after


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond 16 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_open__after_an_unclean_end__jobs_offsets_and_proofs_are_there(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.save(JOB)
    job = fill(journal, fill(journal, JOB, 0, 0, 3), 2, 0, 2)
    (tmp_path / "lock").unlink()  # the holder is killed: the file it leaves is locked by nobody
    again = Journal.open(tmp_path)
    assert again.read_jobs() == (job,)
    assert job.offsets == (3, 0, 2)
    assert [p.number for p in again.read_proofs("net-1", 0, 10)] == [1, 2, 3, 4, 5]
    assert again.read_proofs("net-1", 4, 10)[0].proof.nonce == (2 << 48) + 1
    again.close()
    journal.close()


def test_save__acknowledged_proofs__are_forgotten_and_the_others_kept(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.save(JOB)
    job = fill(journal, JOB, 0, 0, 5)
    journal.save(acknowledge(job, 3))
    assert [p.number for p in journal.read_proofs("net-1", 0, 10)] == [4, 5]
    journal.close()


def test_append__a_proof_numbered_twice__neither_proofs_nor_offset_change(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.save(JOB)
    job = fill(journal, JOB, 0, 0, 2)
    doubled = (NumberedProof(number=2, proof=Proof(nonce=9, tag=b"t" * 8)),)
    with pytest.raises(SidecarError):
        journal.append(replace(job, offsets=(9,)), 0, doubled)
    assert journal.read_jobs() == (job,)
    journal.close()


def test_append__the_disk_is_full__coded_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.save(JOB)
    job = fill(journal, JOB, 0, 0, 4)
    with full_disk(), pytest.raises(SidecarError) as refused:
        fill(journal, job, 0, 4, 500)
    assert refused.value.code == "journal_write_failed"
    assert journal.read_jobs() == (job,)
    after = fill(journal, job, 0, 4, 500)
    journal.close()
    again = Journal.open(tmp_path)
    assert again.read_jobs() == (after,)
    assert len(again.read_proofs("net-1", 0, 1000)) == 504
    again.close()


def test_open__twice__the_second_is_refused(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    with pytest.raises(SidecarError) as refused:
        Journal.open(tmp_path)
    assert refused.value.code == "state_dir_in_use"
    journal.close()
    Journal.open(tmp_path).close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_open__garbage__refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(SidecarError) as refused:
        Journal.open(tmp_path)
    assert refused.value.code == "journal_unreadable"
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_open__another_programs_database__refused_and_left_alone(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    content = (tmp_path / FILE_NAME).read_bytes()
    with pytest.raises(SidecarError) as refused:
        Journal.open(tmp_path)
    assert refused.value.code == "journal_unreadable"
    assert (tmp_path / FILE_NAME).read_bytes() == content


def test_open__a_directory_that_cannot_be_made__coded(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SidecarError) as refused:
        Journal.open(tmp_path / "file" / "state")
    assert refused.value.code == "journal_write_failed"


def test_lock_file__missing_directories__are_private(tmp_path: Path) -> None:
    lock_file(tmp_path / "new" / "lock", "state_dir_in_use")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
