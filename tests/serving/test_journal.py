"""The journal: what is kept, what is refused, and what is left after a crash at any statement."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from chain_client.errors import PermanentError, TransientError
from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Outcome, SignedTx
from rules.answers import Answer, Receipt, build_receipt_tree
from rules.types import Host
from rules.vouchers import Tokens
from serving.database import FILE_NAME, Database
from serving.journal import Journal
from serving.records import hash_body
from wire.gonka.inference.v1 import inference_pb2 as pb

HOST = Host(b"h" * 20)
BODY = b'{"model": "tiny"}'
DONE = Tokens(tokens_in=3, tokens_out=4)


def open_journal(home: Path, chain_id: str = "test-1", host: Host = HOST) -> Journal:
    return Journal(Database.open(home, chain_id=chain_id, host=host), chain_id=chain_id, host=host)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(tmp_path)


def make_voucher(serial: int, escrow_id: int = 1) -> pb.Voucher:
    return pb.Voucher(chain_id="test-1", escrow_id=escrow_id, serial=serial, tokens_in=serial, amount_ngonka=serial)


def make_ticket(request: int) -> pb.Ticket:
    return pb.Ticket(chain_id="test-1", escrow_id=1, request=request, developer_nonce=b"d" * 32)


def answer(journal: Journal, request: int) -> bytes:
    """Keeps a request and its answer; the digest."""
    nonce = request.to_bytes(32)
    assert journal.open_request(1, request, nonce)
    receipt = Receipt(
        chain_id="test-1",
        escrow_id=1,
        host=HOST,
        request=request,
        body_hash=hash_body(BODY),
        developer_nonce=b"d" * 32,
        host_nonce=nonce,
        answers=(Answer(prompt=(1, 2), tokens=(3,)), Answer(prompt=(1, 2), tokens=())),
        salt=b"s" * 32,
    )
    return journal.keep_answer(receipt, BODY, make_ticket(request), DONE)


def test_open_request__a_number_again__is_refused(journal: Journal) -> None:
    assert journal.open_request(1, 7, b"n" * 32)
    assert not journal.open_request(1, 7, b"m" * 32)
    assert journal.open_request(2, 7, b"n" * 32)
    assert journal.open_request(1, 2**64 - 1, b"n" * 32)


def test_keep_voucher__the_newest__is_read_back_with_the_work(journal: Journal, tmp_path: Path) -> None:
    journal.keep_voucher(make_voucher(1), Tokens())
    journal.keep_voucher(make_voucher(2), DONE)
    state = Journal(Database.peek(tmp_path), chain_id="test-1", host=HOST).read_escrow(1)
    assert (state.voucher, state.done, state.settled_serial) == (make_voucher(2), DONE, 0)
    assert journal.list_escrows() == (1,)


def test_read_escrow__one_never_seen__is_empty(journal: Journal) -> None:
    state = journal.read_escrow(5)
    assert (state.voucher, state.done, state.settled_serial) == (None, Tokens(), 0)


def test_plan_batch__answers_since_the_last__hang_in_one_tree(journal: Journal) -> None:
    digests = [(n, answer(journal, n)) for n in (1, 2, 3)]
    journal.keep_voucher(make_voucher(4), DONE)
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    assert (batch.root, batch.count) == (build_receipt_tree(digests).root, 3)
    assert journal.plan_batch(1, epoch=9) == batch, "one that is under way is gone on with"
    assert journal.read_answers(1, 4) == (), "nothing is settled yet"
    journal.end_batch(batch, Fate.APPLIED, is_settled=True)
    assert (journal.count_batches(1, 9), journal.count_batches(1, 10)) == (1, 0)
    kept = journal.read_answers(1, 4)
    assert [(one.receipt.request, one.digest) for one in kept] == digests
    assert kept[0].ticket == make_ticket(1)
    assert kept[0].receipt.answers[0] == Answer(prompt=(1, 2), tokens=(3,))
    assert journal.plan_batch(1, epoch=10) is None


def test_plan_batch__the_greatest_serial_there_is__is_settled_like_any(journal: Journal) -> None:
    """A developer chooses its serials: none may stop the host."""
    answer(journal, 1)
    for serial in (2**63 - 1, 2**64 - 1):
        journal.keep_voucher(pb.Voucher(chain_id="test-1", escrow_id=1, serial=serial), DONE)
        batch = journal.plan_batch(1, epoch=9)
        assert batch is not None
        journal.end_batch(batch, Fate.APPLIED, is_settled=True)
        assert journal.read_escrow(1).settled_serial == serial
    assert len(journal.read_answers(1, 2**63 - 1)) == 1
    assert journal.plan_batch(1, epoch=9) is None


def test_plan_batch__one_gone_on_with_epochs_later__keeps_its_answers_from_then_on(journal: Journal) -> None:
    answer(journal, 1)
    journal.keep_voucher(make_voucher(4), DONE)
    begun = journal.plan_batch(1, epoch=9)
    resumed = journal.plan_batch(1, epoch=13)
    assert begun is not None
    assert resumed is not None
    assert resumed == replace(begun, epoch=13)
    journal.end_batch(resumed, Fate.APPLIED, is_settled=True)
    journal.forget(15, ())
    assert len(journal.read_answers(1, 4)) == 1
    assert journal.count_batches(1, 13) == 1


def test_end_batch__one_that_changed_nothing__gives_its_answers_to_the_next(journal: Journal) -> None:
    answer(journal, 1)
    journal.keep_voucher(make_voucher(4), DONE)
    first = journal.plan_batch(1, epoch=9)
    assert first is not None
    journal.end_batch(first, Fate.EXPIRED, is_settled=False)
    answer(journal, 2)
    second = journal.plan_batch(1, epoch=9)
    assert second is not None
    assert (second.count, second.voucher.serial) == (2, 4)
    assert second.order_id != first.order_id


def test_plan_batch__a_voucher_that_is_in_already__waits_for_the_next(journal: Journal) -> None:
    answer(journal, 1)
    journal.keep_voucher(make_voucher(4), DONE)
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    journal.end_batch(batch, Fate.FAILED, is_settled=True)
    assert journal.plan_batch(1, epoch=9) is None
    journal.keep_voucher(make_voucher(5), DONE)
    following = journal.plan_batch(1, epoch=9)
    assert following is not None
    assert following.count == 1


def test_plan_batch__vouchers_without_answers__have_no_root(journal: Journal) -> None:
    journal.keep_voucher(make_voucher(1), DONE)
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    assert (batch.root, batch.count) == (b"", 0)


def test_keep_answer__twice__is_refused(journal: Journal) -> None:
    answer(journal, 1)
    journal.keep_voucher(make_voucher(1), DONE)
    batch = journal.plan_batch(1, epoch=1)
    assert batch is not None
    journal.end_batch(batch, Fate.APPLIED, is_settled=True)
    (kept,) = journal.read_answers(1, 1)
    with pytest.raises(sqlite3.IntegrityError):
        journal.keep_answer(kept.receipt, BODY, make_ticket(1), DONE)


def test_outbox__what_is_signed__is_found_until_it_has_an_outcome(journal: Journal) -> None:
    tx = SignedTx(order_id="settle/1/4/0", chain_id="test-1", address="a", sequence=3, last_height=9, raw=b"raw")
    assert journal.find(tx.order_id) is None
    journal.record(tx)
    assert journal.find(tx.order_id) == tx
    assert journal.unsettled() == (tx,)
    result = TxResult(tx_hash="AB", height=5, code=0)
    journal.settle(Outcome(order_id=tx.order_id, fate=Fate.APPLIED, result=result))
    assert journal.find(tx.order_id) == Outcome(order_id=tx.order_id, fate=Fate.APPLIED, result=result)
    assert journal.unsettled() == ()


def test_open__a_second_process_or_another_host_or_a_foreign_file__is_refused(tmp_path: Path) -> None:
    database = Database.open(tmp_path, chain_id="test-1", host=HOST)
    with pytest.raises(PermanentError, match="home_locked"):
        open_journal(tmp_path)
    database.close()
    for chain_id, host in (("test-2", HOST), ("test-1", Host(b"x" * 20))):
        with pytest.raises(PermanentError, match="journal_foreign"):
            open_journal(tmp_path, chain_id, host)
    (tmp_path / FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(PermanentError, match="journal_unreadable"):
        open_journal(tmp_path)


def test_a_disk_that_takes_no_write__is_told_and_nothing_counts(tmp_path: Path) -> None:
    database = Database.open(tmp_path, chain_id="test-1", host=HOST)
    journal = Journal(database, chain_id="test-1", host=HOST)
    journal.keep_voucher(make_voucher(1), Tokens())
    database.all("PRAGMA query_only = ON")
    with pytest.raises(TransientError, match="disk_full"):
        journal.keep_voucher(make_voucher(2), Tokens())
    with pytest.raises(TransientError, match="disk_full"):
        journal.open_request(1, 1, bytes(32))
    state = journal.read_escrow(1)
    assert state.voucher == make_voucher(1)
