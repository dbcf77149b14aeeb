"""USD in whole pico-dollars, and what tokens cost.

A price is whole micro-dollars for 10^6 tokens, so one token costs a whole number of pico-dollars (10^-12 USD): every
charge is exact, and nothing is ever rounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from chain_client.errors import PermanentError

PUSD: Final = 10**12
"""Pico-dollars in a dollar."""
MICRO: Final = 10**6
LARGEST_USD: Final = 1_000_000
"""The most that one amount or balance may be: sums of eight such stay within 63 bits."""

_AMOUNT: Final = re.compile(r"\$?(?P<whole>\d{1,7})(?:\.(?P<part>\d{1,12}))?\s*(?:USD|usd)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsdPrice:
    """Micro-dollars for 10^6 tokens, read and written; 0 for what is free."""

    in_musd: int
    out_musd: int


def compute_charge(price: UsdPrice, tokens_in: int, tokens_out: int) -> int:
    """What the tokens cost, in pico-dollars, exact."""
    return tokens_in * price.in_musd + tokens_out * price.out_musd


def parse_usd(text: str) -> int:
    """Pico-dollars of a text such as 10, $2.50 or 0.000001 USD; at least 0.

    Raises `usd_invalid` for anything else, more than twelve decimals, or above 1,000,000 USD.
    """
    match = _AMOUNT.fullmatch(text.strip().replace("_", "").replace(",", ""))
    if match is None:
        raise PermanentError("usd_invalid", f"{text[:40]!r} is no amount of dollars; write 10, 2.50 or 0.000001")
    pusd = int(match["whole"]) * PUSD + int((match["part"] or "").ljust(12, "0"))
    if pusd > LARGEST_USD * PUSD:
        raise PermanentError("usd_invalid", f"{text[:40]} is above {LARGEST_USD:,} USD")
    return pusd


def parse_musd(text: str) -> int:
    """Micro-dollars of such a text.  Raises `usd_invalid`, also for parts of a micro-dollar."""
    musd, rest = divmod(parse_usd(text), MICRO)
    if rest:
        raise PermanentError("usd_invalid", f"{text[:40]} has more than six decimals")
    return musd


def format_usd(pusd: int) -> str:
    """The amount in dollars, exact, with at least two decimals: 2500000000000 is `2.50`."""
    whole, part = divmod(abs(pusd), PUSD)
    decimals = f"{part:012d}".rstrip("0").ljust(2, "0")
    return f"{'-' if pusd < 0 else ''}{whole}.{decimals}"


def format_musd(musd: int) -> str:
    """Micro-dollars in dollars, exact, with at least two decimals."""
    return format_usd(musd * MICRO)
