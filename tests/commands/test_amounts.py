"""Amounts as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.amounts import format_gnk, parse_amount
from rules.errors import RuleError


@pytest.mark.parametrize(
    ("text", "ngonka"),
    [
        ("100", 100 * 10**9),
        ("100GNK", 100 * 10**9),
        ("1.5gnk", 1_500_000_000),
        ("250ngonka", 250),
        ("1_000 GNK", 10**12),
    ],
)
def test_parse_amount__what_people_type__is_exact(text: str, ngonka: int) -> None:
    assert parse_amount(text) == ngonka


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-5",
        "1.0000000001",
        "1e9",
        "ten",
        "5 BTC",
        "1.5ngonka",
        "٥",
        "9" * 30,
        "9" * 5000 + "ngonka",
        "0ngonka",
        "nan",
    ],
)
def test_parse_amount__anything_else__is_refused_with_a_code(text: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_amount(text)
    assert caught.value.code == "amount_invalid"


@given(st.integers(min_value=1, max_value=10**20 - 1).filter(lambda n: n < 2**63))
def test_format_gnk__read_again__is_the_same_amount(ngonka: int) -> None:
    assert parse_amount(format_gnk(ngonka).replace(",", "")) == ngonka
