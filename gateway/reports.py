"""Usage and invoices, from the ledger's rows alone: what a customer used in a period, and what it was charged."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chain_client.errors import PermanentError
from gateway.accounts import RECEIVED, get_balance
from gateway.money import UsdPrice, format_musd, format_usd
from gateway.prices import Rate, compute_musd, list_rates
from rules.params import GNK, MILLION

_PERIOD: Final = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A month or a day of UTC by its name, from `first_ms` to before `end_ms` (milliseconds since 1970)."""

    name: str
    first_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What was used of a model at one price with one key; `ngonka` is what its vouchers came to, rounded down."""

    customer: str
    key_id: str
    model: str
    price: UsdPrice
    requests: int
    tokens_in: int
    tokens_out: int
    charged_pusd: int
    ngonka: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A customer's period: balances in pico-dollars, `opening` + `received` - `charged` = `closing`."""

    customer: str
    period: Period
    lines: tuple[Line, ...]
    opening_pusd: int
    received_pusd: int
    charged_pusd: int
    closing_pusd: int
    rates: tuple[Rate, ...]


def parse_period(text: str) -> Period:
    """A month as 2026-11, or a day as 2026-11-23.  Raises: PermanentError `period_invalid`."""
    match = _PERIOD.fullmatch(text)
    try:
        if match is None:
            raise ValueError(f"{text[:40]!r} is neither a month nor a day")
        year, month, day = int(match[1]), int(match[2]), int(match[3] or 1)
        first = dt.datetime(year, month, day, tzinfo=dt.UTC)
        end = first + dt.timedelta(days=1 if match[3] else 31)
        if not match[3]:
            end = end.replace(day=1)
    except (ValueError, OverflowError) as error:
        raise PermanentError("period_invalid", str(error)) from error
    return Period(name=text, first_ms=int(first.timestamp()) * 1000, end_ms=int(end.timestamp()) * 1000)


def list_usage(connection: sqlite3.Connection, period: Period, customer: str | None = None) -> list[Line]:
    """Requests that ended in a period, together by customer, key, model and price."""
    rows = connection.execute(
        "SELECT r.customer, r.key_id, r.model, r.in_musd, r.out_musd, count(*), sum(r.tokens_in), sum(r.tokens_out), "
        "sum(r.charged_pusd), coalesce(sum(c.micro / 1000000), 0), coalesce(sum(c.micro % 1000000), 0) "
        "FROM requests r LEFT JOIN "
        "(SELECT request_id, sum(a.tokens_in * p.in_ngonka + a.tokens_out * p.out_ngonka) AS micro FROM attempts a "
        "JOIN pairs p USING (escrow_id, host) GROUP BY request_id) c USING (request_id) "
        "WHERE r.ended_ms >= ? AND r.ended_ms < ? AND (? IS NULL OR r.customer = ?) "
        "GROUP BY r.customer, r.key_id, r.model, r.in_musd, r.out_musd ORDER BY 1, 2, 3, 4, 5",
        (period.first_ms, period.end_ms, customer, customer),
    )
    return [
        Line(
            customer=name,
            key_id=key_id,
            model=model,
            price=UsdPrice(in_musd=in_musd, out_musd=out_musd),
            requests=requests,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            charged_pusd=charged,
            ngonka=whole + parts // MILLION,
        )
        for name, key_id, model, in_musd, out_musd, requests, tokens_in, tokens_out, charged, whole, parts in rows
    ]


def build_invoice(connection: sqlite3.Connection, customer: str, period: Period) -> Invoice:
    """What a customer owes and has paid.  Raises: PermanentError `customer_unknown`."""
    get_balance(connection, customer)
    opening = _sum_entries(connection, customer, 0, period.first_ms)
    received = _sum_entries(connection, customer, period.first_ms, period.end_ms, RECEIVED)
    closing = _sum_entries(connection, customer, 0, period.end_ms)
    return Invoice(
        customer=customer,
        period=period,
        lines=tuple(list_usage(connection, period, customer)),
        opening_pusd=opening,
        received_pusd=received,
        charged_pusd=opening + received - closing,
        closing_pusd=closing,
        rates=_find_rates(connection, period),
    )


def describe_line(line: Line) -> dict[str, str | int]:
    """A line as it is exported; USD as exact decimals."""
    return {
        "customer": line.customer,
        "key_id": line.key_id,
        "model": line.model,
        "usd_per_million_in": format_musd(line.price.in_musd),
        "usd_per_million_out": format_musd(line.price.out_musd),
        "requests": line.requests,
        "tokens_in": line.tokens_in,
        "tokens_out": line.tokens_out,
        "charged_usd": format_usd(line.charged_pusd),
        "ngonka": line.ngonka,
    }


def describe_invoice(invoice: Invoice) -> dict[str, object]:
    """An invoice as it is exported.

    `gnk_usd` are the operator's own rates in the period with the time of each, and `cost_usd_at_last_rate` what the
    hosts' work comes to at the last of them; null where none was set.
    """
    ngonka = sum(line.ngonka for line in invoice.lines)
    last = invoice.rates[-1] if invoice.rates else None
    return {
        "customer": invoice.customer,
        "period": invoice.period.name,
        "opening_usd": format_usd(invoice.opening_pusd),
        "received_usd": format_usd(invoice.received_pusd),
        "charged_usd": format_usd(invoice.charged_pusd),
        "closing_usd": format_usd(invoice.closing_pusd),
        "lines": [
            {name: value for name, value in describe_line(line).items() if name != "customer"} for line in invoice.lines
        ],
        "gnk_usd": [{"since": format_time(r.set_ms), "usd": format_musd(r.gnk_musd)} for r in invoice.rates],
        "ngonka": ngonka,
        "cost_usd_at_last_rate": format_musd(compute_musd(ngonka, last)) if last else None,
    }


def write_csv(records: Sequence[Mapping[str, str | int]]) -> str:
    """Records as CSV with a header; RFC 4180."""
    if not records:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def render_invoice(invoice: Invoice, *, issued_ms: int) -> str:
    """An invoice in lines of at most 80 characters."""
    told = [
        f"INVOICE  {invoice.customer}",
        f"period   {invoice.period.name} (UTC)",
        f"issued   {format_time(issued_ms)}",
        "",
        f"{'model':<34}{'requests':>10}{'tokens in':>12}{'tokens out':>12}{'USD':>12}",
        "-" * 80,
    ]
    for line in invoice.lines:
        told.append(
            f"{line.model[:33]:<34}{line.requests:>10}{line.tokens_in:>12}{line.tokens_out:>12}"
            f"{format_usd(line.charged_pusd):>12}"
        )
        prices = f"{format_musd(line.price.in_musd)} in, {format_musd(line.price.out_musd)} out, USD for 10^6 tokens"
        told.append(f"  {line.key_id}, {prices}")
    told += [
        "-" * 80,
        f"{'charged':<60}{format_usd(invoice.charged_pusd):>20}",
        f"{'balance before':<60}{format_usd(invoice.opening_pusd):>20}",
        f"{'received':<60}{format_usd(invoice.received_pusd):>20}",
        f"{'balance after':<60}{format_usd(invoice.closing_pusd):>20}",
    ]
    ngonka = sum(line.ngonka for line in invoice.lines)
    told += ["", f"Work of hosts: {ngonka // GNK}.{ngonka % GNK:09d} GNK."]
    told += [f"1 GNK = {format_musd(r.gnk_musd)} USD, set {format_time(r.set_ms)}." for r in invoice.rates]
    return "\n".join(told)


def format_time(time_ms: int) -> str:
    """Milliseconds since 1970 as 2026-11-23 18:30 UTC."""
    return dt.datetime.fromtimestamp(time_ms // 1000, tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _sum_entries(
    connection: sqlite3.Connection, customer: str, first_ms: int, end_ms: int, only: str | None = None
) -> int:
    """What entries before `end_ms` and not before `first_ms` bring a customer; `only` those from one account."""
    rows = connection.execute(
        "SELECT debit, amount_pusd FROM entries WHERE customer = ? AND at_ms >= ? AND at_ms < ?",
        (customer, first_ms, end_ms),
    )
    return sum(amount if debit == RECEIVED else -amount for debit, amount in rows if only is None or debit == only)


def _find_rates(connection: sqlite3.Connection, period: Period) -> tuple[Rate, ...]:
    """The rate in force when the period began, and those set within it."""
    rates = [rate for rate in list_rates(connection) if rate.set_ms < period.end_ms]
    before = [rate for rate in rates if rate.set_ms < period.first_ms]
    return (*before[-1:], *(rate for rate in rates if rate.set_ms >= period.first_ms))
