import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain_client.errors import PermanentError
from gateway.money import PUSD, UsdPrice, compute_charge, format_usd, parse_musd, parse_usd


@pytest.mark.parametrize(
    ("text", "pusd"),
    [("10", 10 * PUSD), ("$2.50", 25 * PUSD // 10), ("0.000000000001 USD", 1), ("1_000", 1000 * PUSD), ("0", 0)],
)
def test_parse_usd__an_amount__is_whole_pico_dollars(text: str, pusd: int) -> None:
    assert parse_usd(text) == pusd


@pytest.mark.parametrize("text", ["", "-1", "1e5", "1.0000000000001", "1000001", "ten", "1.", ".5", "1 EUR", "٣"])
def test_parse_usd__anything_else__is_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        parse_usd(text)
    assert caught.value.code == "usd_invalid"


def test_parse_musd__parts_of_a_micro_dollar__are_refused() -> None:
    assert parse_musd("0.000001") == 1
    with pytest.raises(PermanentError):
        parse_musd("0.0000001")


@given(st.integers(0, 10**6 * PUSD))
def test_format_usd__any_amount__reads_back_as_itself(pusd: int) -> None:
    assert parse_usd(format_usd(pusd)) == pusd


def test_compute_charge__a_million_tokens__cost_the_listed_price() -> None:
    price = UsdPrice(in_musd=150_000, out_musd=600_000)
    assert format_usd(compute_charge(price, 10**6, 0)) == "0.15"
    assert format_usd(compute_charge(price, 1, 1)) == "0.00000075"
