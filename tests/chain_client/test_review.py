"""Why something was missed: the chain's words matched with the journal's."""

import sqlite3
from collections import Counter

import pytest

from chain.modules.sprint.summary import _list_missed, _list_missed_duties
from chain.settlement import Settlement
from chain_client.duties import HOST_WAS_DOWN
from chain_client.effects import Duty
from chain_client.journal import Journal
from chain_client.review import BEHIND, NO_CLAIM, NO_COMMITMENT, find_outcome, list_misses
from rules.addresses import encode_address
from rules.types import Phase, Verdict
from rules.verdicts import Done, RowDuty
from rules.verdicts import Duty as JudgeDuty
from tests.chain_client.views import BOB, ME, make_view
from wire.gonka.beacon.v1.beacon_pb2 import Commitment
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary, Outcome

VIEW = make_view(Phase.SERVE)


@pytest.fixture
def journal() -> Journal:
    return Journal.attach(sqlite3.connect(":memory:", isolation_level=None), chain_id="net-1", host=ME)


def test_behind__every_word_of_the_chain__has_its_duty() -> None:
    settlement = Settlement.__new__(Settlement)
    object.__setattr__(settlement, "verdicts", {ME: Verdict.UNREVEALED})
    said = _list_missed(settlement, ME, Commitment(sprint_commitment=b"c", sample_commitment=b"c"))
    row = RowDuty(claimant=BOB, seats=1, done=Done.MISSING)
    said += _list_missed_duties(JudgeDuty(rows=(row,), vote=Done.MISSING))
    found = Counter(start for start, _ in BEHIND for words in said if words.startswith(start))
    assert found == Counter(start for start, _ in BEHIND)
    assert len(said) == len(BEHIND)


def test_list_misses__nothing_noted__the_host_was_down(journal: Journal) -> None:
    outcome = Outcome(claimed=5, missed=["leaves of the claim not revealed"])
    assert list_misses(3, outcome, VIEW, journal) == {"leaves of the claim not revealed": HOST_WAS_DOWN}


def test_list_misses__an_obstacle_noted__is_the_cause(journal: Journal) -> None:
    journal.note(3, Duty.COMMIT_ROWS, "sidecar_unreachable: gone")
    journal.note(3, Duty.CLAIM, "no proof has been found yet")
    outcome = Outcome(missed=["no row on the claim of somebody"])
    assert list_misses(3, outcome, VIEW, journal) == {
        "no row on the claim of somebody": "sidecar_unreachable: gone",
        NO_CLAIM: "no proof has been found yet",
    }


def test_list_misses__secrets_not_committed__is_listed(journal: Journal) -> None:
    journal.note(3, Duty.COMMIT_SEEDS, HOST_WAS_DOWN)
    assert list_misses(3, Outcome(claimed=5), VIEW, journal) == {NO_COMMITMENT: HOST_WAS_DOWN}


def test_list_misses__no_host__owed_nothing(journal: Journal) -> None:
    assert list_misses(3, Outcome(), make_view(Phase.SERVE, registration=None), journal) == {}


def test_find_outcome__summary__is_the_hosts_own_or_empty() -> None:
    mine = Outcome(host=encode_address(ME), units=7)
    summary = EpochSummary(outcomes=[Outcome(host=encode_address(BOB)), mine])
    assert find_outcome(summary, ME) == mine
    assert find_outcome(EpochSummary(), ME) == Outcome(host=encode_address(ME))
