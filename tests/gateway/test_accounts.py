import sqlite3
from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from gateway.accounts import check_sums, get_balance, list_balances, top_up
from gateway.charges import settle
from gateway.money import PUSD
from gateway.promises import Report, read_voucher_secret, record_work
from rules.vouchers import Tokens
from tests.gateway.ledgers import TERMS, open_ledger, open_request


def test_top_up__twice__is_two_entries_and_their_sum(tmp_path: Path) -> None:
    with open_ledger(tmp_path, usd=10) as (store, _):
        balance = store.write_now(lambda c: top_up(c, "acme", 5, "invoice 17", 2))
        assert balance.balance_pusd == 10 * PUSD + 5
        assert check_sums(store.connection) == {
            "received": -balance.balance_pusd,
            "customer:acme": balance.balance_pusd,
        }
        assert store.read("SELECT note FROM entries") == [("",), ("invoice 17",)]


@pytest.mark.parametrize(
    ("customer", "amount", "code"),
    [
        ("acme", 0, "usd_invalid"),
        ("acme", 10**6 * PUSD, "usd_invalid"),
        ("", 1, "customer_invalid"),
        ("a b", 1, "customer_invalid"),
        ("../x", 1, "customer_invalid"),
        ("a" * 65, 1, "customer_invalid"),
    ],
)
def test_top_up__what_cannot_be__changes_nothing(tmp_path: Path, customer: str, amount: int, code: str) -> None:
    with open_ledger(tmp_path) as (store, _):
        with pytest.raises(PermanentError) as caught:
            store.write_now(lambda c: top_up(c, customer, amount, "", 2))
        assert caught.value.code == code
        assert [b.balance_pusd for b in list_balances(store.connection)] == [10 * PUSD]


def test_get_balance__a_stranger__is_unknown(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _), pytest.raises(PermanentError) as caught:
        get_balance(store.connection, "nobody")
    assert caught.value.code == "customer_unknown"


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE customers SET balance_pusd = balance_pusd + 1",
        "UPDATE customers SET reserved_pusd = reserved_pusd + 1",
        "DELETE FROM entries WHERE request_id IS NOT NULL",
        "UPDATE requests SET charged_pusd = charged_pusd + 1",
        "UPDATE keys SET spent_pusd = spent_pusd - 1",
    ],
)
def test_check_sums__one_number_changed__does_not_agree(tmp_path: Path, tampering: str) -> None:
    with open_ledger(tmp_path) as (store, key):
        secret = read_voucher_secret(store.connection)
        attempt = store.write_now(lambda c: open_request(c, key, "r1"))
        report = Report(attempt_id=attempt, tokens=Tokens(tokens_in=3, tokens_out=4), delivers=True)
        store.write_now(lambda c: record_work(c, TERMS, (report,), Tokens(), secret))
        store.write_now(lambda c: settle(c, "r1", "done", 9))
        check_sums(store.connection)
        store.write_now(lambda c: c.execute(tampering))
        with pytest.raises(PermanentError) as caught:
            check_sums(store.connection)
        assert caught.value.code == "ledger_unbalanced"


def test_charge__the_same_request_again__is_refused_by_the_ledger_itself(tmp_path: Path) -> None:
    from gateway.accounts import charge

    with open_ledger(tmp_path) as (store, key):
        store.write_now(lambda c: open_request(c, key, "r1"))
        store.write_now(lambda c: charge(c, "acme", 5, "r1", 2))
        with pytest.raises(sqlite3.IntegrityError):
            store.write_now(lambda c: charge(c, "acme", 5, "r1", 3))
        assert get_balance(store.connection, "acme").balance_pusd == 10 * PUSD - 5
