"""The sparse Merkle tree against a definition written down naively, and against itself in every order."""

import hashlib
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.store.smt import EMPTY_HASH, Step, Tree, compute_leaf

KEYS = st.binary(min_size=1, max_size=4)
VALUES = st.binary(min_size=1, max_size=8)
CONTENTS = st.dictionaries(KEYS, VALUES, max_size=60)


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def naive_root(leaves: dict[str, bytes], depth: int = 0) -> bytes:
    """`leaves`: path as 256 characters 0 and 1 -> leaf hash."""
    if not leaves:
        return EMPTY_HASH
    if len(leaves) == 1:
        return next(iter(leaves.values()))
    left = {path: leaf for path, leaf in leaves.items() if path[depth] == "0"}
    right = {path: leaf for path, leaf in leaves.items() if path[depth] == "1"}
    return sha(b"\x01" + naive_root(left, depth + 1) + naive_root(right, depth + 1))


def naive_root_of(contents: dict[bytes, bytes]) -> bytes:
    return naive_root(
        {bits(sha(key)): sha(b"\x00" + sha(key) + sha(value)) for key, value in contents.items()},
    )


def bits(key_hash: bytes) -> str:
    return f"{int.from_bytes(key_hash, 'big'):0256b}"


class Pages(dict[bytes, bytes]):
    """Pages in memory, with the tree over them."""

    def tree(self) -> Tree:
        return Tree(self.get)

    def apply(self, leaves: dict[bytes, bytes]) -> bytes:
        change = self.tree().update(leaves)
        for path, page in change.pages.items():
            if page is None:
                self.pop(path, None)
            else:
                self[path] = page
        return change.root

    def write(self, contents: dict[bytes, bytes], removed: list[bytes] | None = None) -> bytes:
        leaves = {sha(key): compute_leaf(sha(key), value) for key, value in contents.items()}
        return self.apply(leaves | dict.fromkeys((sha(key) for key in removed or []), b""))


def close_leaf(shared_bits: int, *, last: int) -> tuple[bytes, bytes]:
    """A leaf whose path is `shared_bits` ones, then zeros, with `last` as its last byte."""
    path = ((1 << shared_bits) - 1) << (256 - shared_bits) | last
    key_hash = path.to_bytes(32, "big")
    return key_hash, sha(b"leaf" + key_hash) + key_hash


def test_root__nothing_written__is_zeros() -> None:
    assert Pages().tree().root() == EMPTY_HASH


def test_root__one_leaf__is_that_leaf() -> None:
    assert Pages().write({b"key": b"value"}) == sha(b"\x00" + sha(b"key") + sha(b"value"))


@given(CONTENTS)
def test_update__any_contents__give_the_root_of_the_naive_definition(contents: dict[bytes, bytes]) -> None:
    pages = Pages()
    assert pages.write(contents) == naive_root_of(contents)
    assert pages.tree().root() == naive_root_of(contents)


@given(CONTENTS, CONTENTS, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_update__same_contents_by_another_history__give_the_same_pages(contents, others, random) -> None:
    at_once = Pages()
    at_once.write(contents)
    stepwise = Pages()
    stepwise.write(others)
    keys = list(contents)
    random.shuffle(keys)
    for key in keys:
        root = stepwise.write({key: contents[key]})
        assert root == stepwise.tree().root()
    stepwise.write({}, removed=[key for key in others if key not in contents])
    assert stepwise == at_once


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=20, unique=True))
@settings(max_examples=60)
def test_update__paths_with_long_common_beginnings__give_the_naive_root(shape: list[tuple[int, int]]) -> None:
    leaves = dict(close_leaf(min(shared, 248), last=last) for shared, last in shape)
    pages = Pages()
    root = pages.apply(leaves)
    assert root == naive_root({bits(path): slot[:32] for path, slot in leaves.items()})
    assert pages.apply(dict.fromkeys(leaves, b"")) == EMPTY_HASH
    assert pages == {}


def test_update__a_key_that_is_not_there_removed__changes_nothing() -> None:
    pages = Pages()
    root = pages.write({b"a": b"1", b"b": b"2"})
    before = dict(pages)
    assert pages.write({}, removed=[b"c"]) == root
    assert pages == before


def test_leaf__held_or_not__is_its_slot_or_none() -> None:
    pages = Pages()
    pages.write({b"a": b"1", b"b": b"2"})
    assert pages.tree().leaf(sha(b"a")) == compute_leaf(sha(b"a"), b"1")
    assert pages.tree().leaf(sha(b"c")) is None


@given(CONTENTS)
@settings(max_examples=60)
def test_steps__every_leaf__lead_to_the_root(contents: dict[bytes, bytes]) -> None:
    pages = Pages()
    root = pages.write(contents)
    for key, value in contents.items():
        assert climbed(compute_leaf(sha(key), value)[:32], pages.tree().steps(sha(key))) == root


def climbed(node: bytes, steps: tuple[Step, ...]) -> bytes:
    for step in steps:
        node = sha(b"\x01" + (step.sibling + node if step.sibling_is_left else node + step.sibling))
    return node


@given(CONTENTS, KEYS)
def test_neighbours__an_absent_key__are_the_hashes_next_to_it(contents: dict[bytes, bytes], absent: bytes) -> None:
    contents.pop(absent, None)
    pages = Pages()
    pages.write(contents)
    hashes = sorted(map(sha, contents))
    below = max((found for found in hashes if found < sha(absent)), default=None)
    above = min((found for found in hashes if found > sha(absent)), default=None)
    assert pages.tree().neighbours(sha(absent)) == (below, above)


def test_neighbours__every_gap_of_a_deep_tree__are_its_two_sides() -> None:
    pages = Pages()
    leaves = dict(close_leaf(shared, last=last) for shared in (0, 1, 30, 31, 200, 248) for last in (0, 2, 4, 128))
    pages.apply(leaves)
    for low, high in pairwise(sorted(leaves)):
        between = (int.from_bytes(low, "big") + 1).to_bytes(32, "big")
        assert pages.tree().neighbours(between) == (low, high)
