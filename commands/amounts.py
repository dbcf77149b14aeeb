"""Amounts of money as people write and read them: `100GNK`, `1.5GNK`, `250ngonka`."""

from __future__ import annotations

import re

from rules.errors import RuleError
from rules.params import GNK

AMOUNT = re.compile(r"(?P<whole>\d{1,12})(?:\.(?P<part>\d{1,9}))?\s*(?P<unit>GNK|gnk|)", re.ASCII)

NGONKA = re.compile(r"(?P<amount>\d{1,19})\s*ngonka", re.ASCII)


def parse_amount(text: str) -> int:
    """ngonka of a text such as 100, 1.5GNK (both GNK) or 250ngonka; always positive.

    Raises: RuleError `amount_invalid`.
    """
    cleaned = text.replace("_", "").strip()
    if match := NGONKA.fullmatch(cleaned):
        amount = int(match["amount"])
    elif match := AMOUNT.fullmatch(cleaned):
        amount = int(match["whole"]) * GNK + int((match["part"] or "").ljust(9, "0"))
    else:
        raise RuleError("amount_invalid", f"{text!r} is no amount; write 100GNK, 1.5GNK or 250ngonka")
    if not 0 < amount < 2**63:
        raise RuleError("amount_invalid", f"{text} is not above zero, or too large")
    return amount


def format_gnk(ngonka: int) -> str:
    """The amount in GNK, exact: 1500000000 is `1.5 GNK`."""
    whole, part = divmod(abs(ngonka), GNK)
    decimals = f".{part:09d}".rstrip("0") if part else ""
    return f"{'-' if ngonka < 0 else ''}{whole:,}{decimals} GNK"
