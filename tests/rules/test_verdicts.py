from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.types import Dispute, Host, Row, Verdict
from rules.verdicts import (
    STOPPED_DIGEST,
    Case,
    DisputeCount,
    Done,
    Duty,
    RowDuty,
    compute_ruling,
    count_votes,
    list_duties,
    list_judged,
    open_disputes,
)

ANN, BOB, CAT, DAN, EVE = (Host(bytes([i]) * 20) for i in range(1, 6))
GOOD, OTHER = b"honestly", b"liars do"
TABLE = {ANN: 10, BOB: 10, CAT: 10, DAN: 10}
STOPS_AT = 3


def row(*positions: int, digest: bytes = GOOD, claimant: Host = ANN) -> Row:
    stopped = len(positions) == STOPS_AT
    return Row(claimant=claimant, sample_digest=STOPPED_DIGEST if stopped else digest, mismatched_positions=positions)


def count(*, false: int, voted: int, jurors: int = 30, voters: int = 2, nonce: int = 1) -> DisputeCount:
    return DisputeCount(
        dispute=Dispute(claimant=ANN, nonce=nonce),
        voters=voters,
        jurors_weight=jurors,
        voted_weight=voted,
        false_weight=false,
    )


def case(seats: Mapping[Host, int], rows: Mapping[Host, Row], *disputes: DisputeCount) -> Case:
    holders = tuple(host for host, number in seats.items() for _ in range(number))
    return Case(claimant=ANN, seats=holders, rows=rows, disputes=disputes)


EQUAL = {BOB: 4, CAT: 4}
STOPPED = row(1, 2, 3)

VERDICTS = [
    (case(EQUAL, {BOB: row(), CAT: row()}), Verdict.ACCEPTED, "all seats report it equal"),
    (case({BOB: 2, CAT: 6}, {BOB: row()}), Verdict.ACCEPTED, "exactly 1/4 of the seats report it equal"),
    (case({BOB: 1, CAT: 7}, {BOB: row()}), Verdict.UNDECIDED, "less than 1/4 of the seats report it"),
    (case(EQUAL, {}), Verdict.UNDECIDED, "nobody reports"),
    (case({}, {}), Verdict.UNDECIDED, "nobody may verify"),
    (
        case({BOB: 1, CAT: 1, DAN: 6}, {BOB: row(), CAT: row(digest=OTHER)}),
        Verdict.UNDECIDED,
        "1/4 report it equal, with two digests",
    ),
    (
        case({BOB: 2, CAT: 2, DAN: 4}, {BOB: row(1), CAT: row(2)}, count(false=15, voted=30)),
        Verdict.UNDECIDED,
        "the votes clear it, and no seat reports it equal",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: row(1)}, count(false=10, voted=30)),
        Verdict.ACCEPTED,
        "a mismatch that the votes do not confirm",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: row(1)}, count(false=15, voted=30)),
        Verdict.ACCEPTED,
        "exactly 1/2 of the votes say false",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: row(1)}, count(false=16, voted=30)),
        Verdict.REJECTED,
        "more than 1/2 of the votes say false",
    ),
    (
        case(EQUAL, {BOB: row(2), CAT: row(1)}, count(false=0, voted=30), count(false=30, voted=30, nonce=2)),
        Verdict.REJECTED,
        "one of two disputes is lost",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: STOPPED}, count(false=30, voted=30, voters=1)),
        Verdict.UNDECIDED,
        "one juror votes",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: STOPPED}, count(false=14, voted=14)),
        Verdict.UNDECIDED,
        "less than 1/2 of the jurors' weight votes",
    ),
    (
        case(EQUAL, {BOB: row(), CAT: STOPPED}, count(false=15, voted=15)),
        Verdict.REJECTED,
        "exactly 1/2 of the jurors' weight votes",
    ),
]


@pytest.mark.parametrize(("given_case", "verdict", "words"), VERDICTS, ids=[words for *_, words in VERDICTS])
def test_compute_ruling__gives_the_verdict(given_case: Case, verdict: Verdict, words: str) -> None:
    assert compute_ruling(given_case, STOPS_AT).verdict is verdict


SLASHES = [
    (case(EQUAL, {BOB: STOPPED, CAT: STOPPED}, count(false=21, voted=30)), True, "more than 2/3 and all seats"),
    (case(EQUAL, {BOB: STOPPED, CAT: STOPPED}, count(false=20, voted=30)), False, "exactly 2/3 of the votes"),
    (case(EQUAL, {BOB: STOPPED, CAT: row()}, count(false=30, voted=30)), False, "exactly 1/2 of the reporting seats"),
    (case({BOB: 5, CAT: 4}, {BOB: STOPPED, CAT: row()}, count(false=30, voted=30)), True, "more than 1/2 of them"),
    (case({BOB: 1, CAT: 9}, {BOB: STOPPED}, count(false=30, voted=30)), True, "silent seats do not count"),
    (case(EQUAL, {BOB: row(1, 2), CAT: row(1, 2)}, count(false=30, voted=30)), False, "two mismatches are too few"),
    (case(EQUAL, {BOB: STOPPED, CAT: STOPPED}, count(false=15, voted=30)), False, "not rejected at all"),
]


@pytest.mark.parametrize(("given_case", "slashed", "words"), SLASHES, ids=[words for *_, words in SLASHES])
def test_compute_ruling__slashes_only_what_is_clear(given_case: Case, slashed: bool, words: str) -> None:
    assert compute_ruling(given_case, STOPS_AT).slashed is slashed


THREE = {BOB: 3, CAT: 3, DAN: 2}
CLEARED, LOST = count(false=0, voted=30), count(false=30, voted=30)
WRONG = [
    (case(THREE, {BOB: row(), CAT: row(), DAN: row(digest=OTHER)}), {DAN}, "another digest than the most"),
    (case({BOB: 4, CAT: 4}, {BOB: row(), CAT: row(digest=OTHER)}), set[Host](), "no digest has more than 1/2"),
    (case(THREE, {BOB: row(), CAT: row(), DAN: row(1)}, CLEARED), {DAN}, "a false accusation"),
    (case(THREE, {BOB: row(1), CAT: row(1), DAN: row(1)}, CLEARED), {BOB, CAT, DAN}, "all accuse and none is right"),
    (case(THREE, {BOB: STOPPED, CAT: STOPPED, DAN: row()}, LOST), {DAN}, "a rejected claim reported equal"),
    (case(THREE, {BOB: STOPPED, CAT: STOPPED, DAN: row(1, 2, 9)}, LOST), {DAN}, "stopped at other positions"),
    (
        case(THREE, {BOB: row(1), CAT: row(1), DAN: row(1)}, count(false=5, voted=5)),
        set[Host](),
        "nothing was settled",
    ),
]


@pytest.mark.parametrize(("given_case", "wrong", "words"), WRONG, ids=[words for *_, words in WRONG])
def test_compute_ruling__names_the_wrong_rows(given_case: Case, wrong: set[Host], words: str) -> None:
    ruling = compute_ruling(given_case, STOPS_AT)
    assert ruling.wrong == wrong
    assert ruling.missing == frozenset(given_case.seats) - given_case.rows.keys()


def test_open_disputes__rows_that_name_the_same_lowest_nonce__open_one_dispute() -> None:
    leaves = {ANN: {0: 7, 4: 9, 5: 11}, BOB: {2: 3}}
    rows = [row(4, 5), row(4), row(0), row(), row(2, claimant=BOB)]
    assert open_disputes(leaves, rows) == (
        Dispute(claimant=ANN, nonce=7),
        Dispute(claimant=ANN, nonce=9),
        Dispute(claimant=BOB, nonce=3),
    )


def test_list_judged__leaves_out_the_jurors_own_claim() -> None:
    mine, other = Dispute(claimant=ANN, nonce=1), Dispute(claimant=BOB, nonce=1)
    assert list_judged(ANN, (mine, other)) == (other,)


def test_count_votes__claimant_and_hosts_without_units__do_not_count() -> None:
    dispute = Dispute(claimant=ANN, nonce=1)
    votes = {BOB: {dispute: True}, CAT: {dispute: False}, EVE: {dispute: True}, ANN: {}}
    (found,) = count_votes((dispute,), votes, {**TABLE, EVE: 0})
    assert (found.voters, found.jurors_weight, found.voted_weight, found.false_weight) == (2, 30, 20, 10)


def test_list_duties__counts_rows_and_one_vote__and_how_each_was_done() -> None:
    dispute = Dispute(claimant=ANN, nonce=1)
    votes = {BOB: {dispute: True}, CAT: {dispute: True}, DAN: {dispute: False}}
    accused = case(THREE, {BOB: STOPPED, CAT: row()}, *count_votes((dispute,), votes, TABLE))
    duties = list_duties([(accused, compute_ruling(accused, STOPS_AT))], votes, TABLE)
    assert duties[ANN] == Duty()
    assert duties[BOB] == Duty(rows=(RowDuty(claimant=ANN, seats=3, done=Done.RIGHT),), vote=Done.RIGHT)
    assert duties[CAT] == Duty(rows=(RowDuty(claimant=ANN, seats=3, done=Done.WRONG),), vote=Done.RIGHT)
    assert duties[DAN] == Duty(rows=(RowDuty(claimant=ANN, seats=2, done=Done.MISSING),), vote=Done.WRONG)
    assert [(duties[host].wrong, duties[host].due) for host in (ANN, BOB, CAT, DAN)] == [(0, 0), (0, 2), (1, 2), (2, 2)]


def test_list_duties__a_juror_that_does_not_vote__owes_one() -> None:
    accused = case({BOB: 8}, {BOB: row(1)}, count(false=20, voted=20))
    duties = list_duties([(accused, compute_ruling(accused, STOPS_AT))], {}, {ANN: 1, BOB: 1, CAT: 1, EVE: 0})
    assert duties[ANN].vote is None
    assert duties[CAT] == Duty(vote=Done.MISSING)
    assert EVE not in duties


@pytest.mark.parametrize(
    ("missing", "idle"), [(0, False), (4, False), (5, True), (8, True)], ids=["none", "half", "more", "all"]
)
def test_duty__more_than_half_of_the_seats_unreported__is_idle(missing: int, idle: bool) -> None:
    rows = (
        RowDuty(claimant=ANN, seats=missing, done=Done.MISSING),
        RowDuty(claimant=CAT, seats=8 - missing, done=Done.WRONG),
    )
    assert Duty(rows=rows).is_idle is idle


@given(
    seats=st.lists(st.sampled_from([BOB, CAT, DAN]), min_size=1, max_size=32),
    false=st.integers(0, 30),
    voted=st.integers(0, 30),
    honest=st.sets(st.sampled_from([BOB, CAT, DAN])),
)
def test_one_honest_report_in_four_seats_or_a_lost_dispute_decides(
    seats: list[Host], false: int, voted: int, honest: set[Host]
) -> None:
    rows = {host: row() if host in honest else row(1) for host in set(seats)}
    dispute = count(false=min(false, voted), voted=voted)
    disputes = [dispute] if set(seats) - honest else []
    full = Case(claimant=ANN, seats=tuple(seats), rows=rows, disputes=tuple(disputes))
    enough = 4 * sum(host in honest for host in seats) >= len(seats)
    decided = not disputes or dispute.has_quorum
    lost = bool(disputes) and dispute.says_false
    expected = Verdict.REJECTED if lost else Verdict.ACCEPTED if enough else Verdict.UNDECIDED
    assert compute_ruling(full, STOPS_AT).verdict is (expected if decided else Verdict.UNDECIDED)
