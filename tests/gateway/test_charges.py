"""Reservations and charges, whatever happens in which order."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.accounts import check_sums, get_balance
from gateway.charges import settle, settle_left
from gateway.money import PUSD
from gateway.policies import DAY_MS, Policy
from gateway.promises import Report, read_voucher_secret, record_work
from gateway.store import Store
from rules.vouchers import Tokens
from tests.gateway.ledgers import PRICE, TERMS, open_ledger, open_request
from wire.openai.errors import ApiError

COST = 100 * (PRICE.in_musd + PRICE.out_musd)


def report(store: Store, attempt_id: int, tokens_in: int, tokens_out: int, *, delivers: bool = True) -> None:
    secret = read_voucher_secret(store.connection)
    told = Report(attempt_id=attempt_id, tokens=Tokens(tokens_in=tokens_in, tokens_out=tokens_out), delivers=delivers)
    store.write_now(lambda c: record_work(c, TERMS, (told,), Tokens(), secret))


def test_reserve__worst_cases_under_way__are_not_spent_twice(tmp_path: Path) -> None:
    with open_ledger(tmp_path, usd=1) as (store, key):
        most = 10_000_000
        store.write_now(lambda c: open_request(c, key, "r1", most=most))
        with pytest.raises(ApiError) as caught:
            store.write_now(lambda c: open_request(c, key, "r2", most=most))
        assert caught.value.code == "insufficient_quota"
        store.write_now(lambda c: settle(c, "r1", "failed", 9))
        store.write_now(lambda c: open_request(c, key, "r2", most=most))
        check_sums(store.connection)


def test_settle__what_was_delivered__is_charged_and_the_rest_let_go(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        attempt = store.write_now(lambda c: open_request(c, key, "r1"))
        assert get_balance(store.connection, "acme").reserved_pusd == COST
        report(store, attempt, 10, 20)
        charged = store.write_now(lambda c: settle(c, "r1", "done", 9))
        assert charged == 10 * PRICE.in_musd + 20 * PRICE.out_musd
        balance = get_balance(store.connection, "acme")
        assert (balance.balance_pusd, balance.reserved_pusd) == (10 * PUSD - charged, 0)
        assert store.write_now(lambda c: settle(c, "r1", "done", 10)) == charged
        assert get_balance(store.connection, "acme") == balance


def test_settle__a_host_that_only_read_the_prompt__costs_the_customer_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        attempt = store.write_now(lambda c: open_request(c, key, "r1"))
        report(store, attempt, 50, 0, delivers=False)
        assert store.write_now(lambda c: settle(c, "r1", "failed", 9)) == 0
        assert check_sums(store.connection)["customer:acme"] == 10 * PUSD


def test_settle_left__after_a_crash__charges_what_is_on_disk_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        first = store.write_now(lambda c: open_request(c, key, "r1"))
        store.write_now(lambda c: open_request(c, key, "r2"))
        report(store, first, 5, 64)
    with Store.open(tmp_path) as store:
        assert store.write_now(lambda c: settle_left(c, 20)) == 2
        assert store.write_now(lambda c: settle_left(c, 21)) == 0
        assert check_sums(store.connection)["sales"] == 5 * PRICE.in_musd + 64 * PRICE.out_musd
        assert store.read("SELECT outcome FROM requests") == [("interrupted",), ("interrupted",)]


def test_reserve__the_cap_of_a_day__is_free_again_the_day_after(tmp_path: Path) -> None:
    with open_ledger(tmp_path, policy=Policy(day_pusd=COST)) as (store, key):
        attempt = store.write_now(lambda c: open_request(c, key, "r1", now_ms=DAY_MS))
        report(store, attempt, 100, 100)
        store.write_now(lambda c: settle(c, "r1", "done", DAY_MS + 1))
        with pytest.raises(ApiError) as caught:
            store.write_now(lambda c: open_request(c, key, "r2", most=1, now_ms=2 * DAY_MS - 1))
        assert caught.value.code == "daily_cap_reached"
        store.write_now(lambda c: open_request(c, key, "r2", now_ms=2 * DAY_MS))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["open", "report", "settle", "crash"]), st.integers(0, 100)),
        max_size=30,
    )
)
def test_any_order_of_requests__the_sums_agree_and_nothing_is_negative(steps: list[tuple[int, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as home, open_ledger(Path(home), usd=1) as (store, key):
        attempts: dict[int, int] = {}
        used: dict[int, int] = {}
        for now_ms, (number, what, tokens) in enumerate(steps, 10):
            if what == "open" and number not in attempts:
                attempts[number] = store.write_now(
                    lambda c, n=number, t=now_ms: open_request(c, key, f"r{n}", now_ms=t)  # type: ignore[misc]
                )
            elif what == "report" and number in attempts and number not in used:
                report(store, attempts[number], tokens, tokens)
            elif what == "settle" and number in attempts:
                charged = store.write_now(lambda c, n=number, t=now_ms: settle(c, f"r{n}", "done", t))  # type: ignore[misc]
                assert used.setdefault(number, charged) == charged
            elif what == "crash":
                store.write_now(lambda c, t=now_ms: settle_left(c, t))  # type: ignore[misc]
                for other in attempts:
                    used.setdefault(
                        other, store.read(f"SELECT charged_pusd FROM requests WHERE request_id = 'r{other}'")[0][0]
                    )
            sums = check_sums(store.connection)
            assert sum(sums.values()) == 0
            assert sums.get("sales", 0) == sum(used.values())
