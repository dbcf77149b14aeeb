"""The catalogue of rule errors is append-only: a published number never changes its meaning."""

import pytest

from rules.errors import CATALOGUE, RuleError


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("tx_malformed", 2),
        ("insufficient_funds", 5),
        ("host_unknown", 100),
        ("commit_window_closed", 200),
        ("epoch_wrong", 300),
        ("proposal_unknown", 400),
        ("model_invalid", 500),
    ],
)
def test_catalogue__published_numbers__stay(code: str, number: int) -> None:
    assert CATALOGUE[code].number == number


def test_rule_error__an_unknown_code__is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        RuleError("no_such_code")


def test_rule_error__carries_its_fields_and_its_next_step() -> None:
    error = RuleError("insufficient_funds", "holds 3, needs 5", holds=3, needs=5)
    assert (error.code, error.fields) == ("insufficient_funds", {"holds": 3, "needs": 5})
    assert error.fault.next_step
    assert str(error) == "insufficient_funds: holds 3, needs 5"
