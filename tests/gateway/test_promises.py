"""Tickets and vouchers on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from gateway.promises import PairState, Report, read_pair, read_voucher_secret, record_work
from gateway.store import Store
from rules.addresses import encode_address
from rules.vouchers import Tokens, Voucher, check_progress
from tests.gateway.ledgers import TERMS, open_ledger, open_request
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.vouchers import read_voucher

HOST = encode_address(TERMS.host)


def record(store: Store, reports: tuple[Report, ...], wanted: int = 0) -> PairState:
    secret = read_voucher_secret(store.connection)
    tokens = Tokens(tokens_in=wanted, tokens_out=wanted)
    return store.write_now(lambda c: record_work(c, TERMS, reports, tokens, secret))


def told(attempt_id: int, tokens_in: int, tokens_out: int) -> Report:
    return Report(attempt_id=attempt_id, tokens=Tokens(tokens_in=tokens_in, tokens_out=tokens_out), delivers=True)


def test_open_attempt__each__has_a_number_of_its_own_also_after_a_restart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        for name in ("r1", "r2"):
            store.write_now(lambda c, n=name: open_request(c, key, n))  # type: ignore[misc]
    with Store.open(tmp_path) as store:
        store.write_now(lambda c: open_request(c, key, "r3"))
        assert store.read("SELECT ticket FROM attempts ORDER BY attempt_id") == [(1,), (2,), (3,)]


def test_record_work__an_older_report__changes_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        attempt = store.write_now(lambda c: open_request(c, key, "r1"))
        newest = record(store, (told(attempt, 10, 20),))
        assert record(store, (told(attempt, 9, 19),)) == newest
        assert newest.serial == 1


def test_record_work__the_disk_and_the_answer__are_the_same(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        attempt = store.write_now(lambda c: open_request(c, key, "r1"))
        state = record(store, (told(attempt, 10, 20),), wanted=500)
        assert state == read_pair(store.connection, TERMS.escrow_id, HOST)
        assert state.signed.beyond(state.delivered) == TERMS.credit_tokens


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 300), st.integers(0, 300), st.integers(0, 600)), max_size=25)
)
def test_record_work__any_reports__each_voucher_follows_the_one_before_and_covers_the_work(
    steps: list[tuple[int, int, int, int]],
) -> None:
    with tempfile.TemporaryDirectory() as home, open_ledger(Path(home)) as (store, key):
        public = SigningKey(Secret(read_voucher_secret(store.connection))).public_key
        attempts = [store.write_now(lambda c, n=n: open_request(c, key, f"r{n}", most=600)) for n in range(4)]  # type: ignore[misc]
        newest: Voucher | None = None
        for which, tokens_in, tokens_out, wanted in steps:
            state = record(store, (told(attempts[which], tokens_in, tokens_out),), wanted)
            assert state.signed.beyond(state.delivered) <= TERMS.credit_tokens
            assert state.delivered.beyond(state.signed) == 0
            if state.serial and (newest is None or state.serial > newest.serial):
                voucher = read_voucher(pb.Voucher.FromString(state.voucher), public)
                check_progress(TERMS, newest, voucher)
                newest = voucher
