"""Ballots in words."""

import pytest

from commands.gov import parse_choice
from rules.errors import RuleError


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("yes", {"yes": "1"}),
        ("No-With-Veto", {"no_with_veto": "1"}),
        ("yes=0.7,no=0.3", {"yes": "0.7", "no": "0.3"}),
    ],
)
def test_parse_choice__words__become_weights(text: str, weights: dict[str, str]) -> None:
    assert parse_choice(text) == weights


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("maybe", "vote_option_invalid"),
        ("yes,no", "vote_weights_invalid"),
        ("yes=0.7,no=0.2", "vote_weights_invalid"),
        ("yes=1.5,no=-0.5", "vote_weights_invalid"),
        ("yes=0.5,yes=0.5", "vote_weights_invalid"),
        ("yes=half,no=0.5", "vote_weights_invalid"),
        ("yes=nan", "vote_weights_invalid"),
    ],
)
def test_parse_choice__weights_that_do_not_sum_to_one__are_refused(text: str, code: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse_choice(text)
    assert caught.value.code == code
