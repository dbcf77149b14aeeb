"""Receipts that a host signed, and where each of them has to hang.

At the end of an answer the host signs its receipt together with `after_serial`: the serial of the newest voucher whose
batch it had planned by then.  So the receipt hangs in the tree of the first voucher that settles with a greater serial,
and in no other: which tree that is, the chain knows.  A developer that doubts it shows the signed receipt, and the host
places it, by a multiproof of its one position; one that is not placed counts like a lot of which nothing was delivered.
Source: docs/checking.md, "Receipts left out".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules.claims import Leaf, Multiproof, check_leaves
from rules.errors import RuleError
from rules.seeds import framed_hash, le64
from rules.types import Host

SHOWN_EPOCHS: Final = 2
"""A receipt may be shown in the epoch in which its voucher settled, and in so many after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReceipt:
    """A host's word that an answer's receipt (32 bytes) hangs in the first tree that settles after `after_serial`."""

    chain_id: str
    escrow_id: int
    host: Host
    request: int
    after_serial: int
    receipt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """One settled voucher: the serials before and with it, and the tree that came with it; `root` is empty for 0."""

    epoch: int
    after_serial: int
    serial: int
    root: bytes
    count: int


def receipt_message(signed: SignedReceipt) -> bytes:
    """The 32 bytes that the host's serving key signs at the end of an answer."""
    return framed_hash(
        "gonka/signed-receipt",
        signed.chain_id.encode(),
        le64(signed.escrow_id),
        signed.host,
        le64(signed.request),
        le64(signed.after_serial),
        signed.receipt,
    )


def find_settling(after_serial: int, settlings: tuple[Settling, ...], newest_serial: int) -> Settling:
    """The settled voucher in whose tree a receipt hangs that was signed after `after_serial`.

    `settlings` are those of its escrow and host that the chain still keeps; `newest_serial` is the last that settled.
    Raises: RuleError `receipt_not_due` before any greater serial settled, `receipt_too_old` where that is forgotten.
    """
    if newest_serial <= after_serial:
        raise RuleError("receipt_not_due", f"no voucher above serial {after_serial} is settled", serial=newest_serial)
    for settling in settlings:
        if settling.after_serial <= after_serial < settling.serial:
            return settling
    raise RuleError("receipt_too_old", f"what settled next after serial {after_serial} is no longer kept")


def check_placing(
    settling: Settling, leaf: tuple[int, bytes], position: int, siblings: tuple[bytes, ...], splits: tuple[int, ...]
) -> None:
    """`leaf` is the request's number and its receipt.

    Raises: RuleError `placing_wrong` for a position outside the tree or a leaf out of order; `reveal_malformed`,
    `reveal_wrong_root`.
    """
    if not 0 <= position < settling.count:
        raise RuleError("placing_wrong", f"position {position} of {settling.count}", position=position)
    multiproof = Multiproof(siblings=siblings, splits=splits)
    leaves = [Leaf(key=leaf[0], body=leaf[1])]
    (in_order,) = check_leaves(settling.root, settling.count, [position], leaves, multiproof)
    if not in_order:
        raise RuleError("placing_wrong", f"request {leaf[0]} is out of order in its tree", position=position)
