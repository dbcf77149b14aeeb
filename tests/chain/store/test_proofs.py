"""Proofs of pairs and of their absence: accepted when true, refused when any byte is another."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.store.errors import StoreError
from chain.store.proofs import check_absence, check_presence, prove
from chain.store.store import Store, View

from cosmos.ics23.v1 import proofs_pb2 as ics23

KEYS = st.binary(min_size=1, max_size=4)
CONTENTS = st.dictionaries(KEYS, st.binary(min_size=1, max_size=8), min_size=1, max_size=40)


def view_of(contents: Mapping[bytes, bytes]) -> View:
    store = Store.in_memory()
    store.commit(store.prepare(dict(contents)), height=1, records={})
    return store.latest


SOME = view_of({b"key%d" % number: b"value%d" % number for number in range(40)})
PRESENCE = prove(SOME, b"key7")
ABSENT = b"absent"  # has a neighbour on either side
ABSENCE = prove(SOME, ABSENT)


@given(CONTENTS)
@settings(max_examples=60)
def test_prove__every_pair_of_any_contents__is_accepted(contents: dict[bytes, bytes]) -> None:
    view = view_of(contents)
    for key, value in contents.items():
        check_presence(prove(view, key), app_hash=view.app_hash, key=key, value=value)


@given(CONTENTS, KEYS)
@settings(max_examples=100)
def test_prove__a_key_not_there__is_accepted_as_absent(contents: dict[bytes, bytes], absent: bytes) -> None:
    view = view_of({key: value for key, value in contents.items() if key != absent} | {b"other": b"pair"})
    check_absence(prove(view, absent), app_hash=view.app_hash, key=absent)


def test_prove__an_empty_state__has_nothing_to_prove() -> None:
    with pytest.raises(StoreError, match="nothing_to_prove"):
        prove(Store.in_memory().latest, b"key")


@pytest.mark.parametrize(
    ("app_hash", "key", "value"),
    [
        (bytes(32), b"key7", b"value7"),
        (SOME.app_hash, b"key8", b"value7"),
        (SOME.app_hash, b"key7", b"value8"),
        (SOME.app_hash, b"key7", b""),
    ],
    ids=["another app hash", "another key", "another value", "no value"],
)
def test_check_presence__of_something_else__is_refused(app_hash: bytes, key: bytes, value: bytes) -> None:
    with pytest.raises(StoreError, match="proof_invalid"):
        check_presence(PRESENCE, app_hash=app_hash, key=key, value=value)


def test_check_presence__any_one_byte_another__is_refused() -> None:
    for proof in flipped(PRESENCE):
        with pytest.raises(StoreError, match="proof_invalid"):
            check_presence(proof, app_hash=SOME.app_hash, key=b"key7", value=b"value7")


def test_check_absence__any_one_byte_another__is_refused() -> None:
    for proof in flipped(ABSENCE):
        with pytest.raises(StoreError, match="proof_invalid"):
            check_absence(proof, app_hash=SOME.app_hash, key=ABSENT)


def flipped(proof: bytes) -> Iterator[bytes]:
    """The proof with each byte changed in each of its bits, and in all of them."""
    for position in range(len(proof)):
        for flip in (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF):
            yield proof[:position] + bytes([proof[position] ^ flip]) + proof[position + 1 :]


def turn(step: ics23.InnerOp) -> None:
    """Put the sibling on the other side."""
    if step.suffix:
        step.prefix, step.suffix = b"\x01" + step.suffix, b""
    else:
        step.prefix, step.suffix = b"\x01", step.prefix[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: turn(proof.path[0]),
        lambda proof: turn(proof.path[-1]),
        lambda proof: proof.path.pop(),
        lambda proof: proof.path.pop(0),
        lambda proof: proof.path.append(ics23.InnerOp(hash=ics23.SHA256, prefix=b"\x01", suffix=bytes(32))),
        lambda proof: proof.path.extend([proof.path[0]] * 256),
        lambda proof: setattr(proof.path[0], "hash", ics23.SHA512_256),
        lambda proof: setattr(proof.path[0], "prefix", b"\x00" + proof.path[0].prefix[1:]),
        lambda proof: setattr(proof.path[0], "prefix", b"\x01" + proof.path[0].prefix),
        lambda proof: setattr(proof.path[0], "suffix", proof.path[0].suffix + bytes(32)),
        lambda proof: setattr(proof.leaf, "prefix", b"\x00\x00"),
        lambda proof: setattr(proof.leaf, "prehash_key", ics23.NO_HASH),
        lambda proof: setattr(proof.leaf, "length", ics23.VAR_PROTO),
        lambda proof: proof.ClearField("leaf"),
    ],
    ids=[
        "lowest step turned",
        "highest step turned",
        "no highest step",
        "no lowest step",
        "a step too many",
        "too deep",
        "another hash",
        "a leaf's prefix",
        "prefix too long",
        "suffix too long",
        "another leaf prefix",
        "key not hashed",
        "lengths in the leaf",
        "no leaf form",
    ],
)
def test_check_presence__one_part_another__is_refused(change: Callable[[ics23.ExistenceProof], object]) -> None:
    message = ics23.CommitmentProof.FromString(PRESENCE)
    change(message.exist)
    with pytest.raises(StoreError, match="proof_invalid"):
        check_presence(message.SerializeToString(), app_hash=SOME.app_hash, key=b"key7", value=b"value7")


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.ClearField("left"),
        lambda proof: proof.ClearField("right"),
        lambda proof: (proof.ClearField("left"), proof.ClearField("right")),
        lambda proof: proof.right.CopyFrom(proof.left),
        lambda proof: proof.left.CopyFrom(proof.right),
    ],
    ids=["no left neighbour", "no right neighbour", "no neighbour", "left twice", "right twice"],
)
def test_check_absence__other_neighbours__is_refused(change: Callable[[ics23.NonExistenceProof], object]) -> None:
    message = ics23.CommitmentProof.FromString(ABSENCE)
    change(message.nonexist)
    with pytest.raises(StoreError, match="proof_invalid"):
        check_absence(message.SerializeToString(), app_hash=SOME.app_hash, key=ABSENT)


@pytest.mark.parametrize("length", [0, 1, len(PRESENCE) // 2, len(PRESENCE) - 1])
def test_check_presence__cut_short__is_refused(length: int) -> None:
    with pytest.raises(StoreError, match="proof_invalid"):
        check_presence(PRESENCE[:length], app_hash=SOME.app_hash, key=b"key7", value=b"value7")


@pytest.mark.parametrize("extra", [b"\x00", b"\x7a\x00", PRESENCE], ids=["a zero", "an unknown field", "itself again"])
def test_check_presence__with_something_appended__is_refused(extra: bytes) -> None:
    with pytest.raises(StoreError, match="proof_invalid"):
        check_presence(PRESENCE + extra, app_hash=SOME.app_hash, key=b"key7", value=b"value7")


def test_check_presence__a_proof_of_absence_and_the_reverse__are_refused() -> None:
    with pytest.raises(StoreError, match="another kind"):
        check_presence(ABSENCE, app_hash=SOME.app_hash, key=ABSENT, value=b"value")
    with pytest.raises(StoreError, match="another kind"):
        check_absence(PRESENCE, app_hash=SOME.app_hash, key=b"key7")


@given(CONTENTS, st.data())
@settings(max_examples=100)
def test_check_absence__of_a_key_that_is_there__is_refused_with_any_two_neighbours(contents, data) -> None:
    """A liar who has every true proof of the tree picks the neighbours, or leaves one out."""
    view = view_of(contents | {b"other": b"pair"})
    present = data.draw(st.sampled_from(sorted(contents)))
    chosen = [data.draw(st.none() | st.sampled_from(sorted(contents))) for _ in range(2)]
    left, right = (existence(view, key) if key else None for key in chosen)
    lie = ics23.CommitmentProof(nonexist=ics23.NonExistenceProof(key=present, left=left, right=right))
    with pytest.raises(StoreError, match="proof_invalid"):
        check_absence(lie.SerializeToString(), app_hash=view.app_hash, key=present)


def existence(view: View, key: bytes) -> ics23.ExistenceProof:
    return ics23.CommitmentProof.FromString(prove(view, key)).exist
