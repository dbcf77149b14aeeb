"""What the journal keeps, refuses, and survives."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain_client.duties import JournalView, SecretName
from chain_client.effects import Duty
from chain_client.errors import PermanentError, TransientError
from chain_client.journal import FILE_NAME, KEPT_EPOCHS, KEPT_REVIEWS, Journal
from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Outcome, SignedTx
from rules.addresses import encode_address
from rules.types import Host, Proof, Row
from tests.chain_client.views import BOB, ME

CHAIN_ID = "net-1"
HIGHEST = 2**64 - 1


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    yield opened
    opened.close()


def make_tx(order_id: str, sequence: int = 0) -> SignedTx:
    return SignedTx(
        order_id=order_id, chain_id=CHAIN_ID, address="a", sequence=sequence, last_height=9, raw=order_id.encode()
    )


def make_outcome(order_id: str, fate: Fate = Fate.APPLIED) -> Outcome:
    result = TxResult(tx_hash="AB", height=7, code=0 if fate is Fate.APPLIED else 5, rule="r", log="words")
    return Outcome(order_id=order_id, fate=fate, result=result)


def make_proofs(*nonces: int) -> tuple[Proof, ...]:
    return tuple(Proof(nonce=nonce, tag=nonce.to_bytes(8)) for nonce in nonces)


def test_open__another_host_or_chain__is_foreign(tmp_path: Path) -> None:
    Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME).close()
    for chain_id, host in (("net-2", ME), (CHAIN_ID, BOB)):
        with pytest.raises(PermanentError) as refused:
            Journal.open(tmp_path, chain_id=chain_id, host=host)
        assert refused.value.code == "journal_foreign"
        assert f"it belongs to {encode_address(ME)} on {CHAIN_ID}" in refused.value.detail
    Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME).close()


def test_open__twice_at_once__is_locked_until_closed(tmp_path: Path) -> None:
    first = Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    with pytest.raises(PermanentError) as refused:
        Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    assert refused.value.code == "home_locked"
    first.close()
    Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME).close()


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to be read as one" * 20, b"SQLite format 3\0"]
)
def test_open__a_file_that_is_no_journal__is_unreadable(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(PermanentError) as refused:
        Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    assert refused.value.code == "journal_unreadable"
    assert FILE_NAME in refused.value.detail


def test_open__a_database_of_another_program__is_unreadable_and_untouched(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    with pytest.raises(PermanentError) as refused:
        Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    assert refused.value.code == "journal_unreadable"


def test_open__home_that_cannot_be_made__is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentError) as refused:
        Journal.open(tmp_path / "file" / "home", chain_id=CHAIN_ID, host=ME)
    assert refused.value.code == "disk_write_failed"


def test_keep_secret__asked_again__gives_the_first(journal: Journal) -> None:
    assert journal.keep_secret(3, SecretName.ROWS, b"first") == b"first"
    assert journal.keep_secret(3, SecretName.ROWS, b"second") == b"first"
    assert journal.keep_secret(4, SecretName.ROWS, b"second") == b"second"
    assert journal.read(3).secrets == {(3, SecretName.ROWS), (4, SecretName.ROWS)}
    with pytest.raises(KeyError):
        journal.read_secret(3, SecretName.DISPUTE)


def test_keep_proofs__repeated_and_largest_nonces__are_kept_once_in_a_lasting_order(journal: Journal) -> None:
    assert journal.begin_job(3) == 0
    journal.keep_proofs(3, make_proofs(HIGHEST, 5), last_number=2, evaluated=100)
    journal.keep_proofs(3, make_proofs(5, 2**63, 1), last_number=5, evaluated=300)
    assert journal.begin_job(3) == 5
    assert journal.count_proofs(3) == 4
    assert journal.read_proofs(3, 4) == make_proofs(1, 5, 2**63, HIGHEST)
    assert journal.read_proofs(3, 2) == make_proofs(5, HIGHEST)
    assert journal.read_proofs(4, 2) == ()
    journal.restart_numbers(3)
    assert (journal.begin_job(3), journal.count_proofs(3)) == (0, 4)


def test_jobs__begun_and_stopped__are_told_to_a_plan(journal: Journal) -> None:
    journal.begin_job(2)
    journal.begin_job(3)
    journal.stop_job(2)
    journal.begin_job(2)
    assert journal.read(3).jobs == {3}


def test_keep_row_and_bits__kept_again__stay_what_they_were(journal: Journal) -> None:
    row = Row(claimant=BOB, sample_digest=b"d" * 8, mismatched_positions=(1, 20))
    journal.keep_row(3, row)
    journal.keep_row(3, Row(claimant=BOB, sample_digest=bytes(8), mismatched_positions=()))
    journal.keep_row(3, Row(claimant=ME, sample_digest=bytes(8), mismatched_positions=()))
    assert journal.read_rows(3)[1] == row
    journal.keep_bits(3, {(BOB, HIGHEST): True, (BOB, 1): False})
    journal.keep_bits(3, {(BOB, HIGHEST): False})
    assert journal.read_bits(3) == {(BOB, HIGHEST): True, (BOB, 1): False}
    seen = journal.read(3)
    assert (seen.rows, seen.bits) == ({BOB, ME}, {(BOB, HIGHEST), (BOB, 1)})


def test_outbox__a_transaction__is_kept_until_it_is_settled(journal: Journal) -> None:
    root = bytes(range(32))
    order_id = f"3/claim/60/{root.hex()}/0"
    assert journal.find(order_id) is None
    journal.record(make_tx("2/commit_rows/0"))
    journal.record(make_tx(order_id))
    journal.record(make_tx(order_id, sequence=1))
    assert [tx.order_id for tx in journal.unsettled()] == ["2/commit_rows/0", order_id]
    assert journal.find(order_id) == make_tx(order_id, sequence=1)
    assert journal.find_claim(3, root) == 60
    assert (journal.count_orders(3, Duty.CLAIM), journal.count_orders(3, Duty.COMMIT_ROWS)) == (1, 0)
    assert journal.read(3).unsettled
    for name in (order_id, "2/commit_rows/0"):
        journal.settle(make_outcome(name, Fate.APPLIED if name == order_id else Fate.EXPIRED))
    assert journal.find(order_id) == make_outcome(order_id)
    assert (journal.has_applied(3, Duty.CLAIM), journal.has_applied(2, Duty.COMMIT_ROWS)) == (True, False)
    assert journal.find_claim(3, root) == 60
    assert (journal.read(3).roots, journal.read(3).unsettled) == ({root}, False)
    with pytest.raises(KeyError):
        journal.find_claim(3, bytes(32))


def test_note__without_replace__keeps_what_was_noted_first(journal: Journal) -> None:
    journal.note(3, Duty.CLAIM, "one", replace=False)
    journal.note(3, Duty.CLAIM, "two", replace=False)
    assert journal.read_obstacles(3) == {Duty.CLAIM: "one"}
    journal.note(3, Duty.CLAIM, "three")
    assert journal.read_obstacles(3) == {Duty.CLAIM: "three"}


def test_review__many_epochs__keeps_a_bounded_number(journal: Journal) -> None:
    for epoch in range(1, 100):
        journal.begin_job(epoch)
        journal.keep_proofs(epoch, make_proofs(1, 2, 3), last_number=3, evaluated=9)
        journal.keep_secret(epoch, SecretName.SPRINT, bytes(32))
        journal.record(make_tx(f"{epoch}/commit_rows/0"))
        journal.settle(make_outcome(f"{epoch}/commit_rows/0"))
        journal.note(epoch, Duty.CLAIM, "words")
        journal.review(epoch, b"outcome", {"what": "why"})
    with sqlite3.connect(journal._connection.execute("PRAGMA database_list").fetchone()[2]) as beside:
        counts = {t: beside.execute(f"SELECT count(DISTINCT epoch) FROM {t}").fetchone()[0] for t in TABLES}
    beside.close()
    assert counts == {**dict.fromkeys(TABLES, KEPT_EPOCHS), "reviews": KEPT_REVIEWS, "misses": KEPT_REVIEWS}
    assert journal.read(99).reviewed == 99
    assert (journal.read_outcome(99), journal.read_outcome(3)) == (b"outcome", None)
    assert journal.read_misses()[-1] == (99, "what", "why")


TABLES = ["secrets", "jobs", "proofs", "outbox", "obstacles", "reviews", "misses"]


def test_every_write__disk_full__is_transient_and_changes_nothing(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(TransientError) as refused:
        journal.keep_proofs(3, make_proofs(*range(5_000)), last_number=5_000, evaluated=9)
    assert refused.value.code == "disk_full"
    assert journal.count_proofs(3) == 0
    journal._connection.execute("PRAGMA max_page_count = 100000")
    journal.keep_proofs(3, make_proofs(*range(5_000)), last_number=5_000, evaluated=9)
    assert journal.count_proofs(3) == 5_000
    journal.close()


def test_peek__a_file_that_its_daemon_had_no_time_to_fill__is_no_journal_yet(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()

    assert Journal.peek(tmp_path) is None


def test_peek__beside_the_daemon__reads_and_cannot_write(tmp_path: Path) -> None:
    assert Journal.peek(tmp_path) is None
    journal = Journal.open(tmp_path, chain_id=CHAIN_ID, host=ME)
    journal.keep_secret(3, SecretName.SPRINT, bytes(32))
    beside = Journal.peek(tmp_path)
    assert beside is not None
    assert beside.read(3) == JournalView(secrets=frozenset({(3, SecretName.SPRINT)}))
    with pytest.raises(TransientError):
        beside.begin_job(3)
    beside.close()
    journal.close()


WRITER = """
import sys
from pathlib import Path
from chain_client.journal import Journal
from rules.types import Host, Proof
journal = Journal.open(Path(sys.argv[1]), chain_id="net-1", host=Host(bytes([1]) * 20))
last = journal.begin_job(3)
while True:
    last += 1
    journal.keep_proofs(3, (Proof(nonce=last, tag=bytes(8)),), last_number=last, evaluated=last)
    print(last, flush=True)
"""


def test_a_process_killed_while_it_writes_leaves_what_it_said_it_kept(tmp_path: Path) -> None:
    said = 0
    for round_ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        said = int(writer.stdout.readline())
        time.sleep(0.01 * round_)
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split(b"\n")
        writer.stdout.close()
        writer.wait(10)
        said = max([said, *(int(line) for line in rest[:-1])])
        journal = Journal.open(tmp_path, chain_id=CHAIN_ID, host=Host(bytes([1]) * 20))
        last = journal.begin_job(3)
        assert last >= said
        assert journal.count_proofs(3) == last
        journal.close()
    assert said > 6
