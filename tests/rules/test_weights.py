from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.presets import LOCAL, MINIMAL
from rules.types import Host, Verdict
from rules.weights import (
    Standing,
    Weight,
    compute_claimed_units,
    compute_effective_units,
    compute_forfeited_units,
    compute_units,
    compute_unsettled_units,
    compute_weights,
)

PARAMS = LOCAL.stake
PLENTY = 10**18


def standing(name: int = 1, **changes: Any) -> Standing:
    honest = Standing(
        host=Host(bytes([name]) * 20),
        claimed_units=1000,
        verdict=Verdict.ACCEPTED,
        units_before=800,
        verifiable=True,
        idle=False,
        backing_ngonka=PLENTY,
        barred=False,
    )
    return replace(honest, **changes)


def absent(name: int = 1, **changes: Any) -> Standing:
    return standing(name, claimed_units=0, verdict=None, **changes)


def test_compute_claimed_units__multiplies_count_rate_and_scale() -> None:
    assert compute_claimed_units(60, LOCAL.sprint) == 6000
    assert compute_claimed_units(60, replace(MINIMAL.sprint, unit_scale=3)) == 60 * 16 * 3


UNITS: list[tuple[dict[str, Any], int, str]] = [
    ({}, 1000, "accepted: what was claimed"),
    ({"units_before": 0}, 1000, "accepted, and new"),
    ({"verdict": Verdict.UNDECIDED}, 800, "undecided: the smaller, here of before"),
    ({"verdict": Verdict.UNDECIDED, "claimed_units": 301}, 301, "undecided: the smaller, here of claimed"),
    (
        {"verdict": Verdict.UNDECIDED, "claimed_units": 301, "idle": True},
        150,
        "undecided and idle: half of it, floored",
    ),
    ({"verdict": Verdict.UNDECIDED, "units_before": 0}, 0, "undecided and new: nothing"),
    ({"verdict": Verdict.UNDECIDED, "verifiable": False, "claimed_units": 3}, 800, "nobody may verify: units before"),
    ({"verdict": Verdict.REJECTED}, 0, "rejected"),
    ({"verdict": Verdict.VOID}, 0, "void"),
    ({"verdict": Verdict.UNREVEALED}, 0, "not revealed"),
    ({"verdict": Verdict.UNREVEALED, "verifiable": False}, 0, "not revealed, in a network of one"),
    ({"verdict": None, "claimed_units": 0}, 0, "no claim"),
    ({"barred": True}, 0, "left or jailed"),
]


@pytest.mark.parametrize(("changes", "units", "words"), UNITS, ids=[words for *_, words in UNITS])
def test_compute_units__follows_the_verdict(changes: dict[str, Any], units: int, words: str) -> None:
    assert compute_units(standing(**changes)) == units


EFFECTIVE = [
    (1000, 0, 200, "no stake: the base part"),
    (1000, 799_999_999, 999, "stake backs whole units only"),
    (1000, 800_000_000, 1000, "stake enough for all"),
    (1000, PLENTY, 1000, "no more than the units"),
    (4, 0, 0, "the base part is floored"),
    (4, 1_000_000, 1, "one unit backed"),
    (0, PLENTY, 0, "stake alone weighs nothing"),
]


@pytest.mark.parametrize(("units", "backing", "effective", "words"), EFFECTIVE, ids=[words for *_, words in EFFECTIVE])
def test_compute_effective_units__needs_units_and_stake(units: int, backing: int, effective: int, words: str) -> None:
    assert compute_effective_units(units, backing, PARAMS) == effective


def test_compute_weights__some_host_has_effective_units__settles() -> None:
    weights = compute_weights([standing(1), absent(2), standing(3, backing_ngonka=0)], PARAMS)
    assert not weights.unsettled
    assert list(weights.table.values()) == [
        Weight(units=1000, effective_units=1000),
        Weight(units=0, effective_units=0),
        Weight(units=1000, effective_units=200),
    ]


def test_compute_weights__nobody_has_effective_units__halves_the_units_before() -> None:
    weights = compute_weights([absent(1, units_before=9), absent(2, units_before=1), absent(3, units_before=0)], PARAMS)
    assert weights.unsettled
    assert [weight.units for weight in weights.table.values()] == [4, 1, 0]


def test_compute_weights__units_without_stake_round_to_nothing__is_unsettled() -> None:
    weights = compute_weights([standing(1, claimed_units=4, units_before=4, backing_ngonka=0)], PARAMS)
    assert weights.unsettled
    assert weights.table == {standing(1).host: Weight(units=2, effective_units=0)}


UNDECIDED, REJECTED = Verdict.UNDECIDED, Verdict.REJECTED
UNSETTLED = [
    (
        [absent(1, units_before=9), standing(2, verdict=UNDECIDED, units_before=0)],
        (4, 4),
        "a new claim: the least half",
    ),
    (
        [absent(1, units_before=9), standing(2, verdict=UNDECIDED, units_before=0, claimed_units=3)],
        (4, 3),
        "a new claim below the least half",
    ),
    (
        [standing(1, verdict=UNDECIDED, units_before=0), standing(2, verdict=UNDECIDED, units_before=0)],
        (1, 1),
        "nobody had units: one each",
    ),
    (
        [absent(1, units_before=9), standing(2, verdict=Verdict.UNREVEALED, units_before=0)],
        (4, 0),
        "a new claim that is not revealed",
    ),
    ([absent(1, units_before=9), standing(2, verdict=REJECTED)], (4, 0), "the condemned get nothing"),
    ([standing(1, verdict=Verdict.VOID), standing(2, verdict=REJECTED)], (400, 400), "unless all are condemned"),
    ([absent(1, units_before=9), absent(2, units_before=8, barred=True)], (4, 0), "who left or is jailed gets nothing"),
    ([absent(1, units_before=0)], (0,), "nothing comes of nothing"),
]


@pytest.mark.parametrize(("standings", "units", "words"), UNSETTLED, ids=[words for *_, words in UNSETTLED])
def test_compute_unsettled_units__carries_half(standings: list[Standing], units: tuple[int, ...], words: str) -> None:
    assert compute_unsettled_units(standings) == units


def test_compute_forfeited_units__counts_claims_that_are_not_paid() -> None:
    verdicts = [Verdict.ACCEPTED, Verdict.UNDECIDED, Verdict.UNREVEALED, Verdict.VOID, Verdict.REJECTED]
    standings = [standing(i, verdict=verdict) for i, verdict in enumerate(verdicts)]
    assert compute_forfeited_units([*standings, absent(9)]) == 4 * 800


claims = st.sampled_from([None, *Verdict])
amounts = st.integers(0, 10**6)


@given(
    st.lists(
        st.builds(
            standing,
            st.just(0),
            claimed_units=amounts,
            verdict=claims,
            units_before=amounts,
            verifiable=st.booleans(),
            idle=st.booleans(),
            backing_ngonka=st.integers(0, 10**13),
            barred=st.booleans(),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_host_weighs_more_than_it_proved_or_had(found: list[Standing]) -> None:
    standings = [replace(s, host=Host(bytes([i]) * 20)) for i, s in enumerate(found)]
    weights = compute_weights(standings, PARAMS)
    for s in standings:
        weight = weights.table[s.host]
        assert 0 <= weight.effective_units <= weight.units <= max(s.claimed_units, s.units_before)
        if weights.unsettled and s.units_before:
            assert weight.units <= max(1, s.units_before // 2)
