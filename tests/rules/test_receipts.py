"""Where a signed receipt has to hang, and whether it does."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.answers import build_receipt_tree
from rules.errors import RuleError
from rules.receipts import Settling, SignedReceipt, check_placing, find_settling, receipt_message
from rules.types import Host

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "vouchers.json").read_text())["signed-receipt"]
SIGNED = SignedReceipt(
    chain_id="gonka-1", escrow_id=5, host=Host(bytes(range(20))), request=2, after_serial=8, receipt=bytes(range(32))
)


def settling(after_serial: int, serial: int) -> Settling:
    return Settling(epoch=1, after_serial=after_serial, serial=serial, root=b"", count=0)


def test_receipt_message__equals_its_vector_and_a_hash_by_hand() -> None:
    parts = [bytes.fromhex(part) for part in VECTOR["parts"]]
    framed = b"".join(len(part).to_bytes(4, "little") + part for part in [b"gonka/signed-receipt", *parts])
    assert receipt_message(SIGNED).hex() == VECTOR["hash"] == sha256(framed).hexdigest()


@pytest.mark.parametrize(
    ("after", "expected", "why"),
    [
        (0, 3, "before anything settled"),
        (2, 3, "a serial that was signed, not settled"),
        (3, 7, "just after the first"),
        (6, 7, "just before the second"),
        (7, 8, "the last"),
        (8, "receipt_not_due", "nothing has settled since"),
        (2**63, "receipt_not_due", "a serial that nobody signed"),
    ],
)
def test_find_settling__three_vouchers__is_the_first_above_the_serial(
    after: int, expected: int | str, why: str
) -> None:
    settled = (settling(0, 3), settling(3, 7), settling(7, 8))
    try:
        found: int | str = find_settling(after, settled, 8).serial
    except RuleError as error:
        found = error.code
    assert found == expected, why


def test_find_settling__the_first_above_it_is_forgotten__is_too_old() -> None:
    with pytest.raises(RuleError, match="receipt_too_old"):
        find_settling(2, (settling(3, 7),), 7)
    with pytest.raises(RuleError, match="receipt_too_old"):
        find_settling(2, (), 7)


@given(
    serials=st.lists(st.integers(1, 40), min_size=1, unique=True).map(sorted),
    kept=st.integers(0, 40),
    after=st.integers(0, 45),
)
def test_find_settling__any_history__finds_it_just_when_it_is_kept(serials: list[int], kept: int, after: int) -> None:
    history = [settling(before, serial) for before, serial in zip([0, *serials], serials, strict=False)]
    due = next((one for one in history if one.serial > after), None)
    remembered = tuple(history[min(kept, len(history)) :])
    if due in remembered:
        assert find_settling(after, remembered, serials[-1]) == due
        return
    with pytest.raises(RuleError) as error:
        find_settling(after, remembered, serials[-1])
    assert error.value.code == ("receipt_not_due" if due is None else "receipt_too_old")


@given(requests=st.lists(st.integers(1, 10**6), min_size=1, max_size=40, unique=True).map(sorted), data=st.data())
def test_check_placing__any_tree__takes_a_leaf_at_its_place_and_nowhere_else(
    requests: list[int], data: st.DataObject
) -> None:
    leaves = [(request, sha256(request.to_bytes(8)).digest()) for request in requests]
    tree = build_receipt_tree(leaves)
    place = data.draw(st.integers(0, len(leaves) - 1))
    other = data.draw(st.integers(-1, len(leaves)).filter(lambda n: n != place))
    proof = tree.prove([place])
    at = Settling(epoch=1, after_serial=0, serial=1, root=tree.root, count=tree.count)
    check_placing(at, leaves[place], place, proof.siblings, proof.splits)
    with pytest.raises(RuleError):
        check_placing(at, leaves[place], other, proof.siblings, proof.splits)
    with pytest.raises(RuleError, match="reveal_wrong_root"):
        check_placing(at, (leaves[place][0], bytes(32)), place, proof.siblings, proof.splits)


def test_check_placing__a_tree_of_nothing__takes_no_leaf() -> None:
    with pytest.raises(RuleError, match="placing_wrong"):
        check_placing(settling(0, 1), (1, bytes(32)), 0, (), ())


def test_check_placing__a_request_that_lies_on_the_wrong_side_of_a_split__is_refused() -> None:
    tree = build_receipt_tree([(9, bytes(32)), (3, bytes(32))])  # out of order, as a host could hang one request twice
    proof = tree.prove([0])
    at = Settling(epoch=1, after_serial=0, serial=1, root=tree.root, count=2)
    with pytest.raises(RuleError, match="placing_wrong"):
        check_placing(at, (9, bytes(32)), 0, proof.siblings, proof.splits)
