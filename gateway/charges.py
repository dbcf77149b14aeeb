"""The customer's side of a request: its worst case is reserved before it runs, and it is charged what it used, once.

All of it are changes within one transaction of the caller.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from gateway.accounts import charge
from gateway.keys import ApiKey
from gateway.money import UsdPrice, compute_charge
from gateway.policies import DAY_MS, Standing, check_funds

INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A request that may run: `most_in` and `most_out` are the most tokens that it can use."""

    request_id: str
    key: ApiKey
    model: str
    price: UsdPrice
    most_in: int
    most_out: int


def reserve(connection: sqlite3.Connection, reservation: Reservation, now_ms: int) -> None:
    """Hold a request's worst case.  Raises ApiError as gateway.policies.check_funds does."""
    key = reservation.key
    cost = compute_charge(reservation.price, reservation.most_in, reservation.most_out)
    check_funds(key.policy, _read_standing(connection, key, now_ms), cost, now_ms)
    connection.execute(
        "INSERT INTO requests (request_id, key_id, customer, model, started_ms, in_musd, out_musd, reserved_pusd) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            reservation.request_id,
            key.key_id,
            key.customer,
            reservation.model,
            now_ms,
            reservation.price.in_musd,
            reservation.price.out_musd,
            cost,
        ),
    )
    _hold(connection, key.key_id, key.customer, cost)


def settle(connection: sqlite3.Connection, request_id: str, outcome: str, now_ms: int) -> int:
    """Charge a request for what an attempt of it delivered, and let the rest of its reservation go.

    An attempt that delivered no token of an answer costs its customer nothing.  Returns the charge in pico-dollars; a
    request that is settled already keeps its charge.
    """
    found = connection.execute(
        "SELECT key_id, customer, in_musd, out_musd, reserved_pusd, ended_ms, charged_pusd FROM requests "
        "WHERE request_id = ?",
        (request_id,),
    ).fetchone()
    key_id, customer, in_musd, out_musd, reserved, ended_ms, charged = found
    if ended_ms is not None:
        return int(charged)
    tokens_in, tokens_out = _find_delivered(connection, request_id)
    cost = compute_charge(UsdPrice(in_musd=in_musd, out_musd=out_musd), tokens_in, tokens_out)
    charge(connection, customer, cost, request_id, now_ms)
    _hold(connection, key_id, customer, -reserved)
    connection.execute(
        "UPDATE keys SET spent_pusd = spent_pusd + ?, day_pusd = CASE day WHEN ? THEN day_pusd ELSE 0 END + ?, day = ? "
        "WHERE key_id = ?",
        (cost, now_ms // DAY_MS, cost, now_ms // DAY_MS, key_id),
    )
    connection.execute(
        "UPDATE requests SET ended_ms = ?, outcome = ?, charged_pusd = ?, tokens_in = ?, tokens_out = ? "
        "WHERE request_id = ?",
        (now_ms, outcome, cost, tokens_in, tokens_out, request_id),
    )
    return cost


def settle_left(connection: sqlite3.Connection, now_ms: int) -> int:
    """Settle what a gateway that died left open, at what is on disk of it; returns how many."""
    left = connection.execute("SELECT request_id FROM requests WHERE ended_ms IS NULL").fetchall()
    for (request_id,) in left:
        settle(connection, request_id, INTERRUPTED, now_ms)
    return len(left)


def _find_delivered(connection: sqlite3.Connection, request_id: str) -> tuple[int, int]:
    """Tokens of the attempt that delivered, of which there is at most one."""
    found = connection.execute(
        "SELECT tokens_in, tokens_out FROM attempts WHERE request_id = ? AND delivers ORDER BY attempt_id DESC",
        (request_id,),
    ).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def _read_standing(connection: sqlite3.Connection, key: ApiKey, now_ms: int) -> Standing:
    balance, reserved = connection.execute(
        "SELECT balance_pusd, reserved_pusd FROM customers WHERE customer = ?", (key.customer,)
    ).fetchone()
    spent, day, day_pusd, key_reserved = connection.execute(
        "SELECT spent_pusd, day, day_pusd, reserved_pusd FROM keys WHERE key_id = ?", (key.key_id,)
    ).fetchone()
    return Standing(
        balance=balance,
        reserved=reserved,
        key_spent=spent,
        key_day=day_pusd if day == now_ms // DAY_MS else 0,
        key_reserved=key_reserved,
    )


def _hold(connection: sqlite3.Connection, key_id: str, customer: str, amount: int) -> None:
    connection.execute("UPDATE keys SET reserved_pusd = reserved_pusd + ? WHERE key_id = ?", (amount, key_id))
    connection.execute("UPDATE customers SET reserved_pusd = reserved_pusd + ? WHERE customer = ?", (amount, customer))
