from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point

from rules.slots import SLOTS
from rules.types import Host
from tests.wire.threshold.dealt import KEYS, NAMES, SECRETS, SLOTS_OF, deal_of, dealing_of
from wire.threshold.curve import G2_BYTES, ORDER, multiply_g1, sign, verify
from wire.threshold.dealing import (
    Dealing,
    Opening,
    are_shares_right,
    compute_shared_key,
    deal,
    is_opening_of,
    is_well_formed,
    make_key,
    open_deal,
    open_shares,
)

ANN, BOB, CAT = NAMES
DEALING, SEALED = dealing_of(ANN), deal_of(ANN)


def shares_for(holder: bytes, secret: int | None = None) -> list[int]:
    key = compute_shared_key(SEALED, SECRETS[holder] if secret is None else secret)
    return open_shares(DEALING, SEALED, key, SLOTS_OF[Host(holder)])


@pytest.mark.parametrize("holder", NAMES)
def test_deal__every_holder__opens_its_shares_and_nobody_elses(holder: bytes) -> None:
    assert is_well_formed(DEALING, SEALED)
    assert are_shares_right(SEALED.commitments, SLOTS_OF[Host(holder)], shares_for(holder))
    assert not are_shares_right(SEALED.commitments, SLOTS_OF[Host(holder)], shares_for(holder, secret=12345))


def test_deal__the_same_entropy__gives_the_same_deal_and_only_for_the_same_dealing() -> None:
    assert deal(DEALING, b"entropy of " + ANN) == SEALED
    assert deal(dealing_of(ANN, epoch=8), b"entropy of " + ANN).commitments != SEALED.commitments


OTHER = deal_of(BOB)
SPOILED = [
    (replace(SEALED, commitments=SEALED.commitments[:-G2_BYTES]), "too low a degree"),
    (replace(SEALED, commitments=SEALED.commitments + OTHER.commitments[:G2_BYTES]), "too high a degree"),
    (replace(SEALED, commitments=bytes(len(SEALED.commitments))), "no points"),
    (replace(SEALED, commitments=b"\xc0" + bytes(G2_BYTES - 1) + SEALED.commitments[G2_BYTES:]), "a key of nothing"),
    (replace(SEALED, commitments=OTHER.commitments), "another's commitments"),
    (replace(SEALED, commitments=SEALED.commitments[:-G2_BYTES] + OTHER.commitments[-G2_BYTES:]), "one of another's"),
    (replace(SEALED, proof=OTHER.proof), "another's proof"),
    (replace(SEALED, proof=b""), "no proof"),
    (replace(SEALED, proof=sign(5, b"anything")), "a made-up proof"),
    (replace(SEALED, ephemeral_key=OTHER.ephemeral_key), "another's key"),
    (replace(SEALED, ephemeral_key=b"\xc0" + bytes(47)), "the identity as key"),
    (replace(SEALED, shares=SEALED.shares[:-1]), "a byte short"),
    (replace(SEALED, shares=SEALED.shares + bytes(32)), "a share too many"),
]


@pytest.mark.parametrize(("sealed", "words"), SPOILED, ids=[words for _, words in SPOILED])
def test_is_well_formed__one_thing_spoiled__is_not(sealed: object, words: str) -> None:
    assert not is_well_formed(DEALING, sealed)  # type: ignore[arg-type]  # a table of deals


WRONG = [
    (dealing_of(BOB), "another dealer"),
    (dealing_of(ANN, chain_id="test-2"), "another chain"),
    (dealing_of(ANN, epoch=8), "another epoch"),
]


@pytest.mark.parametrize(("dealing", "words"), WRONG, ids=[words for _, words in WRONG])
def test_is_well_formed__dealt_for_something_else__is_not(dealing: Dealing, words: str) -> None:
    assert not is_well_formed(dealing, SEALED)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, SLOTS - 1), st.integers(1, ORDER - 1))
def test_are_shares_right__one_share_of_all_changed__are_not(index: int, by: int) -> None:
    right = [share for holder in NAMES for share in shares_for(holder)]
    wrong = [*right[:index], (right[index] + by) % ORDER, *right[index + 1 :]]
    assert are_shares_right(SEALED.commitments, range(1, SLOTS + 1), right)
    assert not are_shares_right(SEALED.commitments, range(1, SLOTS + 1), wrong)


def test_are_shares_right__a_share_written_in_another_way__are_not() -> None:
    first, *rest = shares_for(ANN)
    assert not are_shares_right(SEALED.commitments, SLOTS_OF[Host(ANN)], [first + ORDER, *rest])


OPENING = open_deal(DEALING, SEALED, SECRETS[BOB])


def test_is_opening_of__the_holders_own__opens_its_shares_to_everyone() -> None:
    assert is_opening_of(DEALING, SEALED, KEYS[BOB], OPENING)
    slots = SLOTS_OF[Host(BOB)]
    opened = open_shares(DEALING, SEALED, OPENING.shared_key, slots)
    assert opened == shares_for(BOB)
    others = open_shares(DEALING, SEALED, OPENING.shared_key, SLOTS_OF[Host(CAT)])
    assert not are_shares_right(SEALED.commitments, SLOTS_OF[Host(CAT)], others)


FORGED = [
    (replace(OPENING, shared_key=multiply_g1(G1Point(), 5)), KEYS[BOB], "another shared key"),
    (replace(OPENING, shared_key=b"junk"), KEYS[BOB], "no key"),
    (replace(OPENING, proof=OPENING.proof[:-1]), KEYS[BOB], "a short proof"),
    (replace(OPENING, proof=OPENING.proof[:-1] + bytes([OPENING.proof[-1] ^ 1])), KEYS[BOB], "another answer"),
    (replace(OPENING, proof=b"\xff" * 64), KEYS[BOB], "numbers beyond the order"),
    (OPENING, KEYS[CAT], "for another holder"),
    (open_deal(DEALING, SEALED, SECRETS[CAT]), KEYS[BOB], "another holder's own"),
    (open_deal(DEALING, deal_of(BOB), SECRETS[BOB]), KEYS[BOB], "of another deal"),
    (open_deal(dealing_of(CAT), SEALED, SECRETS[BOB]), KEYS[BOB], "for another dealing"),
]


@pytest.mark.parametrize(("opening", "key", "words"), FORGED, ids=[words for *_, words in FORGED])
def test_is_opening_of__what_is_not_the_holders__is_refused(opening: Opening, key: bytes, words: str) -> None:
    assert not is_opening_of(DEALING, SEALED, key, opening)


def test_make_key__two_deals__is_of_the_sums_of_the_shares() -> None:
    other = open_shares(dealing_of(BOB), OTHER, compute_shared_key(OTHER, SECRETS[CAT]), SLOTS_OF[Host(CAT)])
    key = make_key([SEALED.commitments, OTHER.commitments])
    for slot, mine, others in zip(SLOTS_OF[Host(CAT)], shares_for(CAT), other, strict=True):
        public_key = key.slot_keys[G2_BYTES * (slot - 1) : G2_BYTES * slot]
        assert verify(public_key, b"message", sign((mine + others) % ORDER, b"message"))
    assert len(key.slot_keys) == SLOTS * G2_BYTES
