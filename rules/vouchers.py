"""How work is paid for before it is settled: tickets, cumulative vouchers, and the credit between the two sides.

A gateway signs, for each host of an escrow, how many tokens it owes for in all; a host works on as long as what it has
done and what is signed are no further apart than the credit.  Both sides use the functions below, so that neither can
lose more than `credit_tokens`: the host what it did unsigned, the gateway what it signed and did not get.

Tokens of a kind cannot stand for those of the other: reading and writing have prices of their own.
Source: docs/protocol.md, "Inference".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rules.errors import RuleError
from rules.params import MILLION
from rules.seeds import framed_hash, le64
from rules.types import Host

MAX_U64: Final = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens read (in: of prompts) and written (out: of answers), over all requests of an escrow to one host."""

    tokens_in: int = 0
    tokens_out: int = 0

    def beyond(self, other: Tokens) -> int:
        """How many tokens of either kind are here and not in `other`, at least 0."""
        return max(0, self.tokens_in - other.tokens_in) + max(0, self.tokens_out - other.tokens_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """ngonka for 10^6 tokens, read and written; at least 1 each."""

    in_ngonka: int
    out_ngonka: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an escrow on a chain promises one host: a price, up to a reserve in ngonka, and the credit in tokens."""

    chain_id: str
    escrow_id: int
    host: Host
    model_id: bytes
    price: Price
    reserve_ngonka: int
    credit_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A developer's cumulative promise to one host; of two, that with the greater serial counts."""

    chain_id: str
    escrow_id: int
    host: Host
    model_id: bytes
    serial: int
    tokens: Tokens
    amount_ngonka: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What opens a request at one host: its number (1, 2, ...), 32 bytes of chance, the SHA-256 of its body."""

    chain_id: str
    escrow_id: int
    host: Host
    model_id: bytes
    request: int
    developer_nonce: bytes
    body_hash: bytes


def compute_amount(tokens: Tokens, price: Price) -> int:
    """What the tokens cost in ngonka, rounded up."""
    return -(-(tokens.tokens_in * price.in_ngonka + tokens.tokens_out * price.out_ngonka) // MILLION)


def voucher_message(voucher: Voucher) -> bytes:
    """The 32 bytes that the escrow's voucher key signs."""
    return framed_hash(
        "gonka/voucher",
        voucher.chain_id.encode(),
        le64(voucher.escrow_id),
        voucher.host,
        voucher.model_id,
        le64(voucher.serial),
        le64(voucher.tokens.tokens_in),
        le64(voucher.tokens.tokens_out),
        le64(voucher.amount_ngonka),
    )


def ticket_message(ticket: Ticket) -> bytes:
    """The 32 bytes that the escrow's voucher key signs to open a request."""
    return framed_hash(
        "gonka/ticket",
        ticket.chain_id.encode(),
        le64(ticket.escrow_id),
        ticket.host,
        ticket.model_id,
        le64(ticket.request),
        ticket.developer_nonce,
        ticket.body_hash,
    )


def request_seed(chain_id: str, escrow_id: int, request: int, developer_nonce: bytes, host_nonce: bytes) -> bytes:
    """The 32 bytes from which a request's tokens are drawn: known to both sides, chosen by neither."""
    return framed_hash("gonka/req", chain_id.encode(), le64(escrow_id), le64(request), developer_nonce, host_nonce)


def check_terms(terms: Terms, paper: Voucher | Ticket) -> None:
    """Raises RuleError `voucher_foreign` for a voucher or ticket of another chain, escrow, host or model."""
    for name in ("chain_id", "escrow_id", "host", "model_id"):
        if getattr(paper, name) != getattr(terms, name):
            raise RuleError("voucher_foreign", f"it names another {name}", field=name)


def check_progress(terms: Terms, newest: Voucher | None, voucher: Voucher) -> None:
    """What a host, and the chain, ask of a voucher beside its signature; `newest` is the last that was taken.

    Raises: RuleError `voucher_foreign`; `voucher_stale` for a serial that is not greater; `voucher_lower` for tokens
    below what is signed already; `voucher_amount_wrong`; `voucher_over_reserve`.
    """
    check_terms(terms, voucher)
    serial, tokens = (newest.serial, newest.tokens) if newest else (0, Tokens())
    if voucher.serial <= serial:
        raise RuleError("voucher_stale", f"serial {voucher.serial}, {serial} is in", serial=serial)
    if tokens.beyond(voucher.tokens):
        detail = f"{voucher.tokens.tokens_in} in and {voucher.tokens.tokens_out} out"
        raise RuleError("voucher_lower", f"{detail}; signed are {tokens.tokens_in} and {tokens.tokens_out}")
    amount = compute_amount(voucher.tokens, terms.price)
    if voucher.amount_ngonka != amount:
        raise RuleError("voucher_amount_wrong", f"{voucher.amount_ngonka} ngonka, not {amount}", amount=amount)
    if amount > terms.reserve_ngonka:
        raise RuleError("voucher_over_reserve", f"{amount} ngonka of {terms.reserve_ngonka}", amount=amount)


def compute_allowance(terms: Terms, done: Tokens, signed: Tokens, prompt_left: int) -> int:
    """How many more tokens a host may work on now: first what is left of the prompt, then the answer.

    As many as leave no more than the credit unsigned, and all of it within the reserve.
    """
    by_credit = _count_by_credit(terms.credit_tokens, done, signed, prompt_left)
    by_reserve = _count_by_reserve(terms, done, signed, prompt_left)
    return max(0, min(by_credit, by_reserve))


def _count_by_credit(credit: int, done: Tokens, signed: Tokens, prompt_left: int) -> int:
    paid_in = max(0, signed.tokens_in - done.tokens_in)
    free = paid_in + credit - done.beyond(signed)
    if free < prompt_left:
        return free
    read = Tokens(tokens_in=done.tokens_in + prompt_left, tokens_out=done.tokens_out)
    return prompt_left + max(0, signed.tokens_out - read.tokens_out) + credit - read.beyond(signed)


def _count_by_reserve(terms: Terms, done: Tokens, signed: Tokens, prompt_left: int) -> int:
    """What is signed and not yet done takes from the reserve too."""
    free = compute_affordable_in(terms, max(done.tokens_out, signed.tokens_out)) - done.tokens_in
    if free < prompt_left:
        return free
    read = max(done.tokens_in + prompt_left, signed.tokens_in)
    return prompt_left + compute_affordable_out(terms, read) - done.tokens_out


def compute_affordable_in(terms: Terms, tokens_out: int) -> int:
    """The most tokens read that the reserve pays for beside `tokens_out` written; below 0 where not even those."""
    return _divide_reserve(terms, tokens_out * terms.price.out_ngonka, terms.price.in_ngonka)


def compute_affordable_out(terms: Terms, tokens_in: int) -> int:
    """The most tokens written that the reserve pays for beside `tokens_in` read; below 0 where not even those."""
    return _divide_reserve(terms, tokens_in * terms.price.in_ngonka, terms.price.out_ngonka)


def _divide_reserve(terms: Terms, spent: int, price: int) -> int:
    """Exact: ceil(x / 10^6) is within the reserve just when x is within 10^6 times it."""
    return min(MAX_U64, (terms.reserve_ngonka * MILLION - spent) // price)


def plan_signature(terms: Terms, delivered: Tokens, signed: Tokens, wanted: Tokens) -> Tokens:
    """The tokens that a gateway signs next: all that is delivered, and ahead of it what is still `wanted` as far as
    the credit goes, reading first; never less than is signed, and no more than the reserve pays for.
    """
    owed_in, owed_out = max(signed.tokens_in, delivered.tokens_in), max(signed.tokens_out, delivered.tokens_out)
    room = terms.credit_tokens - Tokens(tokens_in=owed_in, tokens_out=owed_out).beyond(delivered)
    ahead_in = max(0, min(delivered.tokens_in + wanted.tokens_in - owed_in, room))
    ahead_out = max(0, min(delivered.tokens_out + wanted.tokens_out - owed_out, room - ahead_in))
    tokens_in = max(signed.tokens_in, min(owed_in + ahead_in, compute_affordable_in(terms, owed_out)))
    tokens_out = max(signed.tokens_out, min(owed_out + ahead_out, compute_affordable_out(terms, tokens_in)))
    return Tokens(tokens_in=tokens_in, tokens_out=tokens_out)
