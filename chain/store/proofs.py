"""ICS-23 proofs that the state holds a pair, or holds nothing under a key, and their check against an app hash.

The proofs fit ICS-23's SmtSpec, so other implementations check them too.  The check here shares no code with the
tree; it takes only what the tree can give: every step must turn as the bits of SHA-256(key) do, and the bytes must be
the one encoding of the proof.

Source: ICS-23, CommitmentProof and SmtSpec; neighbours are compared by SHA-256 of their keys.
"""

from hashlib import sha256
from typing import NoReturn

from google.protobuf.message import DecodeError

import wire  # noqa: F401  # puts the Cosmos messages on the path
from chain.store.errors import StoreError
from chain.store.smt import Step
from chain.store.store import View

from cosmos.ics23.v1 import proofs_pb2 as ics23

_EMPTY = bytes(32)
_MAX_DEPTH = 256

LEAF_OP = ics23.LeafOp(
    hash=ics23.SHA256,
    prehash_key=ics23.SHA256,
    prehash_value=ics23.SHA256,
    length=ics23.NO_PREFIX,
    prefix=b"\x00",
)

PROOF_SPEC = ics23.ProofSpec(
    leaf_spec=LEAF_OP,
    inner_spec=ics23.InnerSpec(
        child_order=[0, 1],
        child_size=32,
        min_prefix_length=1,
        max_prefix_length=1,
        empty_child=_EMPTY,
        hash=ics23.SHA256,
    ),
    max_depth=_MAX_DEPTH,
    prehash_key_before_comparison=True,
)
"""What a verifier of ICS-23 must be given."""


def prove(view: View, key: bytes) -> bytes:
    """The serialised CommitmentProof of what `view` holds under `key`: the value, or nothing.

    StoreError nothing_to_prove where the state is empty: ICS-23 has no proof for that.
    """
    if view.get(key) is not None:
        return bytes(ics23.CommitmentProof(exist=_existence(view, key)).SerializeToString())
    below, above = view.tree.neighbours(sha256(key).digest())
    if below is None and above is None:
        raise StoreError("nothing_to_prove", f"height {view.height}")
    absence = ics23.NonExistenceProof(key=key, left=_neighbour(view, below), right=_neighbour(view, above))
    return bytes(ics23.CommitmentProof(nonexist=absence).SerializeToString())


def _neighbour(view: View, key_hash: bytes | None) -> ics23.ExistenceProof | None:
    key = view.keys.get(key_hash) if key_hash else None
    return _existence(view, key) if key else None


def _existence(view: View, key: bytes) -> ics23.ExistenceProof:
    steps = view.tree.steps(sha256(key).digest())
    path = [_inner_op(step) for step in steps]
    return ics23.ExistenceProof(key=key, value=view.get(key), leaf=LEAF_OP, path=path)


def _inner_op(step: Step) -> ics23.InnerOp:
    if step.sibling_is_left:
        return ics23.InnerOp(hash=ics23.SHA256, prefix=b"\x01" + step.sibling)
    return ics23.InnerOp(hash=ics23.SHA256, prefix=b"\x01", suffix=step.sibling)


def check_presence(proof: bytes, *, app_hash: bytes, key: bytes, value: bytes) -> None:
    """Return if `proof` shows that the state with `app_hash` holds `value` under `key`; else StoreError
    proof_invalid.
    """
    message = _read_proof(proof, "exist").exist
    if message.key != key or message.value != value:
        _refuse("it is about another pair")
    _check_existence(message, app_hash)


def check_absence(proof: bytes, *, app_hash: bytes, key: bytes) -> None:
    """Return if `proof` shows that the state with `app_hash` holds nothing under `key`; else StoreError
    proof_invalid.
    """
    message = _read_proof(proof, "nonexist").nonexist
    if message.key != key:
        _refuse("it is about another key")
    key_hash = sha256(key).digest()
    below = _check_existence(message.left, app_hash) if message.HasField("left") else None
    above = _check_existence(message.right, app_hash) if message.HasField("right") else None
    if below is None and above is None:
        _refuse("it names no neighbour")
    if (below is not None and below >= key_hash) or (above is not None and above <= key_hash):
        _refuse("a neighbour is on the wrong side")
    depth = _first_difference(below, above) if below is not None and above is not None else -1
    if below is not None:
        _check_edge(message.left.path, depth, rightmost=True)
    if above is not None:
        _check_edge(message.right.path, depth, rightmost=False)


def _read_proof(proof: bytes, kind: str) -> ics23.CommitmentProof:
    try:
        message = ics23.CommitmentProof.FromString(proof)
    except DecodeError:
        _refuse("it cannot be read")
    message.DiscardUnknownFields()
    if message.SerializeToString() != proof:
        _refuse("it is encoded in another way")
    if message.WhichOneof("proof") != kind:
        _refuse("it is a proof of another kind")
    return message


def _check_existence(proof: ics23.ExistenceProof, app_hash: bytes) -> bytes:
    """SHA-256 of the key, once the proof leads to `app_hash`."""
    if proof.leaf != LEAF_OP or not proof.key or not proof.value or len(proof.path) > _MAX_DEPTH:
        _refuse("it does not fit the tree's form")
    key_hash = sha256(proof.key).digest()
    node = sha256(b"\x00" + key_hash + sha256(proof.value).digest()).digest()
    for depth, step in zip(reversed(range(len(proof.path))), proof.path, strict=True):
        if step.hash != ics23.SHA256 or step.prefix[:1] != b"\x01":
            _refuse("a step is of another form")
        if (len(step.prefix), len(step.suffix)) != ((33, 0) if _bit(key_hash, depth) else (1, 32)):
            _refuse("a step turns another way than the key")
        node = sha256(step.prefix + node + step.suffix).digest()
    if node != app_hash:
        _refuse("it leads to another app hash")
    return key_hash


def _check_edge(path: list[ics23.InnerOp], depth: int, *, rightmost: bool) -> None:
    """Below `depth` (-1: from the root), nothing may stand on the outer side of the path, which comes leaf first."""
    for step in path[: len(path) - 1 - depth]:
        beyond = step.suffix if rightmost else step.prefix[1:]
        if beyond not in (b"", _EMPTY):
            _refuse("something stands between the neighbours")


def _first_difference(one: bytes, other: bytes) -> int:
    """The depth at which two different paths part: the index of the first bit in which they differ."""
    return 256 - (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_length()


def _bit(key_hash: bytes, depth: int) -> int:
    return key_hash[depth >> 3] >> (7 - (depth & 7)) & 1


def _refuse(reason: str) -> NoReturn:
    raise StoreError("proof_invalid", reason)
