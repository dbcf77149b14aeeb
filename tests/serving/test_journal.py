"""The journal: what is kept, what is refused, and what is left after a crash at any statement."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chain_client.errors import PermanentError, TransientError
from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Outcome, SignedTx
from rules.answers import Answer, Receipt, build_receipt_tree
from rules.receipts import Settling, SignedReceipt, check_placing, find_settling
from rules.types import Host
from rules.vouchers import Tokens
from serving.database import FILE_NAME, Database
from serving.journal import Batch, Journal, KeptReceipt
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
    """Keeps a request and its answer; the receipt."""
    return sign(journal, request).receipt


def sign(journal: Journal, request: int) -> SignedReceipt:
    """Keeps a request and its answer; what is signed of it."""
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
    assert sign(journal, 2).after_serial == 4
    second = journal.plan_batch(1, epoch=9)
    assert second is not None
    assert (second.count, second.root, second.voucher.serial) == (1, first.root, 4), "the second waits for another"
    assert second.order_id != first.order_id
    journal.end_batch(second, Fate.REFUSED, is_settled=False)
    journal.keep_voucher(make_voucher(6), DONE)
    third = journal.plan_batch(1, epoch=9)
    assert third is not None
    assert (third.count, third.voucher.serial) == (2, 6)


def test_keep_answer__whatever_becomes_of_a_batch__hangs_after_the_greatest_serial_planned(journal: Journal) -> None:
    assert sign(journal, 1).after_serial == 0
    journal.keep_voucher(make_voucher(4), DONE)
    assert sign(journal, 2).after_serial == 0, "a voucher that is not planned for hangs it"
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    assert batch.count == 2
    assert sign(journal, 3).after_serial == 4
    journal.end_batch(batch, Fate.REFUSED, is_settled=False)
    assert sign(journal, 4).after_serial == 4
    assert journal.plan_batch(2, epoch=9) is None
    journal.keep_voucher(make_voucher(2**64 - 1), DONE)
    assert journal.plan_batch(1, epoch=9)
    assert sign(journal, 5).after_serial == 2**64 - 1


def test_find_receipt__before_and_after_its_voucher__tells_which(journal: Journal) -> None:
    digest = answer(journal, 2**64 - 1)
    assert journal.find_receipt(1, 3) is None
    assert journal.find_receipt(2, 2**64 - 1) is None
    journal.keep_voucher(make_voucher(4), DONE)
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    assert journal.find_receipt(1, 2**64 - 1) == KeptReceipt(receipt=digest, serial=0)
    assert journal.read_leaves(1, 4) == ((2**64 - 1, digest),), "where it will hang is known"
    journal.end_batch(batch, Fate.APPLIED, is_settled=True)
    assert journal.find_receipt(1, 2**64 - 1) == KeptReceipt(receipt=digest, serial=4)
    assert journal.read_leaves(1, 4) == ((2**64 - 1, digest),)


def test_forget__the_plaintext_first__and_receipts_when_none_can_be_placed_any_more(
    journal: Journal, tmp_path: Path
) -> None:
    digest = answer(journal, 1)
    journal.keep_voucher(make_voucher(4), DONE)
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    journal.end_batch(batch, Fate.APPLIED, is_settled=True)
    answer(journal, 2)
    for epoch, has_plaintext, has_receipt in ((11, True, True), (12, False, True), (13, False, True)):
        journal.forget(epoch, ())
        assert bool(journal.read_answers(1, 4)) == has_plaintext
        assert (journal.read_leaves(1, 4) == ((1, digest),)) == has_receipt
    (left,) = Database.peek(tmp_path).all(
        "SELECT ticket, body, salt, tokens FROM answers WHERE request = ?", bytes(7) + b"\1"
    )
    assert left == (b"", b"", b"", b"")
    journal.forget(13, (1,))
    assert journal.list_escrows() == (1,), "a receipt of it may be asked for"
    assert journal.find_receipt(1, 2) is None, "it never hung anywhere"
    journal.forget(14, (1,))
    assert journal.find_receipt(1, 1) is None
    assert journal.list_escrows() == ()


VERSION_2 = """
BEGIN;
DROP INDEX batches_by_escrow;
CREATE TABLE old (escrow_id INTEGER, request BLOB, ticket BLOB NOT NULL, body BLOB NOT NULL,
    salt BLOB NOT NULL, tokens BLOB NOT NULL, receipt BLOB NOT NULL, order_id TEXT, PRIMARY KEY (escrow_id, request));
INSERT INTO old SELECT escrow_id, request, ticket, body, salt, tokens, receipt, order_id FROM answers;
DROP TABLE answers;
ALTER TABLE old RENAME TO answers;
CREATE INDEX answers_by_order ON answers (order_id);
PRAGMA user_version = 2;
COMMIT;
"""
"""Makes of a file what the build before signed receipts left."""


def test_open__a_file_of_the_build_before__keeps_all_and_hangs_what_hung_nowhere(tmp_path: Path) -> None:
    database = Database.open(tmp_path, chain_id="test-1", host=HOST)
    journal = Journal(database, chain_id="test-1", host=HOST)
    for request, serial, fate in ((1, 4, Fate.APPLIED), (2, 5, Fate.EXPIRED)):
        answer(journal, request)
        journal.keep_voucher(make_voucher(serial), DONE)
        batch = journal.plan_batch(1, epoch=9)
        assert batch is not None
        journal.end_batch(batch, fate, is_settled=False)
    answer(journal, 3)
    database.close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.executescript(VERSION_2)
    connection.close()
    journal = open_journal(tmp_path)
    assert [kept.receipt.request for kept in journal.read_answers(1, 4)] == [1]
    batch = journal.plan_batch(1, epoch=9)
    assert batch is not None
    assert (batch.count, batch.voucher.serial) == (2, 5), "nothing was said of where the third would hang"
    assert sign(journal, 4).after_serial == 5


def test_open__a_file_of_a_later_build__is_refused(tmp_path: Path) -> None:
    Database.open(tmp_path, chain_id="test-1", host=HOST).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version = 4")
    connection.close()
    with pytest.raises(PermanentError, match="journal_unreadable"):
        open_journal(tmp_path)


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


FATES = st.sampled_from([Fate.APPLIED, Fate.FAILED, Fate.REFUSED, Fate.EXPIRED])
EVENTS = st.lists(st.sampled_from(["answer", "sign", "die"]), max_size=3)


class Hanging(RuleBasedStateMachine):
    """A journal between a developer that signs and a chain that settles: batches apply, fail, expire, are tried again;
    answers and vouchers come at any moment; the process dies at any moment.
    """

    def __init__(self) -> None:
        super().__init__()
        self.home = TemporaryDirectory()
        self.open()
        self.receipts: list[SignedReceipt] = []
        self.serial = self.signed = 0
        self.chain: tuple[Settling, ...] = ()

    def open(self) -> None:
        self.database = Database.open(Path(self.home.name), chain_id="test-1", host=HOST)
        self.journal = Journal(self.database, chain_id="test-1", host=HOST)

    def teardown(self) -> None:
        self.database.close()
        self.home.cleanup()

    @property
    def newest(self) -> int:
        return self.chain[-1].serial if self.chain else 0

    @rule()
    def answer(self) -> None:
        self.receipts.append(sign(self.journal, len(self.receipts) + 1))

    @rule(step=st.integers(1, 3), ahead=st.integers(-2, 4))
    def sign_voucher(self, step: int, ahead: int) -> None:
        """For answers of one token each, but for the last few, or for a few that are to come."""
        self.serial += step
        self.signed = max(len(self.receipts) + ahead, self.signed)
        voucher = pb.Voucher(chain_id="test-1", escrow_id=1, serial=self.serial, tokens_out=self.signed)
        self.journal.keep_voucher(voucher, DONE)

    @rule(fate=FATES, unsent=EVENTS, unheard=EVENTS)
    def settle(self, fate: Fate, unsent: list[str], unheard: list[str]) -> None:
        """A batch is planned, sent, and heard of; in between happens what may."""
        batch = self.journal.plan_batch(1, epoch=9)
        if batch is None:
            assert self.serial == self.newest
            return
        self.pass_time(unsent)
        fate = self.send(batch, fate)
        self.pass_time(unheard)
        assert self.journal.plan_batch(1, epoch=9) == batch, "what is planned is gone on with"
        self.journal.end_batch(batch, fate, is_settled=fate is Fate.APPLIED)

    def send(self, batch: Batch, fate: Fate) -> Fate:
        """The chain takes a batch, or it does not."""
        if fate is not Fate.APPLIED:
            return fate
        settling = Settling(
            epoch=9, after_serial=self.newest, serial=batch.voucher.serial, root=batch.root, count=batch.count
        )
        self.chain = (*self.chain, settling)
        return fate

    def pass_time(self, events: list[str]) -> None:
        for event in events:
            if event == "answer":
                self.answer()
            elif event == "sign":
                self.sign_voucher(1, 1)
            else:
                self.database.close()
                self.open()
            self.every_receipt_hangs_where_it_was_signed_to_and_nowhere_else()

    @invariant()
    def every_receipt_hangs_where_it_was_signed_to_and_nowhere_else(self) -> None:
        leaves = {settling.serial: self.journal.read_leaves(1, settling.serial) for settling in self.chain}
        for signed in self.receipts:
            leaf = (signed.request, signed.receipt)
            hung = [serial for serial in leaves if leaf in leaves[serial]]
            if self.newest <= signed.after_serial:
                assert hung == []
                continue
            settling = find_settling(signed.after_serial, self.chain, self.newest)
            assert hung == [settling.serial]
            tree, position = build_receipt_tree(leaves[settling.serial]), leaves[settling.serial].index(leaf)
            proof = tree.prove([position])
            check_placing(settling, leaf, position, proof.siblings, proof.splits)
            kept = self.journal.find_receipt(1, signed.request)
            assert kept is not None
            assert kept.receipt == signed.receipt
            assert kept.serial in {0, settling.serial}, "the chain may know it first"


TestHanging = Hanging.TestCase
TestHanging.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
