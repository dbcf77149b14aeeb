import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.slots import SLOTS, THRESHOLD
from tests.wire.threshold.dealt import MESSAGE, NAMES, Dealt, shares_of
from wire.threshold.curve import G1_BYTES, read_g1, sign, verify
from wire.threshold.partials import are_partials_right, are_shares_of, combine_partials

ANN, BOB, CAT = NAMES
DEALT = Dealt()
PARTIALS = DEALT.partials()
SIGNATURE = combine_partials(PARTIALS)

subsets = st.lists(st.integers(1, SLOTS), min_size=THRESHOLD, max_size=SLOTS, unique=True)


def test_combine_partials__those_of_all__are_the_groups_signature() -> None:
    assert verify(DEALT.key.public_key, MESSAGE, SIGNATURE)
    assert not verify(DEALT.key.public_key, MESSAGE + b"!", SIGNATURE)


@settings(deadline=None, max_examples=20)
@given(subsets)
def test_combine_partials__any_that_are_enough__give_the_same_signature(slots: list[int]) -> None:
    assert combine_partials({slot: PARTIALS[slot] for slot in slots}) == SIGNATURE


def test_combine_partials__one_too_few__give_nothing() -> None:
    assert combine_partials({slot: PARTIALS[slot] for slot in range(1, THRESHOLD)}) == b""


@settings(deadline=None, max_examples=10)
@given(subsets, st.data())
def test_combine_partials__one_forged_among_those_used__is_not_the_groups(
    slots: list[int], data: st.DataObject
) -> None:
    forged = data.draw(st.sampled_from(sorted(slots)[:THRESHOLD]))
    partials = {slot: PARTIALS[slot] for slot in slots} | {forged: sign(5, MESSAGE)}
    assert not verify(DEALT.key.public_key, MESSAGE, combine_partials(partials))


def test_combine_partials__a_dealer_left_out__the_others_make_a_key_of_their_own() -> None:
    fewer = Dealt(dealers=(ANN, CAT))
    signature = combine_partials(fewer.partials())
    assert verify(fewer.key.public_key, MESSAGE, signature)
    assert not verify(DEALT.key.public_key, MESSAGE, signature)


@pytest.mark.parametrize("holder", NAMES)
def test_are_partials_right__a_holders_own__are(holder: bytes) -> None:
    assert are_partials_right(DEALT.keys_of(holder), MESSAGE, DEALT.partials_of(holder))


@pytest.mark.parametrize("holder", NAMES)
def test_are_shares_of__a_holders_own__are_and_nobody_elses(holder: bytes) -> None:
    shares = shares_of(holder, NAMES)
    assert are_shares_of(DEALT.keys_of(holder), shares)
    assert not are_shares_of(DEALT.keys_of(holder), [shares[0] + 1, *shares[1:]])
    assert not are_shares_of(DEALT.keys_of(holder), [shares[0] + 1, shares[1] - 1, *shares[2:]])
    assert not are_shares_of(DEALT.keys_of(holder), shares_of(holder, (ANN, CAT)))


OWN = DEALT.partials_of(BOB)
REFUSED = [
    (b"", "none"),
    (OWN[:-G1_BYTES], "one missing"),
    (OWN + OWN[-G1_BYTES:], "one twice"),
    (OWN[:G1_BYTES] * (len(OWN) // G1_BYTES), "the first for all"),
    (OWN[G1_BYTES:] + OWN[:G1_BYTES], "in another order"),
    (DEALT.partials_of(ANN), "another holder's"),
    (DEALT.partials_of(BOB, b"another message"), "over another message"),
    (Dealt(dealers=(ANN, BOB)).partials_of(BOB), "with shares of another key"),
    (OWN[:-G1_BYTES] + sign(5, MESSAGE), "one forged"),
    (OWN[:-1] + b"\0", "no point"),
    (b"\xc0" + bytes(47) + OWN[G1_BYTES:], "the identity for one"),
]


@pytest.mark.parametrize(("partials", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_are_partials_right__what_is_not_the_holders__is_refused(partials: bytes, words: str) -> None:
    assert not are_partials_right(DEALT.keys_of(BOB), MESSAGE, partials)


def test_are_partials_right__two_wrong_by_opposite_amounts__do_not_cancel() -> None:
    first, second = read_g1(OWN[:G1_BYTES]), read_g1(OWN[G1_BYTES : 2 * G1_BYTES])
    by = read_g1(sign(5, MESSAGE))
    wrong = (first + by).to_compressed_bytes() + (second - by).to_compressed_bytes() + OWN[2 * G1_BYTES :]
    assert not are_partials_right(DEALT.keys_of(BOB), MESSAGE, wrong)
