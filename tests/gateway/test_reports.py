import csv
import io
from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from gateway.accounts import top_up
from gateway.charges import settle
from gateway.money import PUSD, parse_usd
from gateway.prices import set_rate
from gateway.promises import Report, read_voucher_secret, record_work
from gateway.reports import (
    build_invoice,
    describe_invoice,
    describe_line,
    list_usage,
    parse_period,
    render_invoice,
    write_csv,
)
from gateway.store import Store
from rules.vouchers import Tokens
from tests.gateway.ledgers import TERMS, open_ledger, open_request

DAY = 86_400_000
NOVEMBER = parse_period("2026-11")


def use(store: Store, key: object, name: str, at_ms: int, tokens: int) -> None:
    attempt = store.write_now(lambda c: open_request(c, key, name, now_ms=at_ms))  # type: ignore[arg-type]
    secret = read_voucher_secret(store.connection)
    told = Report(attempt_id=attempt, tokens=Tokens(tokens_in=tokens, tokens_out=tokens), delivers=True)
    store.write_now(lambda c: record_work(c, TERMS, (told,), Tokens(), secret))
    store.write_now(lambda c: settle(c, name, "done", at_ms))


@pytest.mark.parametrize(
    ("text", "days"), [("2026-11", 30), ("2026-12", 31), ("2028-02", 29), ("2026-11-23", 1), ("2026-12-31", 1)]
)
def test_parse_period__a_month_or_a_day__has_its_length(text: str, days: int) -> None:
    period = parse_period(text)
    assert period.end_ms - period.first_ms == days * DAY


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-02-30", "26-11", "", "2026-11-23T00", "9999-12", "٢٠٢٦-11"])
def test_parse_period__anything_else__is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_period(text)
    assert caught.value.code == "period_invalid"


def test_list_usage__more_work_than_63_bits_of_its_smallest_unit__is_exact(tmp_path: Path) -> None:
    tokens = 3 * 10**12 + 1
    with open_ledger(tmp_path) as (store, key):
        for name in ("first", "second"):
            use(store, key, name, NOVEMBER.first_ms, 7)
        store.write_now(lambda c: c.execute("UPDATE attempts SET tokens_in = ?, tokens_out = 0", (tokens,)))
        store.write_now(lambda c: c.execute("UPDATE pairs SET in_ngonka = 2000000"))
        (line,) = list_usage(store.connection, NOVEMBER)
        assert line.ngonka == 2 * tokens * 2


def test_build_invoice__a_month__has_what_ended_in_it_and_balances_that_add_up(tmp_path: Path) -> None:
    with open_ledger(tmp_path, usd=10) as (store, key):
        use(store, key, "october", NOVEMBER.first_ms - 1, 7)
        use(store, key, "first", NOVEMBER.first_ms, 10)
        use(store, key, "last", NOVEMBER.end_ms - 1, 20)
        use(store, key, "december", NOVEMBER.end_ms, 40)
        store.write_now(lambda c: top_up(c, "acme", 3 * PUSD, "", NOVEMBER.first_ms + 5))
        invoice = build_invoice(store.connection, "acme", NOVEMBER)
        (line,) = invoice.lines
        assert (line.requests, line.tokens_in, line.tokens_out) == (2, 30, 30)
        assert line.charged_pusd == invoice.charged_pusd == 30 * 80_000
        assert invoice.opening_pusd == 10 * PUSD - 7 * 80_000
        assert invoice.opening_pusd + invoice.received_pusd - invoice.charged_pusd == invoice.closing_pusd
        assert line.ngonka == 30 * 3


def test_build_invoice__the_rates__are_the_one_in_force_and_those_set_since(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        for usd, at_ms in [("1", 1), ("2", 2), ("3", NOVEMBER.first_ms + 1), ("4", NOVEMBER.end_ms)]:
            store.write_now(lambda c, u=usd, t=at_ms: set_rate(c, parse_usd(u) // 10**6, t))  # type: ignore[misc]
        use(store, key, "r", NOVEMBER.first_ms, 100)
        told = describe_invoice(build_invoice(store.connection, "acme", NOVEMBER))
        assert told["gnk_usd"] == [
            {"since": "1970-01-01 00:00 UTC", "usd": "2.00"},
            {"since": "2026-11-01 00:00 UTC", "usd": "3.00"},
        ]
        assert told["ngonka"] == 300


def test_render_invoice__whatever_the_numbers__fits_80_columns(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        use(store, key, "r", NOVEMBER.first_ms, 99)
        store.write_now(lambda c: set_rate(c, 450_000, 5))
        text = render_invoice(build_invoice(store.connection, "acme", NOVEMBER), issued_ms=NOVEMBER.end_ms)
    assert max(map(len, text.splitlines())) <= 80
    assert "1 GNK = 0.45 USD, set 1970-01-01 00:00 UTC." in text


def test_write_csv__lines__read_back_as_they_were(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, key):
        use(store, key, "r", NOVEMBER.first_ms, 10)
        lines = [describe_line(line) for line in list_usage(store.connection, NOVEMBER)]
    assert [dict(row) for row in csv.DictReader(io.StringIO(write_csv(lines)))] == [
        {name: str(value) for name, value in line.items()} for line in lines
    ]
    assert write_csv([]) == ""


def test_build_invoice__a_stranger__is_unknown(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as (store, _), pytest.raises(PermanentError) as caught:
        build_invoice(store.connection, "nobody", NOVEMBER)
    assert caught.value.code == "customer_unknown"
