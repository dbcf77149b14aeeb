"""A sparse Merkle tree whose root depends on its contents alone, kept in pages of four levels.

    leaf   SHA-256(0x00 || SHA-256(key) || SHA-256(value))
    inner  SHA-256(0x01 || left || right), an empty child being 32 zero bytes
    path   the bits of SHA-256(key), most significant first
    a subtree that holds one leaf is that leaf; an empty one is 32 zero bytes, an empty tree too

A *slot* is what stands at one place of the tree: b"" (nothing), 32 bytes (the hash of an inner node with at least two
leaves below it) or 64 bytes (a leaf: its hash, then SHA-256(key)).  A *page* is the sixteen slots four levels below
one inner node; the three levels between are hashed again when wanted.  Pages are kept under their path, "/" and hex
digits, and hold the newest version only: an update overwrites, so nothing is left behind to prune.

Source: ICS-23, SmtSpec (leaf and inner forms, maximal depth 256).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

EMPTY_HASH = bytes(32)
LEAF_PREFIX = b"\x00"
INNER_PREFIX = b"\x01"
_PAGE_SLOTS = 16
_HASH_BYTES = 32
_EMPTY_PAGE = (b"",) * _PAGE_SLOTS
_ROOT = b"/"
_DIGITS = [b"%x" % place for place in range(_PAGE_SLOTS)]
_PLACES = {digit[0]: place for place, digit in enumerate(_DIGITS)}

ReadPage = Callable[[bytes], bytes | None]
_Operation = tuple[bytes, bytes]
"""The path of a key, "/" and 64 hex digits, and the slot of its leaf, b"" to remove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeChange:
    """The tree after a batch: its root (32 bytes) and, by page key, the new pages, None where a page is gone."""

    root: bytes
    pages: Mapping[bytes, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One inner node on the way from a leaf to the root: the other child's hash (32 bytes) and where it stands."""

    sibling: bytes
    sibling_is_left: bool


def compute_leaf(key_hash: bytes, value: bytes) -> bytes:
    """The slot of a leaf: 64 bytes, from SHA-256 of its key (32 bytes) and its value."""
    value_hash = sha256(value).digest()
    return sha256(LEAF_PREFIX + key_hash + value_hash).digest() + key_hash


class Tree:
    """The tree read through `read_page` (page key -> page, None where there is none); it never writes."""

    __slots__ = ("_read_page",)

    def __init__(self, read_page: ReadPage) -> None:
        self._read_page = read_page

    def root(self) -> bytes:
        """The root hash, 32 bytes; zeros for an empty tree."""
        return _hash_of(_fold(self._load(_ROOT)))

    def update(self, leaves: Mapping[bytes, bytes]) -> TreeChange:
        """The tree after `leaves`: SHA-256(key) -> slot of the leaf, b"" to remove it.  Removing nothing is fine.

        The order of the mapping does not matter.
        """
        operations = sorted([(_path_of(key_hash), slot) for key_hash, slot in leaves.items()])
        pages: dict[bytes, bytes | None] = {}
        if not operations:
            return TreeChange(root=self.root(), pages=pages)
        top = _rewrite(self._load, _ROOT, self._load(_ROOT), operations, pages)
        return TreeChange(root=_hash_of(top), pages=pages)

    def leaf(self, key_hash: bytes) -> bytes | None:
        """The slot of the leaf of this key, None where the tree does not hold it."""
        *_, (slots, index) = self._descend(key_hash)
        return slots[index] if slots[index][_HASH_BYTES:] == key_hash else None

    def steps(self, key_hash: bytes) -> tuple[Step, ...]:
        """The inner nodes above a leaf that the tree holds, from the leaf up to the root."""
        steps: list[Step] = []
        for slots, index in reversed(list(self._descend(key_hash))):
            steps.extend(_climb(slots, index))
        return tuple(steps)

    def neighbours(self, key_hash: bytes) -> tuple[bytes | None, bytes | None]:
        """SHA-256 of the keys next below and next above one that the tree does not hold; None past either end."""
        trail = list(self._descend(key_hash))
        return self._neighbour(key_hash, trail, -1), self._neighbour(key_hash, trail, 1)

    def _load(self, path: bytes) -> list[bytes]:
        page = self._read_page(path)
        return list(_EMPTY_PAGE) if page is None else _decode_page(page)

    def _descend(self, key_hash: bytes) -> Iterator[tuple[list[bytes], int]]:
        """The pages on the way to a key, root first, each with the index of the slot that the way takes."""
        path = _path_of(key_hash)
        for depth in range(len(_ROOT), len(path)):
            slots, index = self._load(path[:depth]), _PLACES[path[depth]]
            yield slots, index
            if len(slots[index]) != _HASH_BYTES:
                return

    def _neighbour(self, key_hash: bytes, trail: list[tuple[list[bytes], int]], direction: int) -> bytes | None:
        path = _path_of(key_hash)
        slots, index = trail[-1]
        found = slots[index][_HASH_BYTES:]
        if found and (found > key_hash) == (direction > 0):
            return found
        for depth in reversed(range(len(trail))):
            slots, index = trail[depth]
            beyond = range(index + 1, _PAGE_SLOTS) if direction > 0 else range(index - 1, -1, -1)
            for place in beyond:
                if slots[place]:
                    return self._edge(path[: len(_ROOT) + depth] + _DIGITS[place], slots[place], direction)
        return None

    def _edge(self, path: bytes, slot: bytes, direction: int) -> bytes:
        """SHA-256 of the key of the leaf under `slot` that is nearest to the side we come from."""
        while len(slot) == _HASH_BYTES:
            slots = self._load(path)
            places = [place for place in range(_PAGE_SLOTS) if slots[place]]
            place = places[0] if direction > 0 else places[-1]
            path, slot = path + _DIGITS[place], slots[place]
        return slot[_HASH_BYTES:]


def _rewrite(
    load: Callable[[bytes], list[bytes]],
    path: bytes,
    slots: list[bytes],
    operations: list[_Operation],
    pages: dict[bytes, bytes | None],
) -> bytes:
    """Apply sorted operations below one page, note every page that changes, and return what the page comes to."""
    depth, begin, count = len(path), 0, len(operations)
    while begin < count:
        digit, end = operations[begin][0][depth], begin + 1
        while end < count and operations[end][0][depth] == digit:
            end += 1
        inside, begin, place = operations[begin:end], end, _PLACES[digit]
        slot, below = slots[place], path + _DIGITS[place]
        if len(slot) == _HASH_BYTES:
            slots[place] = _rewrite(load, below, load(below), inside, pages)
            continue
        leaves = _leaves_after(slot, inside)
        if len(leaves) > 1:
            slots[place] = _rewrite(load, below, list(_EMPTY_PAGE), leaves, pages)
        else:
            slots[place] = leaves[0][1] if leaves else b""
    top = _fold(slots)
    pages[path] = _encode_page(slots) if len(top) == _HASH_BYTES or (top and path == _ROOT) else None
    return top


def _leaves_after(slot: bytes, operations: list[_Operation]) -> list[_Operation]:
    """The leaves that stand, in order, where there was a leaf or nothing and the operations are applied."""
    leaves = [operation for operation in operations if operation[1]]
    if slot:
        path = _path_of(slot[_HASH_BYTES:])
        if path not in [operation[0] for operation in operations]:
            leaves.append((path, slot))
            leaves.sort()
    return leaves


def _halve(slots: list[bytes]) -> list[bytes]:
    """The slots one level up.  What is alone and no inner node moves up as it is."""
    above = []
    for left, right in zip(slots[::2], slots[1::2], strict=True):
        if left and right:
            above.append(sha256(INNER_PREFIX + left[:32] + right[:32]).digest())
        elif not left and not right:
            above.append(b"")
        elif len(left) == _HASH_BYTES or len(right) == _HASH_BYTES:
            above.append(sha256(INNER_PREFIX + (left or EMPTY_HASH) + (right or EMPTY_HASH)).digest())
        else:
            above.append(left or right)
    return above


def _fold(slots: list[bytes]) -> bytes:
    while len(slots) > 1:
        slots = _halve(slots)
    return slots[0]


def _climb(slots: list[bytes], index: int) -> Iterator[Step]:
    """The inner nodes above slot `index` within its page, lowest first."""
    while len(slots) > 1:
        sibling = slots[index ^ 1]
        if sibling or len(slots[index]) == _HASH_BYTES:
            yield Step(sibling=_hash_of(sibling), sibling_is_left=bool(index & 1))
        slots, index = _halve(slots), index >> 1


def _hash_of(slot: bytes) -> bytes:
    return slot[:_HASH_BYTES] or EMPTY_HASH


def _path_of(key_hash: bytes) -> bytes:
    """The path of a key's leaf, which begins with those of all pages above it."""
    return _ROOT + key_hash.hex().encode()


def _encode_page(slots: list[bytes]) -> bytes:
    """LE32 of two bits for each slot (its length in units of 32 bytes), then the slots."""
    header = 0
    for place, slot in enumerate(slots):
        if slot:
            header |= (len(slot) >> 5) << (2 * place)
    return header.to_bytes(4, "little") + b"".join(slots)


def _decode_page(page: bytes) -> list[bytes]:
    header, offset = int.from_bytes(page[:4], "little"), 4
    slots, place = list(_EMPTY_PAGE), 0
    while header:
        if header & 3:
            end = offset + ((header & 3) << 5)
            slots[place] = page[offset:end]
            offset = end
        header, place = header >> 2, place + 1
    return slots
