"""Receipts byte by byte, and the draws over lots: how many, which, and by whom."""

import json
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.answers import (
    MAX_SAMPLES,
    Answer,
    Batch,
    Lot,
    Receipt,
    Report,
    Sample,
    answer_seed,
    build_receipt_tree,
    check_receipts,
    compute_answers_hash,
    compute_receipt_hash,
    compute_reports_commitment,
    draw_samples,
    draw_verifiers,
    order_verifiers,
)
from rules.errors import RuleError
from rules.params import MILLION
from rules.types import Host

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "answers.json").read_text())
SEED, SALT, BODY = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
A, B, C, D = (Host(bytes([n]) * 20) for n in (1, 2, 3, 4))
RECEIPT = Receipt(
    chain_id="gonka-1",
    escrow_id=5,
    host=A,
    request=9,
    body_hash=BODY,
    developer_nonce=bytes([7]) * 32,
    host_nonce=bytes([8]) * 32,
    answers=(Answer(prompt=(1, 2, 70_000), tokens=(3,)), Answer(prompt=(4,), tokens=())),
    salt=SALT,
)


def lot(*counts: int) -> Lot:
    batches = tuple(Batch(serial=n, root=bytes([n]) * 32, count=count) for n, count in enumerate(counts, 1))
    return Lot(host=A, escrow_id=5, batches=batches)


def by_hand(label: bytes, *parts: bytes) -> bytes:
    return sha256(b"".join(len(part).to_bytes(4, "little") + part for part in (label, *parts))).digest()


def test_compute_receipt_hash__the_protocol_by_hand__equals_it_and_the_vector() -> None:
    numbers = [b"".join(n.to_bytes(4, "little") for n in part) for part in ((1, 2, 70_000), (3,), (4,), ())]
    answers = by_hand(b"gonka/answers", *numbers)
    parts = (b"gonka-1", (5).to_bytes(8, "little"), A, (9).to_bytes(8, "little"), SALT, BODY)
    expected = by_hand(b"gonka/receipt", *parts, RECEIPT.developer_nonce, RECEIPT.host_nonce, answers)
    assert compute_answers_hash(RECEIPT.answers) == answers
    assert compute_receipt_hash(RECEIPT) == expected
    assert expected.hex() == VECTORS["receipt"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"chain_id": "gonka-2"}, "another chain"),
        ({"escrow_id": 6}, "another escrow"),
        ({"host": B}, "another host"),
        ({"request": 10}, "another request"),
        ({"salt": BODY}, "another salt"),
        ({"body_hash": SALT}, "another body"),
        ({"host_nonce": SALT}, "another nonce"),
        ({"answers": (Answer(prompt=(1, 2), tokens=(70_000, 3)), RECEIPT.answers[1])}, "tokens cut elsewhere"),
        ({"answers": RECEIPT.answers[:1]}, "an answer less"),
    ],
)
def test_compute_receipt_hash__one_thing_changed__differs(change: dict[str, object], what: str) -> None:
    changed = replace(RECEIPT, **change)  # type: ignore[arg-type]
    assert compute_receipt_hash(changed) != compute_receipt_hash(RECEIPT), what


def test_check_receipts__opened_leaves__are_in_order_and_a_repeated_request_is_not() -> None:
    leaves = [(request, bytes([request]) * 32) for request in (2, 3, 5, 8, 9)]
    tree = build_receipt_tree(leaves)
    sample = Sample(batch=Batch(serial=1, root=tree.root, count=5), positions=(1, 4))
    assert check_receipts(sample, [leaves[1], leaves[4]], tree.prove([1, 4])) == (True, True)
    padded = build_receipt_tree([leaves[0], leaves[0], *leaves[2:]])
    twice = Sample(batch=Batch(serial=1, root=padded.root, count=5), positions=(0, 1))
    assert check_receipts(twice, [leaves[0], leaves[0]], padded.prove([0, 1])) == (False, True)
    with pytest.raises(RuleError, match="reveal_wrong_root"):
        check_receipts(sample, [leaves[1], (9, bytes(32))], tree.prove([1, 4]))


def test_draw_samples__all_of_a_small_lot__every_position_of_every_batch() -> None:
    samples = draw_samples(SEED, 7, lot(3, 1, 5), MILLION)
    assert [(sample.batch.serial, sample.positions) for sample in samples] == [
        (1, (0, 1, 2)),
        (2, (0,)),
        (3, (0, 1, 2, 3, 4)),
    ]


def test_draw_samples__a_vector__is_drawn_again() -> None:
    samples = draw_samples(SEED, 7, lot(40, 60), 100_000)
    assert [[sample.batch.serial, list(sample.positions)] for sample in samples] == VECTORS["samples"]


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(1, 200), min_size=1, max_size=4), rate=st.integers(0, MILLION))
def test_draw_samples__any_lot__as_many_as_the_rate_says_distinct_and_within(counts: list[int], rate: int) -> None:
    drawn = draw_samples(SEED, 1, lot(*counts), rate)
    total = sum(len(sample.positions) for sample in drawn)
    expected = sum(counts) * rate
    assert min(expected // MILLION, MAX_SAMPLES) <= total <= min(expected // MILLION + 1, MAX_SAMPLES, sum(counts))
    for sample in drawn:
        assert list(sample.positions) == sorted(set(sample.positions))
        assert sample.positions[0] >= 0
        assert sample.positions[-1] < sample.batch.count


def test_draw_samples__one_in_a_hundred_of_single_receipts__about_one_in_a_hundred() -> None:
    drawn = sum(bool(draw_samples(SEED, epoch, lot(1), 10_000)) for epoch in range(5_000))
    assert 25 <= drawn <= 80


def seats_in(table: dict[Host, int], seats: int, epoch: int = 7) -> tuple[Host, ...]:
    return draw_verifiers(SEED, epoch, lot(1), order_verifiers(SEED, epoch, table), seats)


def test_draw_verifiers__by_units__never_the_host_and_in_proportion() -> None:
    table = {A: 10**9, B: 1_000, C: 3_000, D: 0}
    assert Counter(seats_in(table, 1_000)) == {B: 250, C: 750}


def test_draw_verifiers__known_table__the_vector() -> None:
    table = {Host(bytes([number]) * 20): 1_000 + 137 * number for number in range(1, 13)}
    assert [host[0] for host in seats_in(table, 7)] == VECTORS["verifiers"]


def test_draw_verifiers__over_many_epochs__seats_come_in_proportion_to_units() -> None:
    table = {B: 1_000, C: 3_000, D: 3_000}
    seats = Counter(host for epoch in range(2_000) for host in seats_in(table, 5, epoch))
    assert 1_300 <= seats[B] <= 1_560
    assert abs(seats[C] - seats[D]) < 400


def test_draw_verifiers__a_liar_with_a_third_of_the_units__never_holds_most_seats_of_an_honest_hosts_lot() -> None:
    table = {A: 100, B: 100, C: 100, D: 100}
    for epoch in range(500):
        seats = Counter(seats_in(table, 5, epoch))
        assert {seats[host] for host in (B, C, D)} <= {1, 2}


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.integers(0, 2**40), min_size=1, max_size=30), seats=st.integers(1, 16), epoch=st.integers(0, 99)
)
def test_draw_verifiers__any_table__everybody_has_its_part_rounded_up_or_down(
    units: list[int], seats: int, epoch: int
) -> None:
    table = {Host(bytes([number]) * 20): unit for number, unit in enumerate(units, start=10)}
    drawn, total = Counter(seats_in(table, seats, epoch)), sum(units)
    assert sum(drawn.values()) == (seats if total else 0)
    for host, unit in table.items():
        assert not total or seats * unit // total <= drawn[host] <= -(-seats * unit // total)


@pytest.mark.parametrize(("table", "why"), [({}, "nobody"), ({A: 5}, "only the host"), ({A: 5, B: 0}, "no units")])
def test_draw_verifiers__nobody_may__no_seats(table: dict[Host, int], why: str) -> None:
    assert seats_in(table, 5) == (), why


def test_compute_reports_commitment__the_protocol_by_hand__equals_it_and_the_vector() -> None:
    reports = [
        Report(escrow_id=5, host=A, tokens=300, distance_ppm=2_000),
        Report(escrow_id=6, host=B, tokens=0, distance_ppm=MILLION),
    ]
    numbers = [(5, A, 300, 2_000), (6, B, 0, MILLION)]
    encoded = b"".join(
        escrow.to_bytes(8, "little") + host + tokens.to_bytes(8, "little") + distance.to_bytes(4, "little")
        for escrow, host, tokens, distance in numbers
    )
    expected = by_hand(b"gonka/reports", b"gonka-1", (7).to_bytes(8, "little"), C, SALT, encoded)
    assert compute_reports_commitment("gonka-1", 7, C, SALT, reports) == expected
    assert expected.hex() == VECTORS["reports"]


def test_answer_seed__by_hand__equals_it_and_differs_by_place() -> None:
    assert answer_seed(SEED, 3) == by_hand(b"gonka/answer", SEED, (3).to_bytes(4, "little"))
    assert answer_seed(SEED, 0) != answer_seed(SEED, 1)
