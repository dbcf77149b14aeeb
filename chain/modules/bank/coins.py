"""Amounts as Cosmos's messages carry them: coins of one denomination, ngonka, in decimal text."""

from __future__ import annotations

from collections.abc import Sequence

from chain.modules.bank.state import DENOM, MAX_SUPPLY
from rules.errors import RuleError

from cosmos.base.v1beta1.coin_pb2 import Coin


def read_amount(coins: Sequence[Coin]) -> int:
    """The amount of exactly one coin of ngonka, 1 to MAX_SUPPLY, written without sign or leading zero.

    Raises: RuleError `amount_invalid`.
    """
    if len(coins) != 1 or coins[0].denom != DENOM:
        raise RuleError("amount_invalid", f"an amount is one coin of {DENOM}")
    text = coins[0].amount
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or text[0] == "0" or int(text) > MAX_SUPPLY:
        raise RuleError("amount_invalid", f"{text[:40]!r} is no whole number from 1 to {MAX_SUPPLY}")
    return int(text)


def make_coin(amount: int) -> Coin:
    """The coin of `amount` ngonka."""
    return Coin(denom=DENOM, amount=str(amount))
