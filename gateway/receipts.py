"""Receipts that hosts signed at the end of answers: checked, and kept on disk until it is known that they hang.

Where each of them has to hang is told in rules.receipts; which of them are asked for, in gateway.doubts.  Of the many
that a busy pair has in an epoch a number is kept that chance chooses: those with the lowest ranks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.doubts import Doubt, Plan
from rules.addresses import decode_address, encode_address
from rules.answers import SALT_BYTES, Answer, Receipt, compute_receipt_hash
from rules.receipts import SignedReceipt, receipt_message
from rules.types import Host
from rules.vouchers import Terms
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.notes import AnswerNote
from wire.signing import verify_digest

RECEIPT_BYTES: Final = 32
MOST_KEPT: Final = 64
"""Of a pair and epoch."""
RANKS: Final = 1 << 62
Place = tuple[int, str]
"""A pair: an escrow's number and a host in bech32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a receipt has to fit: the pair's terms, the ticket's request, and one of the host's serving keys.

    The serials are those of the newest voucher that had settled before the ticket was sent, and of the newest that was
    ever signed: a host has planned the one, and cannot have planned what it was not given.
    """

    terms: Terms
    request: int
    settled_serial: int
    signed_serial: int
    keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a receipt has to be over: the ticket's request, the host's nonce (32 bytes), the tokens that it told."""

    ticket: pb.Ticket
    host_nonce: bytes
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """A receipt whose signature (64 bytes) is by the serving key (33 bytes)."""

    signed: SignedReceipt
    signature: bytes
    serving_pubkey: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """When a receipt came, in an epoch and in milliseconds since 1970, and its rank: drawn below RANKS."""

    epoch: int
    rank: int
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of a host's receipts: on disk now, and of all that were asked for."""

    host: str
    kept: int
    checked: int
    missing: int
    shown: int


def check_note(note: AnswerNote, expected: Expected) -> KeptReceipt:
    """The receipt in a host's note.  Raises ApiError `host_receipt_invalid`."""
    if note.request != expected.request or len(note.receipt) != RECEIPT_BYTES:
        raise ApiError("host_receipt_invalid", f"it is for request {note.request}, not for {expected.request}")
    if not expected.settled_serial <= note.after_serial <= expected.signed_serial:
        known = f"{expected.settled_serial} had settled, {expected.signed_serial} was signed last"
        raise ApiError("host_receipt_invalid", f"it hangs after serial {note.after_serial}: {known}")
    signed = SignedReceipt(
        chain_id=expected.terms.chain_id,
        escrow_id=expected.terms.escrow_id,
        host=expected.terms.host,
        request=note.request,
        after_serial=note.after_serial,
        receipt=note.receipt,
    )
    digest = receipt_message(signed)
    for key in expected.keys:
        if verify_digest(key, note.signature, digest):
            return KeptReceipt(signed=signed, signature=note.signature, serving_pubkey=key)
    raise ApiError("host_receipt_invalid", "it is not signed by the host's serving key")


def check_contents(signed: SignedReceipt, salt: bytes, contents: Contents) -> None:
    """Whether a receipt under this salt is over what was told.  Raises ApiError `host_receipt_invalid`.

    So the tokens that are paid for are those that a verifier is shown.
    """
    ticket = contents.ticket
    receipt = Receipt(
        chain_id=signed.chain_id,
        escrow_id=signed.escrow_id,
        host=signed.host,
        request=signed.request,
        body_hash=ticket.body_hash,
        developer_nonce=ticket.developer_nonce,
        host_nonce=contents.host_nonce,
        answers=contents.answers,
        salt=salt,
    )
    if len(salt) != SALT_BYTES or compute_receipt_hash(receipt) != signed.receipt:
        raise ApiError("host_receipt_invalid", "it is not over the tokens that the host told")


def read_nonce(value: str) -> bytes:
    """A host's nonce in its header; nothing for what is none, which fits no receipt."""
    try:
        return bytes.fromhex(value)
    except ValueError:
        return b""


# ---- the ledger ----------------------------------------------------------------------------------------------------


def keep_receipt(connection: sqlite3.Connection, kept: KeptReceipt, chosen: Chosen) -> None:
    """Keep a request's receipt, or let the one with the highest rank go where there are many of its pair and epoch."""
    signed = kept.signed
    connection.execute(
        "INSERT OR IGNORE INTO receipts (escrow_id, host, request, chain_id, after_serial, receipt, signature, "
        "serving_pubkey, epoch, rank, kept_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            signed.escrow_id,
            encode_address(signed.host),
            signed.request,
            signed.chain_id,
            signed.after_serial,
            signed.receipt,
            kept.signature,
            kept.serving_pubkey,
            chosen.epoch,
            chosen.rank,
            chosen.now_ms,
        ),
    )
    window = (signed.escrow_id, encode_address(signed.host), chosen.epoch)
    ranked = connection.execute(
        "SELECT request FROM receipts WHERE escrow_id = ? AND host = ? AND epoch = ? ORDER BY rank, request", window
    ).fetchall()
    _forget(connection, window[:2], [request for (request,) in ranked[MOST_KEPT:]])


def list_places(connection: sqlite3.Connection) -> list[Place]:
    """The pairs that receipts are kept of."""
    return list(
        connection.execute(
            "SELECT escrow_id, host FROM pairs p WHERE EXISTS "
            "(SELECT 1 FROM receipts r WHERE r.escrow_id = p.escrow_id AND r.host = p.host) ORDER BY escrow_id, host"
        )
    )


def list_drawn(connection: sqlite3.Connection, now_ms: int) -> set[Place]:
    """The pairs of which a receipt is to be asked for now."""
    query = "SELECT DISTINCT escrow_id, host FROM receipts WHERE drawn AND next_ms <= ?"
    return set(connection.execute(query, (now_ms,)))


def list_doubts(connection: sqlite3.Connection, place: Place, below_serial: int) -> list[Doubt]:
    """A pair's receipts that were signed after a serial below the one given, by request."""
    rows = connection.execute(
        "SELECT request, after_serial, drawn, refused, failed, next_ms FROM receipts "
        "WHERE escrow_id = ? AND host = ? AND after_serial < ? ORDER BY request",
        (*place, below_serial),
    )
    return [
        Doubt(
            request=request,
            after_serial=after_serial,
            is_drawn=bool(drawn),
            refused=refused,
            failed=failed,
            next_ms=next_ms,
        )
        for request, after_serial, drawn, refused, failed, next_ms in rows
    ]


def read_kept(connection: sqlite3.Connection, place: Place, request: int) -> KeptReceipt:
    """A receipt that is kept."""
    chain_id, after_serial, receipt, signature, key = connection.execute(
        "SELECT chain_id, after_serial, receipt, signature, serving_pubkey FROM receipts "
        "WHERE escrow_id = ? AND host = ? AND request = ?",
        (*place, request),
    ).fetchone()
    signed = SignedReceipt(
        chain_id=chain_id,
        escrow_id=place[0],
        host=Host(decode_address(place[1])),
        request=request,
        after_serial=after_serial,
        receipt=bytes(receipt),
    )
    return KeptReceipt(signed=signed, signature=bytes(signature), serving_pubkey=bytes(key))


def record_plan(connection: sqlite3.Connection, place: Place, plan: Plan) -> None:
    """Note which receipts were drawn, and forget those that nobody will ask for."""
    connection.executemany(
        "UPDATE receipts SET drawn = 1 WHERE escrow_id = ? AND host = ? AND request = ?",
        [(*place, request) for request in plan.drawn],
    )
    _forget(connection, place, plan.forgotten)
    if plan.shown is not None:
        record_shown(connection, place, plan.shown)


def record_checked(connection: sqlite3.Connection, place: Place, requests: Iterable[int]) -> int:
    """Receipts hang where they must: count them, and forget them; how many they were."""
    count = _forget(connection, place, requests)
    _count(connection, place[1], "checked", count)
    return count


def record_failed(connection: sqlite3.Connection, place: Place, doubts: Iterable[Doubt]) -> None:
    """Note how often receipts were asked for in vain."""
    connection.executemany(
        "UPDATE receipts SET refused = ?, failed = ?, next_ms = ? WHERE escrow_id = ? AND host = ? AND request = ?",
        [(doubt.refused, doubt.failed, doubt.next_ms, *place, doubt.request) for doubt in doubts],
    )


def record_missing(connection: sqlite3.Connection, place: Place, request: int) -> bool:
    """Count a receipt as missing, once; whether it was the first time."""
    changed = connection.execute(
        "UPDATE receipts SET missing = 1 WHERE escrow_id = ? AND host = ? AND request = ? AND NOT missing",
        (*place, request),
    ).rowcount
    _count(connection, place[1], "missing", changed)
    return bool(changed)


def record_shown(connection: sqlite3.Connection, place: Place, request: int) -> None:
    """A receipt is shown on chain, which judges it from then on: count it, and forget it."""
    _count(connection, place[1], "shown", _forget(connection, place, (request,)))


def list_tallies(connection: sqlite3.Connection) -> list[Tally]:
    """Every host that ever signed a receipt, by address."""
    rows = connection.execute(
        "SELECT host, sum(kept), sum(checked), sum(missing), sum(shown) FROM ("
        "SELECT host, 1 AS kept, 0 AS checked, 0 AS missing, 0 AS shown FROM receipts UNION ALL "
        "SELECT host, 0, checked, missing, shown FROM tallies) GROUP BY host ORDER BY host"
    )
    return [
        Tally(host=host, kept=kept, checked=checked, missing=missing, shown=shown)
        for host, kept, checked, missing, shown in rows
    ]


def _forget(connection: sqlite3.Connection, place: Place, requests: Iterable[int]) -> int:
    return connection.executemany(
        "DELETE FROM receipts WHERE escrow_id = ? AND host = ? AND request = ?",
        [(*place, request) for request in requests],
    ).rowcount


def _count(connection: sqlite3.Connection, host: str, what: str, count: int) -> None:
    if count:
        connection.execute("INSERT OR IGNORE INTO tallies VALUES (?, 0, 0, 0)", (host,))
        connection.execute(f"UPDATE tallies SET {what} = {what} + ? WHERE host = ?", (count, host))  # noqa: S608 - a column
