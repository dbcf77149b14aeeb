"""The hosts' side of a request: tickets that open it and vouchers that pay for it, on disk before they are sent.

A pair is an escrow and one host of its group.  What was delivered by the pair's attempts and what is signed for them
stand in one row, and change in one transaction: no work is counted twice, and no voucher is lost.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from rules.addresses import encode_address
from rules.vouchers import Terms, Ticket, Tokens, Voucher, compute_amount, plan_signature
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.vouchers import sign_ticket, sign_voucher

NONCE_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request as one host gets it: `ticket` is signed and numbered."""

    attempt_id: int
    ticket: pb.Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an attempt has delivered so far, in all; `delivers` once its customer has got a part of the answer."""

    attempt_id: int
    tokens: Tokens
    delivers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairState:
    """What is delivered and signed between an escrow and a host; `voucher` is the newest, encoded, or nothing."""

    delivered: Tokens
    signed: Tokens
    serial: int
    voucher: bytes


def read_voucher_secret(connection: sqlite3.Connection) -> bytes:
    """The 32 bytes that sign tickets and vouchers; they live and die with the ledger that numbers them."""
    return bytes(connection.execute("SELECT value FROM identity WHERE name = 'voucher_key'").fetchone()[0])


def open_attempt(
    connection: sqlite3.Connection,
    request_id: str,
    terms: Terms,
    *,
    body_hash: bytes,
    nonce: bytes,
    secret: bytes,
) -> Attempt:
    """Number and sign a ticket for a request at a host, whose number is never used again."""
    place = (terms.escrow_id, encode_address(terms.host))
    connection.execute(
        "INSERT OR IGNORE INTO pairs VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, NULL)",
        (*place, terms.model_id, terms.price.in_ngonka, terms.price.out_ngonka),
    )
    connection.execute("UPDATE pairs SET requests = requests + 1 WHERE escrow_id = ? AND host = ?", place)
    (number,) = connection.execute("SELECT requests FROM pairs WHERE escrow_id = ? AND host = ?", place).fetchone()
    made = connection.execute(
        "INSERT INTO attempts (request_id, escrow_id, host, ticket, tokens_in, tokens_out, delivers) "
        "VALUES (?, ?, ?, ?, 0, 0, 0)",
        (request_id, *place, number),
    )
    ticket = Ticket(
        chain_id=terms.chain_id,
        escrow_id=terms.escrow_id,
        host=terms.host,
        model_id=terms.model_id,
        request=number,
        developer_nonce=nonce,
        body_hash=body_hash,
    )
    return Attempt(attempt_id=int(made.lastrowid or 0), ticket=sign_ticket(secret, ticket))


def record_work(
    connection: sqlite3.Connection, terms: Terms, reports: tuple[Report, ...], wanted: Tokens, secret: bytes
) -> PairState:
    """Note what attempts have delivered, and sign for it, ahead as far as `wanted` tokens and the credit go.

    A report of less than is noted changes nothing.
    """
    place = (terms.escrow_id, encode_address(terms.host))
    for report in reports:
        _note(connection, place, report)
    state = read_pair(connection, *place)
    tokens = plan_signature(terms, state.delivered, state.signed, wanted)
    if tokens == state.signed:
        return state
    voucher = Voucher(
        chain_id=terms.chain_id,
        escrow_id=terms.escrow_id,
        host=terms.host,
        model_id=terms.model_id,
        serial=state.serial + 1,
        tokens=tokens,
        amount_ngonka=compute_amount(tokens, terms.price),
    )
    encoded = sign_voucher(secret, voucher).SerializeToString(deterministic=True)
    connection.execute(
        "UPDATE pairs SET serial = ?, signed_in = ?, signed_out = ?, voucher = ? WHERE escrow_id = ? AND host = ?",
        (voucher.serial, tokens.tokens_in, tokens.tokens_out, encoded, *place),
    )
    return PairState(delivered=state.delivered, signed=tokens, serial=voucher.serial, voucher=encoded)


def read_pair(connection: sqlite3.Connection, escrow_id: int, host: str) -> PairState:
    """How an escrow and a host stand; nothing at all for two that never met."""
    found = connection.execute(
        "SELECT delivered_in, delivered_out, signed_in, signed_out, serial, voucher FROM pairs "
        "WHERE escrow_id = ? AND host = ?",
        (escrow_id, host),
    ).fetchone()
    done_in, done_out, signed_in, signed_out, serial, voucher = found or (0, 0, 0, 0, 0, None)
    return PairState(
        delivered=Tokens(tokens_in=done_in, tokens_out=done_out),
        signed=Tokens(tokens_in=signed_in, tokens_out=signed_out),
        serial=serial,
        voucher=voucher or b"",
    )


def _note(connection: sqlite3.Connection, place: tuple[int, str], report: Report) -> None:
    before_in, before_out, delivers = connection.execute(
        "SELECT tokens_in, tokens_out, delivers FROM attempts WHERE attempt_id = ?", (report.attempt_id,)
    ).fetchone()
    tokens_in, tokens_out = max(before_in, report.tokens.tokens_in), max(before_out, report.tokens.tokens_out)
    connection.execute(
        "UPDATE attempts SET tokens_in = ?, tokens_out = ?, delivers = ? WHERE attempt_id = ?",
        (tokens_in, tokens_out, delivers or report.delivers, report.attempt_id),
    )
    connection.execute(
        "UPDATE pairs SET delivered_in = delivered_in + ?, delivered_out = delivered_out + ? "
        "WHERE escrow_id = ? AND host = ?",
        (tokens_in - before_in, tokens_out - before_out, *place),
    )
