"""Customers, their prepaid balances, and the double-entry ledger behind them.

Every entry moves an amount from one account to another: a top-up from `received` to a customer, a charge from a
customer to `sales`.  A balance is kept beside them, and equals what the entries say (`check_sums`).
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import Final

from chain_client.errors import PermanentError
from gateway.money import LARGEST_USD, PUSD, format_usd

RECEIVED: Final = "received"
SALES: Final = "sales"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A customer's prepaid money in pico-dollars; of it, `reserved` is held for requests under way."""

    customer: str
    balance_pusd: int
    reserved_pusd: int


def add_customer(connection: sqlite3.Connection, customer: str, now_ms: int) -> None:
    """A customer with nothing, unless there is one already.  Raises: PermanentError `customer_invalid`."""
    if not _NAME.fullmatch(customer):
        raise PermanentError("customer_invalid", f"{customer[:80]!r} names no customer")
    connection.execute("INSERT OR IGNORE INTO customers VALUES (?, 0, 0, ?)", (customer, now_ms))


def top_up(connection: sqlite3.Connection, customer: str, amount_pusd: int, note: str, now_ms: int) -> Balance:
    """Credit money that was received; a customer is made when missing.

    Raises: PermanentError `customer_invalid`; `usd_invalid` for nothing, or a balance above 1,000,000 USD.
    """
    add_customer(connection, customer, now_ms)
    if amount_pusd < 1:
        raise PermanentError("usd_invalid", "the amount must be above zero")
    before = get_balance(connection, customer)
    if before.balance_pusd + amount_pusd > LARGEST_USD * PUSD:
        raise PermanentError("usd_invalid", f"a balance is at most {LARGEST_USD:,} USD")
    _enter(connection, customer, (RECEIVED, f"customer:{customer}"), amount_pusd, (now_ms, None, note))
    connection.execute(
        "UPDATE customers SET balance_pusd = balance_pusd + ? WHERE customer = ?", (amount_pusd, customer)
    )
    return get_balance(connection, customer)


def charge(connection: sqlite3.Connection, customer: str, amount_pusd: int, request_id: str, now_ms: int) -> None:
    """Take what a request costs, once: the entries know each request at most once.

    Raises sqlite3.IntegrityError for a request that was charged before.
    """
    if not amount_pusd:
        return
    _enter(connection, customer, (f"customer:{customer}", SALES), amount_pusd, (now_ms, request_id, ""))
    connection.execute(
        "UPDATE customers SET balance_pusd = balance_pusd - ? WHERE customer = ?", (amount_pusd, customer)
    )


def get_balance(connection: sqlite3.Connection, customer: str) -> Balance:
    """Raises: PermanentError `customer_unknown`."""
    found = [balance for balance in list_balances(connection, customer) if balance.customer == customer]
    if not found:
        raise PermanentError("customer_unknown", f"no customer is called {customer[:80]!r}")
    return found[0]


def list_balances(connection: sqlite3.Connection, customer: str | None = None) -> list[Balance]:
    """All customers by name, or the one named."""
    rows = connection.execute(
        "SELECT customer, balance_pusd, reserved_pusd FROM customers WHERE ? IS NULL OR customer = ? ORDER BY customer",
        (customer, customer),
    )
    return [Balance(customer=name, balance_pusd=balance, reserved_pusd=reserved) for name, balance, reserved in rows]


def check_sums(connection: sqlite3.Connection) -> dict[str, int]:
    """What each account holds by the entries, in pico-dollars; all of them add up to zero.

    Raises: PermanentError `ledger_unbalanced` where a balance, a charge or a reservation kept beside the entries says
    otherwise.
    """
    held: Counter[str] = Counter()
    for debit, credit, amount in connection.execute("SELECT debit, credit, amount_pusd FROM entries"):
        held[debit] -= amount
        held[credit] += amount
    for balance in list_balances(connection):
        _agree(f"the balance of {balance.customer}", balance.balance_pusd, held[f"customer:{balance.customer}"])
        _agree(
            f"what is reserved of {balance.customer}",
            balance.reserved_pusd,
            _sum(connection, "reserved_pusd FROM requests WHERE ended_ms IS NULL AND customer = ?", balance.customer),
        )
    _agree("sales", held[SALES], _sum(connection, "charged_pusd FROM requests WHERE ended_ms IS NOT NULL"))
    for key_id, spent in connection.execute("SELECT key_id, spent_pusd FROM keys").fetchall():
        _agree(f"what {key_id} spent", spent, _sum(connection, "charged_pusd FROM requests WHERE key_id = ?", key_id))
    return dict(held)


def _sum(connection: sqlite3.Connection, rest: str, *values: str) -> int:
    return sum(amount for (amount,) in connection.execute(f"SELECT {rest}", values))


def _agree(what: str, kept: int, counted: int) -> None:
    if kept != counted:
        raise PermanentError(
            "ledger_unbalanced", f"{what} is kept as {format_usd(kept)} USD, its rows come to {format_usd(counted)}"
        )


def _enter(
    connection: sqlite3.Connection,
    customer: str,
    accounts: tuple[str, str],
    amount_pusd: int,
    circumstances: tuple[int, str | None, str],
) -> None:
    debit, credit = accounts
    now_ms, request_id, note = circumstances
    connection.execute(
        "INSERT INTO entries (at_ms, customer, debit, credit, amount_pusd, request_id, note) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (now_ms, customer, debit, credit, amount_pusd, request_id, note),
    )
