from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.slots import SLOTS, THRESHOLD, allocate_slots
from rules.types import Host


def host(number: int) -> Host:
    return Host(number.to_bytes(20, "big"))


def counts(*weights: int) -> list[int]:
    slots = allocate_slots({host(i): weight for i, weight in enumerate(weights)})
    return [len(slots.get(host(i), ())) for i in range(len(weights))]


def test_a_signature_needs_more_than_half_of_the_slots() -> None:
    assert (SLOTS, THRESHOLD) == (128, 65)


CASES = [
    ([1], [128], "one host"),
    ([5, 5], [64, 64], "two equal ones"),
    ([1, 1, 1], [43, 43, 42], "equal remainders go by address"),
    ([2, 1], [85, 43], "the larger remainder rounds up"),
    ([10**9, 1], [128, 0], "a crumb gets nothing"),
    ([0, 3], [0, 128], "no weight, no slot"),
    ([], [], "nobody"),
    ([0, 0], [0, 0], "nobody with weight"),
]


@pytest.mark.parametrize(("weights", "expected", "words"), CASES, ids=[words for *_, words in CASES])
def test_allocate_slots__weights__by_largest_remainder(weights: list[int], expected: list[int], words: str) -> None:
    assert counts(*weights) == expected


@given(st.lists(st.integers(0, 2**59), min_size=1, max_size=200).filter(any))
def test_allocate_slots__any_weights__every_slot_once_and_nobody_off_by_one(weights: list[int]) -> None:
    slots = allocate_slots({host(i): weight for i, weight in enumerate(weights)})
    assert [slot for held in slots.values() for slot in held] == list(range(1, SLOTS + 1))
    assert list(slots) == sorted(slots)
    for held, weight in zip(counts(*weights), weights, strict=True):
        assert abs(held - Fraction(SLOTS * weight, sum(weights))) < 1


@given(st.dictionaries(st.integers(0, 50), st.integers(0, 100), min_size=1))
def test_allocate_slots__hosts_in_another_order__changes_nothing(weights: dict[int, int]) -> None:
    table = {host(number): weight for number, weight in weights.items()}
    assert allocate_slots(dict(reversed(table.items()))) == allocate_slots(table)
