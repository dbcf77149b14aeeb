"""The tally of cosmos.gov.v1, with units in place of tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ballots import (
    WEIGHT_ONE,
    Options,
    Outcome,
    Tally,
    check_options,
    compute_tally,
    decide,
    format_weight,
    parse_weight,
)
from rules.errors import RuleError
from rules.presets import LOCAL
from rules.types import Host, VoteOption

YES, ABSTAIN, NO, VETO = VoteOption.YES, VoteOption.ABSTAIN, VoteOption.NO, VoteOption.NO_WITH_VETO
PARAMS = replace(
    LOCAL.gov, quorum_ppm=334_000, threshold_ppm=500_000, expedited_threshold_ppm=667_000, veto_ppm=334_000
)
HOSTS = [Host(bytes([i]) * 20) for i in range(1, 6)]


def tally_of(yes: int = 0, abstain: int = 0, no: int = 0, veto: int = 0, total: int = 1000) -> Tally:
    parts = {YES: yes, ABSTAIN: abstain, NO: no, VETO: veto}
    return Tally(parts={option: units * WEIGHT_ONE for option, units in parts.items()}, total_units=total)


@pytest.mark.parametrize(
    ("tally", "expedited", "outcome", "because"),
    [
        (tally_of(), False, Outcome.NO_QUORUM, "nobody voted"),
        (tally_of(total=0), False, Outcome.NO_QUORUM, "there is nobody to vote"),
        (tally_of(yes=333), False, Outcome.NO_QUORUM, "333 of 1000 is below 0.334"),
        (tally_of(yes=334), False, Outcome.PASSED, "334 of 1000 reaches 0.334"),
        (
            tally_of(yes=1, abstain=333),
            False,
            Outcome.PASSED,
            "abstaining counts for the quorum, not for the threshold",
        ),
        (tally_of(abstain=1000), False, Outcome.NOT_ENOUGH_YES, "all abstain"),
        (tally_of(yes=500, no=500), False, Outcome.NOT_ENOUGH_YES, "one half does not exceed one half"),
        (tally_of(yes=501, no=499), False, Outcome.PASSED, "more than one half"),
        (tally_of(yes=666, veto=334), False, Outcome.PASSED, "334 of 1000 does not exceed 0.334"),
        (tally_of(yes=665, veto=335), False, Outcome.VETOED, "335 of 1000 does"),
        (tally_of(yes=667, no=333), True, Outcome.NOT_ENOUGH_YES, "expedited: 0.667 is not exceeded"),
        (tally_of(yes=668, no=332), True, Outcome.PASSED, "expedited: 0.668 exceeds it"),
        (tally_of(yes=668, no=332, total=3000), True, Outcome.NO_QUORUM, "expedited: the quorum is the same"),
    ],
)
def test_decide__each_bound__is_met_as_cosmos_meets_it(
    tally: Tally, expedited: bool, outcome: Outcome, because: str
) -> None:
    assert decide(tally, PARAMS, expedited=expedited) is outcome, because


@pytest.mark.parametrize(
    ("text", "parts"),
    [("1", WEIGHT_ONE), ("1.0", WEIGHT_ONE), ("0.5", WEIGHT_ONE // 2), ("0.000000000000000001", 1), ("0", 0)],
)
def test_parse_weight__decimal__gives_parts(text: str, parts: int) -> None:
    assert parse_weight(text) == parts


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "-1", "+1", "1e0", "0x1", "10", "1.0000000000000000001", "½", "٣", " 1", "1_0", "nan"]
)
def test_parse_weight__anything_else__is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="vote_weights_invalid"):
        parse_weight(text)


@given(st.integers(min_value=0, max_value=WEIGHT_ONE))
def test_format_weight__any_parts__are_read_back(parts: int) -> None:
    assert parse_weight(format_weight(parts)) == parts


@pytest.mark.parametrize(
    ("options", "because"),
    [
        ([], "nothing sums to 0"),
        ([(YES, WEIGHT_ONE - 1)], "a part is missing"),
        ([(YES, WEIGHT_ONE), (NO, 1)], "a part too many"),
        ([(YES, WEIGHT_ONE // 2), (YES, WEIGHT_ONE // 2)], "an option twice"),
        ([(YES, WEIGHT_ONE), (NO, 0)], "a weight of zero"),
        ([(YES, WEIGHT_ONE * 2), (NO, -WEIGHT_ONE)], "a negative weight"),
    ],
)
def test_check_options__weights_that_do_not_sum_to_one__are_refused(
    options: list[tuple[VoteOption, int]], because: str
) -> None:
    with pytest.raises(RuleError, match="vote_weights_invalid"):
        check_options(options)


def test_compute_tally__units_lost_or_gained_while_voting__the_smaller_counts() -> None:
    rented, grown, steady = HOSTS[:3]
    began, ended = {rented: 900, grown: 100, steady: 100}, {rented: 10, grown: 500, steady: 100}
    tally = compute_tally([(rented, {YES: WEIGHT_ONE}), (grown, {NO: WEIGHT_ONE})], began, ended)
    assert (tally.units(YES), tally.units(NO), tally.total_units) == (10, 100, 610)


def test_compute_tally__units_rented_after_voting_began__weigh_nothing() -> None:
    tally = compute_tally([(HOSTS[0], {YES: WEIGHT_ONE})], {HOSTS[1]: 5}, {HOSTS[0]: 10**12, HOSTS[1]: 5})
    assert tally.units(YES) == 0
    assert decide(tally, PARAMS, expedited=False) is Outcome.NO_QUORUM


def test_compute_tally__split_ballot__is_counted_exactly() -> None:
    third = WEIGHT_ONE // 3
    split = check_options([(YES, third), (NO, third), (ABSTAIN, WEIGHT_ONE - 2 * third)])
    tally = compute_tally([(HOSTS[0], split)], {HOSTS[0]: 3}, {HOSTS[0]: 3})
    assert sum(tally.parts.values()) == 3 * WEIGHT_ONE
    assert tally.units(YES) == 0  # 0.999..., rounded down
    assert tally.parts[YES] == 3 * third


@st.composite
def split_ballots(draw: st.DrawFn) -> Options:
    cuts = sorted(draw(st.lists(st.integers(1, WEIGHT_ONE - 1), max_size=3, unique=True)))
    parts = [high - low for low, high in zip([0, *cuts], [*cuts, WEIGHT_ONE], strict=True)]
    options = draw(st.permutations(list(VoteOption)))
    return check_options(zip(options, parts, strict=False))


TABLES = st.dictionaries(st.sampled_from(HOSTS), st.integers(0, 2**59))


@given(st.dictionaries(st.sampled_from(HOSTS), split_ballots()), TABLES, TABLES)
def test_no_unit_is_counted_twice_and_none_is_lost(
    ballots: dict[Host, Options], began: dict[Host, int], ended: dict[Host, int]
) -> None:
    tally = compute_tally(ballots.items(), began, ended)
    expected = sum(min(began.get(host, 0), ended.get(host, 0)) for host in ballots)
    assert sum(tally.parts.values()) == expected * WEIGHT_ONE
    assert expected <= tally.total_units


@given(st.dictionaries(st.sampled_from(HOSTS), split_ballots()), TABLES, TABLES, st.booleans())
def test_the_order_of_votes_decides_nothing(
    ballots: dict[Host, Options], began: dict[Host, int], ended: dict[Host, int], expedited: bool
) -> None:
    forward = compute_tally(list(ballots.items()), began, ended)
    backward = compute_tally(list(ballots.items())[::-1], began, ended)
    assert forward == backward
    assert decide(forward, PARAMS, expedited=expedited) is decide(backward, PARAMS, expedited=expedited)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 1000))
def test_more_yes_never_turns_a_pass_into_a_refusal(yes: int, abstain: int, no: int, veto: int, more: int) -> None:
    before, after = tally_of(yes, abstain, no, veto, 4000), tally_of(yes + more, abstain, no, veto, 4000)
    if decide(before, PARAMS, expedited=False) is Outcome.PASSED:
        assert decide(after, PARAMS, expedited=False) is Outcome.PASSED
