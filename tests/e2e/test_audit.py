"""The audit finds nothing wrong with a network that did everything, and each single thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chain_client.review import NO_CLAIM
from commands.homes import BALANCE_NGONKA
from tests.e2e.audit import EPOCH_BLOCKS, GENESIS_BLOCKS, Evidence, find_faults, list_dues
from tests.e2e.history import History, Sent
from tests.e2e.uptime import Kill, Span, list_outages, list_stretches
from tests.e2e.witness import Seen, Sighting
from wire.gonka.sprint.v1.sprint_pb2 import VERDICT_ACCEPTED, VERDICT_REJECTED, EpochSummary, Outcome

HOSTS = ("host-1", "host-2")
BLOCK_MS = 500
HEIGHTS = GENESIS_BLOCKS + EPOCH_BLOCKS
DUTIES = (
    "MsgCommitSeeds 1",
    "MsgRevealSeed 1 0",
    "MsgClaim 1",
    "MsgRevealSeed 1 1",
    "MsgRevealLeaves 1",
    "MsgCommitRows 1",
    "MsgRevealRows 1",
)
Change = Callable[[Evidence], Evidence]


def build_evidence() -> Evidence:
    """One epoch of two hosts that were always up and did everything; the claim's second message replaces the first."""
    outcomes = [Outcome(host=f"gonka-{host}", claimed=60, verdict=VERDICT_ACCEPTED) for host in HOSTS]
    sent = [Sent(host=host, duty=duty, height=1, code=0) for host in HOSTS for duty in (*DUTIES, "MsgClaim 1")]
    processes = ["chain", *(f"{host} {kind}" for host in HOSTS for kind in ("client", "sidecar", "worker"))]
    return Evidence(
        history=History(
            times_ms=tuple(BLOCK_MS * height for height in range(1, HEIGHTS + 1)),
            app_hashes=tuple(bytes([height]) for height in range(1, HEIGHTS + 1)),
            sent=tuple(sent),
            repeated=(),
            summaries={1: EpochSummary(epoch=1, minted_ngonka=7, outcomes=outcomes)},
            supply_ngonka=2 * BALANCE_NGONKA + 7,
            balances_ngonka=2 * BALANCE_NGONKA + 7,
            burned_ngonka=0,
        ),
        seen=Seen(
            app_hashes={5: bytes([5])},
            sightings={(host, 1): [Sighting(at_ms=1, evaluated=900, acked=50)] for host in HOSTS},
            kept=dict.fromkeys(((host, 1) for host in HOSTS), 61),
        ),
        kills=(Kill(target="chain", at_ms=1),),
        outages={process: [Span(first_ms=0, last_ms=1)] for process in processes},
        addresses={host: f"gonka-{host}" for host in HOSTS},
        misses=dict.fromkeys(HOSTS, ()),
        epochs=range(1, 2),
        staked_height=3,
    )


def change_history(**changes: object) -> Change:
    return lambda evidence: replace(evidence, history=replace(evidence.history, **changes))


def change_outcome(**changes: object) -> Change:
    outcomes = [
        Outcome(**{"host": f"gonka-{host}", "claimed": 60, "verdict": VERDICT_ACCEPTED} | changes) for host in HOSTS
    ]
    return change_history(summaries={1: EpochSummary(epoch=1, minted_ngonka=7, outcomes=outcomes)})


def drop(duty: str) -> Change:
    def change(evidence: Evidence) -> Evidence:
        sent = tuple(s for s in evidence.history.sent if (s.host, s.duty) != ("host-1", duty))
        return change_history(sent=sent)(evidence)

    return change


def add(sent: Sent) -> Change:
    return lambda evidence: change_history(sent=(*evidence.history.sent, sent))(evidence)


def test_find_faults__everything_done_once__finds_none() -> None:
    evidence = build_evidence()
    assert find_faults(evidence) == []
    assert len([due for due in list_dues(evidence) if due.owed and due.done]) == len(HOSTS) * len(DUTIES)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *((drop(duty), f"{duty} was not done") for duty in DUTIES),
        (add(Sent(host="host-1", duty="MsgRevealLeaves 1", height=9, code=0)), "took effect 2 times"),
        (add(Sent(host="host-1", duty="MsgClaim 1", height=9, code=310, log="why")), "failed in block 9: why"),
        (change_history(repeated=("AB",)), "stands in two blocks"),
        (change_history(app_hashes=(b"x",) * HEIGHTS), "another app hash"),
        (change_history(supply_ngonka=1), "supply 1"),
        (change_history(burned_ngonka=1), "expected"),
        (change_outcome(claimed=49), "50 proofs of epoch 1 were acknowledged in time, 49 were claimed"),
        (change_outcome(verdict=VERDICT_REJECTED), "the honest claim of epoch 1 is VERDICT_REJECTED"),
        (change_outcome(missed=["no row on the claim of x"]), "the client lists {}"),
        (lambda e: replace(e, misses={"host-1": ((1, NO_CLAIM, "it was down"),)}), "the client lists"),
        (lambda e: replace(e, seen=replace(e.seen, kept={})), "50 proofs of epoch 1 were acknowledged, 0 were kept"),
        (lambda e: replace(e, seen=replace(e.seen, faults=["height 3 after 4"])), "height 3 after 4"),
    ],
)  # fmt: skip
def test_find_faults__one_thing_wrong__is_named(change: Change, named: str) -> None:
    assert any(named in fault for fault in find_faults(change(build_evidence())))


def test_list_dues__the_client_was_down_for_most_of_a_window__it_is_not_owed() -> None:
    def is_owed(outage: Span) -> bool:
        evidence = build_evidence()
        evidence = replace(evidence, outages={**evidence.outages, "host-1 client": [outage]})
        return next(d.owed for d in list_dues(evidence) if (d.host, d.duty) == ("host-1", "MsgRevealLeaves 1"))

    first_ms = BLOCK_MS * (GENESIS_BLOCKS + 3 + 34 + 3)
    assert is_owed(Span(first_ms=0, last_ms=first_ms))
    assert not is_owed(Span(first_ms=0, last_ms=first_ms + 1))
    assert not is_owed(Span(first_ms=first_ms + 1_000, last_ms=first_ms + 1_001))
    assert is_owed(Span(first_ms=first_ms + 3_000, last_ms=first_ms + 9_000))


def test_list_outages__killed_again_before_it_was_up__one_outage_covers_the_other() -> None:
    outages = list_outages(kills_ms=[10, 12], ready_ms=[5, 20], end_ms=99)
    assert [(o.first_ms, o.last_ms) for o in outages] == [(0, 5), (10, 20), (12, 20)]
    stretches = list_stretches(Span(first_ms=0, last_ms=30), outages)
    assert [(s.first_ms, s.last_ms) for s in stretches] == [(5, 10), (20, 30)]
