"""A ledger in a temporary folder with a customer, a key and terms of an escrow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.accounts import add_customer, top_up
from gateway.charges import Reservation, reserve
from gateway.keys import ApiKey, create_key
from gateway.money import PUSD, UsdPrice
from gateway.policies import Policy
from gateway.promises import open_attempt, read_voucher_secret
from gateway.receipts import KeptReceipt
from gateway.store import Store
from rules.receipts import SignedReceipt
from rules.types import Host
from rules.vouchers import Price, Terms

PRICE = UsdPrice(in_musd=20_000, out_musd=60_000)
TERMS = Terms(
    chain_id="test-1",
    escrow_id=7,
    host=Host(b"\x01" * 20),
    model_id=b"\x11" * 32,
    price=Price(in_ngonka=1_000_000, out_ngonka=2_000_000),
    reserve_ngonka=10**9,
    credit_tokens=256,
)


def entropy(count: int) -> bytes:
    """Bytes that differ from call to call."""
    entropy.calls += 1  # type: ignore[attr-defined]  # a counter
    return entropy.calls.to_bytes(4, "big") * (count // 4 + 1)  # type: ignore[attr-defined, no-any-return]  # the same


entropy.calls = 0  # type: ignore[attr-defined]  # the same


@contextmanager
def open_ledger(home: Path, *, usd: int = 10, policy: Policy | None = None) -> Iterator[tuple[Store, ApiKey]]:
    """A ledger in which acme has a key and so many USD."""
    with Store.open(home) as store:
        store.write_now(lambda c: add_customer(c, "acme", 1))
        if usd:
            store.write_now(lambda c: top_up(c, "acme", usd * PUSD, "", 1))
        key, _ = store.write_now(lambda c: create_key(c, "acme", policy or Policy(), entropy=entropy, now_ms=1))
        yield store, key


def open_request(
    connection: sqlite3.Connection, key: ApiKey, request_id: str, *, most: int = 100, now_ms: int = 5
) -> int:
    """A reserved request with one attempt; returns the attempt's id."""
    reserve(
        connection,
        Reservation(request_id=request_id, key=key, model="m", price=PRICE, most_in=most, most_out=most),
        now_ms,
    )
    secret = read_voucher_secret(connection)
    attempt = open_attempt(connection, request_id, TERMS, body_hash=bytes(32), nonce=entropy(32)[:32], secret=secret)
    return attempt.attempt_id


def make_kept(request: int, *, after_serial: int = 0) -> KeptReceipt:
    """A receipt of the terms' host, whose signature nobody looks at."""
    signed = SignedReceipt(
        chain_id=TERMS.chain_id,
        escrow_id=TERMS.escrow_id,
        host=TERMS.host,
        request=request,
        after_serial=after_serial,
        receipt=request.to_bytes(32, "big"),
    )
    return KeptReceipt(signed=signed, signature=b"\x05" * 64, serving_pubkey=b"\x02" * 33)
