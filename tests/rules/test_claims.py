"""The split-key tree against a naive one written from the protocol's text, and what a padded list can hope for."""

import json
import random
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.claims import Multiproof, build_tree, check_multiproof
from rules.errors import RuleError
from rules.types import Proof

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "claims.json").read_text())
Pair = tuple[int, bytes]
Chooser = Callable[[Sequence[Pair], Sequence[Pair]], int]


def smallest_right(left: Sequence[Pair], right: Sequence[Pair]) -> int:
    return min(nonce for nonce, _ in right)


def naive_root(leaves: Sequence[Pair], choose: Chooser = smallest_right) -> bytes:
    if len(leaves) == 1:
        nonce, tag = leaves[0]
        return sha256(b"\x00" + nonce.to_bytes(8, "little") + tag).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    split = choose(leaves[:k], leaves[k:])
    halves = naive_root(leaves[:k], choose) + naive_root(leaves[k:], choose)
    return sha256(b"\x01" + split.to_bytes(8, "little") + halves).digest()


def naive_proof(
    leaves: Sequence[Pair], positions: set[int], choose: Chooser = smallest_right, first: int = 0
) -> tuple[list[bytes], list[int]]:
    """Siblings and splits by the words of the module: node, then left, then right."""
    if not positions & set(range(first, first + len(leaves))):
        return [naive_root(leaves, choose)], []
    if len(leaves) == 1:
        return [], []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    left = naive_proof(leaves[:k], positions, choose, first)
    right = naive_proof(leaves[k:], positions, choose, first + k)
    return left[0] + right[0], [choose(leaves[:k], leaves[k:]), *left[1], *right[1]]


def reveal(leaves: Sequence[Pair], positions: Sequence[int], choose: Chooser = smallest_right) -> tuple[bool, ...]:
    """What the chain says of an adversary who hashes any list with any splits and opens `positions`."""
    siblings, splits = naive_proof(leaves, set(positions), choose)
    return check_multiproof(
        naive_root(leaves, choose),
        len(leaves),
        positions,
        as_proofs([leaves[p] for p in positions]),
        Multiproof(siblings=tuple(siblings), splits=tuple(splits)),
    )


def as_proofs(pairs: Sequence[Pair]) -> list[Proof]:
    return [Proof(nonce=nonce, tag=tag) for nonce, tag in pairs]


def make_pairs(count: int, seed: int = 0) -> list[Pair]:
    rng = random.Random(seed)
    return [(nonce, rng.randbytes(8)) for nonce in sorted(rng.sample(range(2**40), count))]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"count-{v['count']}")
def test_build_tree__vectors__has_their_roots_and_multiproofs(vector: dict) -> None:
    pairs = [(int(nonce), bytes.fromhex(tag)) for nonce, tag in vector["leaves"]]
    tree = build_tree(as_proofs(pairs))
    multiproof = tree.prove(vector["positions"])
    assert tree.root.hex() == vector["root"] == naive_root(pairs).hex()
    assert [sibling.hex() for sibling in multiproof.siblings] == vector["siblings"]
    assert list(map(str, multiproof.splits)) == vector["splits"]


@given(st.integers(1, 70), st.data())
@settings(max_examples=60, deadline=None)
def test_prove__any_count_and_positions__equals_the_naive_walk_and_checks(count: int, data: st.DataObject) -> None:
    pairs = make_pairs(count, seed=count)
    positions = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    tree = build_tree(as_proofs(pairs))
    multiproof = tree.prove(positions)
    siblings, splits = naive_proof(pairs, set(positions))
    assert multiproof == Multiproof(siblings=tuple(siblings), splits=tuple(splits))
    opened = as_proofs([pairs[p] for p in positions])
    assert check_multiproof(tree.root, count, positions, opened, multiproof) == (True,) * len(positions)


@given(st.integers(2, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_check_multiproof__any_list_with_any_splits__leaves_in_order_are_distinct(
    count: int, data: st.DataObject
) -> None:
    pairs = [(data.draw(st.integers(0, 12)), bytes(8)) for _ in range(count)]
    choices = data.draw(st.randoms(use_true_random=False))
    in_order = reveal(pairs, range(count), Splits(choices))
    clean = [nonce for (nonce, _), ok in zip(pairs, in_order, strict=True) if ok]
    assert len(clean) == len(set(clean))


class Splits:
    """Splits drawn at random, the same each time the same two halves are asked about."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.drawn = rng, {}

    def __call__(self, left: Sequence[Pair], right: Sequence[Pair]) -> int:
        return self.drawn.setdefault((tuple(left), tuple(right)), self.rng.randint(0, 13))


def test_a_list_written_twice_passes_a_sample_with_odds_below_one_in_2_to_the_50() -> None:
    once = make_pairs(64)
    twice = once + once
    for choose in (smallest_right, lambda left, right: left[0][0], lambda left, right: 2**63):
        in_order = reveal(twice, range(128), choose)
        assert sum(in_order) <= 64
    # each of 64 samples out of 128 must hit one of at most 64 clean leaves: below 1 / C(128, 64)
    ways = 1
    for i in range(64):
        ways = ways * (128 - i) // (i + 1)
    assert ways > 2**120


def test_a_list_padded_by_a_tenth_has_a_tenth_of_its_leaves_out_of_order() -> None:
    honest = make_pairs(100)
    padded = sorted(honest + honest[:10])
    in_order = reveal(padded, range(110), smallest_right)
    assert in_order.count(False) >= 10
    # k = 64 samples all miss at least 10 bad leaves of 110 with probability (100/110)^64 at most
    assert (100**64) * 400 < 110**64


BREAKS = [
    (lambda p: {**p, "siblings": p["siblings"][1:]}, "reveal_malformed", "a sibling is missing"),
    (lambda p: {**p, "siblings": (*p["siblings"], bytes(32))}, "reveal_malformed", "a sibling is left over"),
    (lambda p: {**p, "siblings": (b"", *p["siblings"][1:])}, "reveal_malformed", "a sibling is no hash"),
    (lambda p: {**p, "splits": p["splits"][1:]}, "reveal_malformed", "a split is missing"),
    (lambda p: {**p, "splits": (*p["splits"], 5)}, "reveal_malformed", "a split is left over"),
    (lambda p: {**p, "splits": (2**64, *p["splits"][1:])}, "reveal_malformed", "a split needs nine bytes"),
    (lambda p: {**p, "splits": (p["splits"][0] + 1, *p["splits"][1:])}, "reveal_wrong_root", "a split is another one"),
    (lambda p: {**p, "leaves": p["leaves"][1:]}, "reveal_malformed", "a leaf is missing"),
    (lambda p: {**p, "leaves": [Proof(nonce=1, tag=b"short"), *p["leaves"][1:]]}, "reveal_malformed", "a short tag"),
    (lambda p: {**p, "leaves": [Proof(nonce=1, tag=bytes(8)), *p["leaves"][1:]]}, "reveal_wrong_root", "a wrong leaf"),
    (lambda p: {**p, "root": bytes(32)}, "reveal_wrong_root", "another root"),
    (lambda p: {**p, "count": 12}, "reveal_malformed", "another count, whose tree has another shape"),
]


@pytest.mark.parametrize(("change", "code", "why"), BREAKS, ids=[why for _, _, why in BREAKS])
def test_check_multiproof__one_part_broken__refuses(change: Callable, code: str, why: str) -> None:
    pairs = make_pairs(11)
    positions = [0, 3, 10]
    tree = build_tree(as_proofs(pairs))
    proof = tree.prove(positions)
    parts = change(
        {
            "root": tree.root,
            "count": 11,
            "leaves": as_proofs([pairs[p] for p in positions]),
            "siblings": proof.siblings,
            "splits": proof.splits,
        }
    )
    multiproof = Multiproof(siblings=parts["siblings"], splits=parts["splits"])
    with pytest.raises(RuleError) as refused:
        check_multiproof(parts["root"], parts["count"], positions, parts["leaves"], multiproof)
    assert refused.value.code == code


def test_build_tree__no_proofs__is_refused() -> None:
    with pytest.raises(RuleError, match="claim_count_invalid"):
        build_tree([])
