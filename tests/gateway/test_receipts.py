"""Receipts checked, and on disk."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.doubts import Doubt, Plan
from gateway.receipts import (
    MOST_KEPT,
    Chosen,
    Expected,
    Tally,
    check_note,
    keep_receipt,
    list_doubts,
    list_drawn,
    list_places,
    list_tallies,
    read_kept,
    record_checked,
    record_failed,
    record_missing,
    record_plan,
    record_shown,
)
from gateway.store import Store
from rules.addresses import encode_address
from rules.receipts import SignedReceipt
from tests.gateway.ledgers import TERMS, make_kept, open_ledger, open_request
from wire.openai.errors import ApiError
from wire.openai.notes import AnswerNote
from wire.vouchers import sign_receipt

HOST = encode_address(TERMS.host)
PLACE = (TERMS.escrow_id, HOST)
SECRET, OTHER = b"\x21" * 32, b"\x22" * 32
KEY, OTHER_KEY = (PrivateKey(secret).public_key.format() for secret in (SECRET, OTHER))
EXPECTED = Expected(terms=TERMS, request=5, settled_serial=3, signed_serial=9, keys=(KEY,))


def sign(secret: bytes = SECRET, **changes: Any) -> AnswerNote:
    """A host's note; `changes` are to what it signs."""
    fields = {
        "chain_id": TERMS.chain_id,
        "escrow_id": TERMS.escrow_id,
        "host": TERMS.host,
        "request": 5,
        "after_serial": 4,
        "receipt": b"\x07" * 32,
    }
    signed = SignedReceipt(**(fields | changes))
    return AnswerNote(
        request=signed.request,
        tokens_in=1,
        tokens_out=1,
        after_serial=signed.after_serial,
        receipt=signed.receipt,
        signature=sign_receipt(secret, signed).signature,
    )


@pytest.mark.parametrize("after_serial", [3, 4, 9])
def test_check_note__as_it_must_be__is_kept_with_the_key_that_signed(after_serial: int) -> None:
    kept = check_note(sign(after_serial=after_serial), replace(EXPECTED, keys=(OTHER_KEY, KEY)))
    assert (kept.serving_pubkey, kept.signed.after_serial) == (KEY, after_serial)


WRONG = [
    (sign(chain_id="other-1"), "another chain"),
    (sign(escrow_id=8), "another escrow"),
    (sign(host=b"\x09" * 20), "another host"),
    (sign(request=6), "another request"),
    (sign(after_serial=2), "a voucher before the one that had settled"),
    (sign(after_serial=10), "a voucher that was never signed"),
    (sign(receipt=b"\x07" * 31), "no hash"),
    (sign(OTHER), "another key"),
    (replace(sign(), receipt=b"\x08" * 32), "another receipt than was signed"),
    (replace(sign(), after_serial=5), "another serial than was signed"),
    (replace(sign(), signature=b""), "no signature"),
]


@pytest.mark.parametrize(("note", "what"), WRONG, ids=[what for _, what in WRONG])
def test_check_note__anything_else__is_refused(note: AnswerNote, what: str) -> None:
    with pytest.raises(ApiError) as caught:
        check_note(note, EXPECTED)
    assert caught.value.code == "host_receipt_invalid"


def test_check_note__a_host_that_never_named_a_key__is_refused() -> None:
    with pytest.raises(ApiError):
        check_note(sign(), replace(EXPECTED, keys=(b"",)))


def keep(store: Store, *requests: int) -> None:
    for request in requests:
        kept, chosen = make_kept(request, after_serial=request), Chosen(epoch=3, rank=1, now_ms=1)
        store.write_now(lambda c, k=kept, h=chosen: keep_receipt(c, k, h))  # type: ignore[misc]


def test_keep_receipt__is_read_back_as_it_was_also_after_a_restart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        assert not list_places(store.connection)
        store.write_now(lambda c: open_request(c, key, "r1"))
        keep(store, 1, 2)
    with Store.open(tmp_path) as store:
        assert list_places(store.connection) == [PLACE]
        assert read_kept(store.connection, PLACE, 2) == make_kept(2, after_serial=2)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(3, 4), st.integers(0, 300)), max_size=3 * MOST_KEPT))
def test_keep_receipt__many__those_of_the_lowest_ranks_of_each_epoch_are_kept(arrivals: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as home, open_ledger(Path(home)) as (store, _):

        def write(connection: sqlite3.Connection) -> None:
            for request, (epoch, rank) in enumerate(arrivals):
                keep_receipt(connection, make_kept(request), Chosen(epoch=epoch, rank=rank, now_ms=1))

        store.write_now(write)
        for epoch in (3, 4):
            expected = sorted((rank, request) for request, (at, rank) in enumerate(arrivals) if at == epoch)
            kept = store.read("SELECT rank, request FROM receipts WHERE epoch = ? ORDER BY rank, request", epoch)
            assert kept == expected[:MOST_KEPT]


def test_list_doubts__a_serial__only_what_can_hang_by_now(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _):
        keep(store, 1, 2, 3)
        assert [d.request for d in list_doubts(store.connection, PLACE, 3)] == [1, 2]
        assert not list_doubts(store.connection, (8, HOST), 3)


def test_record_plan__drawn_and_forgotten__only_what_is_drawn_is_asked_for_when_it_is_time(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _):
        keep(store, 1, 2, 3)
        store.write_now(lambda c: record_plan(c, PLACE, Plan(forgotten=(1,), drawn=(2,))))
        doubts = list_doubts(store.connection, PLACE, 9)
        assert [(d.request, d.is_drawn) for d in doubts] == [(2, True), (3, False)]
        assert list_drawn(store.connection, 0) == {PLACE}
        failed = replace(doubts[0], refused=1, failed=2, next_ms=500)
        store.write_now(lambda c: record_failed(c, PLACE, [failed]))
        assert list_doubts(store.connection, PLACE, 9)[0] == failed
        assert [list_drawn(store.connection, now) for now in (499, 500)] == [set(), {PLACE}]


def test_list_tallies__each_outcome__is_counted_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _):
        keep(store, *range(1, 8))
        store.write_now(lambda c: record_checked(c, PLACE, [1, 2, 99]))
        assert store.write_now(lambda c: record_missing(c, PLACE, 3))
        assert not store.write_now(lambda c: record_missing(c, PLACE, 3))
        store.write_now(lambda c: record_missing(c, PLACE, 4))
        for _ in range(2):
            store.write_now(lambda c: record_shown(c, PLACE, 3))
        assert list_tallies(store.connection) == [Tally(host=HOST, kept=4, checked=2, missing=2, shown=1)]
        assert Doubt(request=4, after_serial=4) in list_doubts(store.connection, PLACE, 9)
