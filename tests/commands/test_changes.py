"""Parameter changes in words."""

import pytest

from commands.changes import build_updates, parse_changes
from rules.errors import RuleError
from rules.presets import LOCAL
from wire.codec import encode_params
from wire.gonka.sprint.v1 import sprint_pb2
from wire.gonka.stake.v1 import stake_pb2

LIVE = encode_params(LOCAL)


def test_parse_changes__a_known_name__shows_before_and_after() -> None:
    (change,) = parse_changes(("stake.unbonding_epochs=3",), LIVE)
    assert change.line == "stake.unbonding_epochs: 2 -> 3"


@pytest.mark.parametrize(
    ("word", "code", "hint"),
    [
        ("stake.unbonding_epoch=3", "params_field_unknown", "stake.unbonding_epochs"),
        ("stake.unbonding_epochs", "params_invalid", "VALUE"),
        ("stake.unbonding_epochs=three", "params_invalid", "whole number"),
        ("stake.unbonding_epochs=" + "9" * 5000, "params_invalid", "at most 20 digits"),
        ("stake.unbonding_epochs=2", "params_invalid", "already"),
        ("gov.burn_vote_veto=perhaps", "params_invalid", "true or false"),
    ],
)
def test_parse_changes__a_mistake__is_named(word: str, code: str, hint: str) -> None:
    with pytest.raises(RuleError, match=hint) as caught:
        parse_changes((word,), LIVE)
    assert caught.value.code == code


def test_parse_changes__a_name_given_twice__is_refused() -> None:
    with pytest.raises(RuleError, match="twice"):
        parse_changes(("stake.jail_epochs=3", "stake.jail_epochs=4"), LIVE)


def test_build_updates__a_number_that_its_field_cannot_hold__is_refused() -> None:
    changes = parse_changes((f"stake.unbonding_epochs={2**40}",), LIVE)
    with pytest.raises(RuleError, match=r"params_invalid: stake\.unbonding_epochs"):
        build_updates(changes, LIVE, "gonka1authority")


def test_build_updates__two_modules__get_a_message_each_with_only_their_fields_in_the_mask() -> None:
    changes = parse_changes(("stake.unbonding_epochs=3", "gov.quorum_ppm=400000", "stake.jail_epochs=9"), LIVE)
    first, second = build_updates(changes, LIVE, "gonka1authority")
    assert (first.module, list(first.mask.paths)) == ("stake", ["unbonding_epochs", "jail_epochs"])
    assert (second.module, list(second.mask.paths)) == ("gov", ["quorum_ppm"])
    assert stake_pb2.Params.FromString(first.params.value).unbonding_epochs == 3


def test_build_updates__the_threshold__changes_as_one() -> None:
    changes = parse_changes(("sprint.threshold.one_in=50", "sprint.threshold.cos2_q64=7"), LIVE)
    (update,) = build_updates(changes, LIVE, "gonka1authority")
    assert list(update.mask.paths) == ["threshold"]
    threshold = sprint_pb2.Params.FromString(update.params.value).threshold
    assert (threshold.one_in, threshold.cos2_q64) == (50, 7)
