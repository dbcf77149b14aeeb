"""What is due next, when to restart, what to expect."""

from dataclasses import replace
from itertools import pairwise

import pytest

from chain_client.duties import JournalView
from chain_client.effects import Duty
from chain_client.readiness import advise_restart, find_next_duty, forecast_sprint, format_duration, list_windows
from chain_client.view import Done, View
from rules.params import GNK
from rules.types import Phase
from tests.chain_client.views import BOB, ME, make_claim, make_view

REVIEWED = JournalView(reviewed=3)
COMMITTED = Done(seeds_next=True)
NEXT = [
    # view, duty, blocks until it opens, blocks until it closes, why
    (make_view(Phase.SERVE), Duty.COMMIT_SEEDS, 0, 7, "SERVE: secrets are owed"),
    (make_view(Phase.SERVE, done=COMMITTED), Duty.REVEAL_SPRINT_SEED, 7, 10, "committed: the reveal comes next"),
    (make_view(Phase.SERVE, table={BOB: 1}), Duty.CLAIM, 36, 44, "no committer: the claim comes next"),
    (make_view(Phase.SPRINT), Duty.CLAIM, 26, 34, "SPRINT: the claim"),
    (make_view(Phase.CLAIM, 2, claims=(make_claim(ME),)), Duty.CLAIM, 0, 6, "CLAIM: until it closes"),
    (make_view(Phase.SETTLE), Duty.COMMIT_SEEDS, 1, 8, "SETTLE: SERVE comes next"),
]


@pytest.mark.parametrize(("view", "duty", "opens", "closes", "_why"), NEXT, ids=[why for *_, why in NEXT])
def test_find_next_duty__situations__names_it_with_its_deadline(
    view: View, duty: Duty, opens: int, closes: int, _why: str
) -> None:
    due = find_next_duty(view, REVIEWED)
    assert due is not None
    assert (due.duty, due.opens_in_ms, due.closes_in_ms) == (duty, opens * 500, closes * 500)
    assert due.window.last == view.clock.height + closes


def test_find_next_duty__an_account_that_is_no_host__has_none() -> None:
    assert find_next_duty(make_view(Phase.SERVE, registration=None, table={BOB: 1}), REVIEWED) is None


def slow(view: View, block_ms: int = 6_000) -> View:
    """The same at MAINNET's pace."""
    return replace(view, clock=replace(view.clock, block_ms=block_ms))


ADVICE = [
    (slow(make_view(Phase.SPRINT)), False, "a Sprint is running"),
    (slow(make_view(Phase.SPRINT), 60_000), False, "a Sprint is running: no proofs while down; 26 min are left"),
    (slow(make_view(Phase.SERVE)), False, "commit seeds is due by height"),
    (slow(make_view(Phase.SERVE, done=COMMITTED)), True, "nothing is due now; reveal sprint seed"),
    (make_view(Phase.SERVE, done=COMMITTED), False, "a Sprint opens in 5 s,"),
    (slow(make_view(Phase.SERVE, -1, done=COMMITTED)), False, "a Sprint opens in 24 s,"),
    (slow(make_view(Phase.SERVE, registration=None, table={})), True, "nothing is due"),
]


@pytest.mark.parametrize(("view", "is_safe", "reason"), ADVICE, ids=[reason for *_, reason in ADVICE])
def test_advise_restart__situations__says_why(view: View, is_safe: bool, reason: str) -> None:
    advice = advise_restart(view, REVIEWED)
    assert (advice.is_safe, advice.reason.startswith(reason)) == (is_safe, True), advice.reason


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (11_100, "3 h 5 min")]
)
def test_format_duration__seconds__are_said_as_people_do(seconds: int, words: str) -> None:
    assert format_duration(seconds) == words


def test_list_windows__the_rest_of_two_epochs__follow_without_gap() -> None:
    windows = list_windows(make_view(Phase.ROWS_COMMIT))
    assert [window.phase for window in windows[:3]] == [Phase.ROWS_COMMIT, Phase.ROWS_REVEAL, Phase.DISPUTE_COMMIT]
    assert all(after.first == before.last + 1 for before, after in pairwise(windows))
    assert windows[-1].phase is Phase.SERVE
    assert windows[-1].epoch == 4


def test_forecast_sprint__local_at_350_nonces_a_second__is_what_the_rules_say() -> None:
    found = forecast_sprint(make_view(Phase.SERVE), nonces_per_s=350.0, minted_ngonka=90 * GNK)
    # 34 blocks of 0.5 s: 5,950 nonces, one hit in 100
    assert (found.hits, found.hits_spread, found.units, found.effective_units) == (59, 8, 5_900, 5_900)
    assert found.reward_ngonka == 90 * GNK * 5_900 // (5_900 + 10_000)


def test_forecast_sprint__no_stake__counts_a_fifth() -> None:
    view = make_view(Phase.SERVE, registration=None)
    assert forecast_sprint(view, nonces_per_s=350.0, minted_ngonka=0).effective_units == 5_900 // 5
