"""The price list in USD, and the operator's own rate of GNK, of which the chain knows nothing."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Final

from chain_client.errors import PermanentError
from gateway.money import UsdPrice
from rules.params import GNK

_NAME: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Micro-dollars for one GNK, and since when (milliseconds since 1970) the operator says so."""

    gnk_musd: int
    set_ms: int


def set_price(connection: sqlite3.Connection, model: str, price: UsdPrice, now_ms: int) -> None:
    """Sell a model at a price from now on; requests under way keep theirs.  Raises `model_name_invalid`."""
    if not _NAME.fullmatch(model):
        raise PermanentError("model_name_invalid", f"{model[:80]!r} names no model")
    connection.execute(
        "INSERT OR REPLACE INTO prices VALUES (?, ?, ?, ?)", (model, price.in_musd, price.out_musd, now_ms)
    )


def remove_price(connection: sqlite3.Connection, model: str) -> None:
    """Sell a model no more.  Raises: PermanentError `price_unknown`."""
    if not connection.execute("DELETE FROM prices WHERE model = ?", (model,)).rowcount:
        raise PermanentError("price_unknown", f"{model[:80]!r} is not sold")


def list_prices(connection: sqlite3.Connection) -> dict[str, tuple[UsdPrice, int]]:
    """Prices by model, each with the time since when it holds."""
    rows = connection.execute("SELECT model, in_musd, out_musd, set_ms FROM prices ORDER BY model")
    return {model: (UsdPrice(in_musd=in_musd, out_musd=out_musd), set_ms) for model, in_musd, out_musd, set_ms in rows}


def find_price(connection: sqlite3.Connection, model: str) -> UsdPrice | None:
    """A model's price; None where it is not sold."""
    found = connection.execute("SELECT in_musd, out_musd FROM prices WHERE model = ?", (model,)).fetchone()
    return UsdPrice(in_musd=found[0], out_musd=found[1]) if found else None


def set_rate(connection: sqlite3.Connection, gnk_musd: int, now_ms: int) -> Rate:
    """Take a GNK for so many micro-dollars from now on."""
    connection.execute("INSERT INTO rates (set_ms, gnk_musd) VALUES (?, ?)", (now_ms, gnk_musd))
    return Rate(gnk_musd=gnk_musd, set_ms=now_ms)


def list_rates(connection: sqlite3.Connection) -> list[Rate]:
    """Every rate that was ever set, the oldest first."""
    rows = connection.execute("SELECT gnk_musd, set_ms FROM rates ORDER BY rate_id")
    return [Rate(gnk_musd=gnk_musd, set_ms=set_ms) for gnk_musd, set_ms in rows]


def compute_musd(ngonka: int, rate: Rate) -> int:
    """Micro-dollars of an amount of GNK at a rate, rounded down."""
    return ngonka * rate.gnk_musd // GNK
