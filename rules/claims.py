"""The Merkle tree of a claim, whose nodes carry split keys, and its multiproofs.

    leaf  = SHA-256(0x00 || LE64(key) || body)              a proof's key is its nonce, its body its tag
    node  = SHA-256(0x01 || LE64(split) || left || right)   split: the smallest key on the right

The shape is RFC 6962's: the left part of n leaves is the largest power of two below n.  A leaf is *in order* if at
every ancestor its key is < split when it lies left and >= split when it lies right.  Two leaves that are in order have
different keys, whatever the splits say; so a list padded with repeats is caught like one padded with false proofs.

A multiproof lists what a walk from the root needs.  The walk goes depth first, left before right, into every node that
has a sampled leaf below it.  At a node it takes one split; then, for the left part and for the right part, it goes
inside where there is a sampled leaf and takes one sibling (the part's hash) where there is none.

Source: docs/protocol.md, "Claims"; RFC 6962, section 2.1 (the shape).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from rules.errors import RuleError
from rules.seeds import le64
from rules.types import Proof

KEY_BYTES = 8
TAG_BYTES = 8
HASH_BYTES = 32
KEYS = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What a tree is built over: a key in [0, 2^64) and a body, of one length within a tree."""

    key: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Multiproof:
    """What it takes to hash sampled leaves up to the root: 32-byte siblings and splits, in the order of the walk."""

    siblings: tuple[bytes, ...]
    splits: tuple[int, ...]


class Tree:
    """All hashes over a list of leaves; `levels[h][i]` is (hash, smallest key) of leaves i * 2^h to (i + 1) * 2^h."""

    def __init__(self, levels: tuple[list[tuple[bytes, int]], ...]) -> None:
        self._levels = levels

    @property
    def root(self) -> bytes:
        """32 bytes."""
        return self._levels[-1][0][0]

    @property
    def count(self) -> int:
        """Number of leaves, at least 1."""
        return len(self._levels[0])

    def prove(self, positions: Sequence[int]) -> Multiproof:
        """The multiproof of ascending, distinct positions below `count`; at least one."""
        siblings: list[bytes] = []
        splits: list[int] = []

        def walk(height: int, index: int, low: int, high: int) -> None:
            if low == high:
                siblings.append(self._levels[height][index][0])
            elif height:
                right = 2 * index + 1
                if right >= len(self._levels[height - 1]):
                    walk(height - 1, 2 * index, low, high)
                    return
                splits.append(self._levels[height - 1][right][1])
                middle = bisect_left(positions, right << (height - 1), low, high)
                walk(height - 1, right - 1, low, middle)
                walk(height - 1, right, middle, high)

        walk(len(self._levels) - 1, 0, 0, len(positions))
        return Multiproof(siblings=tuple(siblings), splits=tuple(splits))


def build_tree(proofs: Sequence[Proof]) -> Tree:
    """The tree of a claim over proofs sorted by nonce, strictly increasing.

    A list in another order gives a tree too, whose leaves are then not all in order.
    Raises: RuleError `claim_count_invalid` for no proofs, `reveal_malformed` for a nonce or tag that is none.
    """
    return build_leaf_tree([_proof_leaf(proof) for proof in proofs])


def build_leaf_tree(leaves: Sequence[Leaf]) -> Tree:
    """The tree over any leaves.  Raises RuleError `claim_count_invalid` for none."""
    if not leaves:
        raise RuleError("claim_count_invalid", "no tree over nothing", count=0)
    levels = [[(_hash_leaf(leaf), leaf.key) for leaf in leaves]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        level = [
            (_hash_node(right[1], left[0], right[0]), min(left[1], right[1]))
            for left, right in zip(below[::2], below[1::2], strict=False)
        ]
        levels.append([*level, *below[len(level) * 2 :]])
    return Tree(tuple(levels))


def check_multiproof(
    root: bytes, count: int, positions: Sequence[int], leaves: Sequence[Proof], multiproof: Multiproof
) -> tuple[bool, ...]:
    """Whether each revealed proof is in order, once all of them are known to hash to `root`.

    `positions` are those of `leaves`: ascending, distinct, below `count`, at least one; they are drawn, not sent.
    Raises: RuleError `reveal_malformed` when the parts do not fit the positions, `reveal_wrong_root`.
    """
    return check_leaves(root, count, positions, [_proof_leaf(proof) for proof in leaves], multiproof)


def check_leaves(
    root: bytes, count: int, positions: Sequence[int], leaves: Sequence[Leaf], multiproof: Multiproof
) -> tuple[bool, ...]:
    """`check_multiproof` for any leaves."""
    if len(leaves) != len(positions):
        raise RuleError("reveal_malformed", f"{len(leaves)} leaves for {len(positions)} positions")
    if any(len(sibling) != HASH_BYTES for sibling in multiproof.siblings):
        raise RuleError("reveal_malformed", f"a sibling is {HASH_BYTES} bytes")
    siblings, splits = iter(multiproof.siblings), iter(multiproof.splits)
    in_order = [False] * len(leaves)

    def walk(first: int, size: int, low: int, high: int, keys: tuple[int, int]) -> bytes:
        if low == high:
            return next(siblings)
        if size == 1:
            in_order[low] = keys[0] <= leaves[low].key < keys[1]
            return _hash_leaf(leaves[low])
        split, left_size = next(splits), 1 << ((size - 1).bit_length() - 1)
        middle = bisect_left(positions, first + left_size, low, high)
        left = walk(first, left_size, low, middle, (keys[0], min(keys[1], split)))
        right = walk(first + left_size, size - left_size, middle, high, (max(keys[0], split), keys[1]))
        return _hash_node(split, left, right)

    try:
        found = walk(0, count, 0, len(leaves), (0, KEYS))
    except StopIteration:
        raise RuleError("reveal_malformed", "siblings or splits are missing") from None
    if next(siblings, None) is not None or next(splits, None) is not None:
        raise RuleError("reveal_malformed", "siblings or splits are left over")
    if found != root:
        raise RuleError("reveal_wrong_root", f"the leaves hash to {found.hex()}, the claim is {root.hex()}")
    return tuple(in_order)


def compute_reveal_bytes(samples: int, max_count: int) -> int:
    """The most bytes that the leaves and the multiproof of a sample take, for any claim of up to `max_count` proofs.

    The paths of `samples` leaves have the fewest nodes in common where the first log2(samples) levels branch.
    """
    height = (max_count - 1).bit_length()
    siblings = samples * max(0, height - (samples.bit_length() - 1))
    splits = siblings + samples - 1
    return samples * (KEY_BYTES + TAG_BYTES) + siblings * HASH_BYTES + splits * KEY_BYTES


def _proof_leaf(proof: Proof) -> Leaf:
    if len(proof.tag) != TAG_BYTES:
        raise RuleError("reveal_malformed", f"a tag is {TAG_BYTES} bytes", tag_bytes=len(proof.tag))
    return Leaf(key=proof.nonce, body=proof.tag)


def _hash_leaf(leaf: Leaf) -> bytes:
    return sha256(b"\x00" + _encode_key(leaf.key) + leaf.body).digest()


def _hash_node(split: int, left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + _encode_key(split) + left + right).digest()


def _encode_key(key: int) -> bytes:
    if not 0 <= key < KEYS:
        raise RuleError("reveal_malformed", "a nonce or split is outside [0, 2^64)")
    return le64(key)
