"""Every height of an epoch has one phase, and the lengths are the protocol's."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.presets import LOCAL, MAINNET, MINIMAL
from rules.schedule import EpochStart, locate, locate_dealing, phase_lengths, phase_span
from rules.types import Phase

FIRST = EpochStart(epoch=1, first_height=15)
LOCAL_HEIGHTS = [
    (15, Phase.SEED, 15, 17, "first block of epoch 1"),
    (18, Phase.SPRINT, 18, 43, "SPRINT before its tail"),
    (44, Phase.CLAIM, 44, 51, "its last 8 blocks"),
    (52, Phase.BEACON2, 52, 54, "second round"),
    (60, Phase.REVEAL, 55, 60, "last block of REVEAL"),
    (61, Phase.ROWS_COMMIT, 61, 68, "rows are committed"),
    (72, Phase.ROWS_REVEAL, 69, 72, "and revealed"),
    (73, Phase.DISPUTE_COMMIT, 73, 78, "bits are committed"),
    (82, Phase.DISPUTE_REVEAL, 79, 82, "and revealed"),
    (83, Phase.SETTLE, 83, 83, "one block"),
    (90, Phase.SERVE, 84, 90, "the last block of the epoch"),
]


@pytest.mark.parametrize(("height", "phase", "first", "last", "why"), LOCAL_HEIGHTS)
def test_locate__heights_of_local__are_the_protocols(
    height: int, phase: Phase, first: int, last: int, why: str
) -> None:
    place = locate(FIRST, LOCAL, height)
    assert (place.phase, place.phase_first, place.phase_last, place.epoch, place.epoch_last) == (
        phase, first, last, 1, 90,
    ), why  # fmt: skip
    assert phase_span(FIRST, LOCAL, phase) == (first, last)


def test_locate__epoch_0__is_all_genesis() -> None:
    start = EpochStart(epoch=0, first_height=1)
    assert {locate(start, LOCAL, height).phase for height in range(1, 15)} == {Phase.GENESIS}
    with pytest.raises(AssertionError, match="height 15 is not in epoch 0"):
        locate(start, LOCAL, 15)
    with pytest.raises(AssertionError, match="no phase SEED"):
        phase_span(start, LOCAL, Phase.SEED)


def test_phase_lengths__presets__sum_to_the_epochs_length() -> None:
    totals = [sum(length for _, length in phase_lengths(FIRST, params)) for params in (LOCAL, MAINNET)]
    assert totals == [76, 14_400]  # 38 s of 0.5 s blocks; 24 h of 6 s blocks


@given(st.sampled_from([MINIMAL, LOCAL]), st.integers(0, 9), st.integers(0, 9), st.integers(1, 10**6))
def test_locate__any_delays__phases_follow_without_gap(params, seed_delay: int, sample_delay: int, first: int) -> None:
    start = EpochStart(epoch=3, first_height=first, seed_delay=seed_delay, sample_delay=sample_delay)
    height, seen = first, []
    while height <= locate(start, params, first).epoch_last:
        place = locate(start, params, height)
        assert place.phase_first == height
        seen.append((place.phase, place.phase_last - place.phase_first + 1))
        height = place.phase_last + 1
    assert tuple(seen) == phase_lengths(start, params)
    assert [phase for phase, _ in seen] == [phase for phase in Phase if phase is not Phase.GENESIS]


@pytest.mark.parametrize(
    ("seed_delay", "sample_delay", "claim", "reveal"),
    [(0, 0, (44, 51), (55, 60)), (2, 0, (46, 53), (57, 62)), (2, 1, (46, 53), (58, 63))],
)
def test_phase_span__late_round__moves_the_phases_after_it(
    seed_delay: int, sample_delay: int, claim: tuple[int, int], reveal: tuple[int, int]
) -> None:
    start = EpochStart(epoch=1, first_height=15, seed_delay=seed_delay, sample_delay=sample_delay)
    assert phase_span(start, LOCAL, Phase.CLAIM) == claim
    assert phase_span(start, LOCAL, Phase.REVEAL) == reveal


DEALINGS = [
    (EpochStart(epoch=1, first_height=5), MINIMAL, (24, 25, 26), "SERVE of 4 blocks"),
    (EpochStart(epoch=0, first_height=1), MINIMAL, (2, 2, 3), "genesis of 4 blocks"),
    (EpochStart(epoch=0, first_height=1), LOCAL, (5, 9, 13), "genesis of 14 blocks"),
    (EpochStart(epoch=1, first_height=14_401), MAINNET, (14_614, 24_071, 28_799), "SERVE of a day"),
]


@pytest.mark.parametrize(("start", "params", "heights", "words"), DEALINGS, ids=[words for *_, words in DEALINGS])
def test_locate_dealing__presets__end_a_block_before_the_epoch(start, params, heights: tuple, words: str) -> None:
    place = locate_dealing(start, params)
    assert (place.deal_first, place.deal_last, place.complaint_last) == heights
    assert place.complaint_last + 1 == locate(start, params, start.first_height).epoch_last


@given(st.integers(0, 1), st.integers(0, 99), st.integers(0, 9))
def test_locate_dealing__any_lengths__leave_a_block_for_each(epoch: int, more: int, delay: int) -> None:
    lengths = replace(MINIMAL.sprint, genesis_blocks=4 + more, serve_blocks=3 + more)
    params = replace(MINIMAL, sprint=lengths)
    start = EpochStart(epoch=epoch, first_height=1, sample_delay=delay)
    place = locate_dealing(start, params)
    assert start.first_height <= place.deal_first <= place.deal_last < place.complaint_last
    assert locate(start, params, place.deal_first).phase is (Phase.SERVE if epoch else Phase.GENESIS)
    assert place.deal_first > start.first_height  # in epoch 0 hosts have time to register keys
