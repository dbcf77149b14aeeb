"""API keys: 256 random bits that only the application knows.  Kept are their SHA-256, and a prefix to show.

So many bits need no slow hash: nobody can try them.
"""

from __future__ import annotations

import base64
import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret
from gateway.accounts import get_balance
from gateway.policies import Policy, decode_policy, encode_policy

PREFIX: Final = "gnk-"
SHOWN_CHARS: Final = 10
SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is kept; `prefix` is the beginning of its text, `revoked_ms` when it was revoked."""

    key_id: str
    customer: str
    prefix: str
    policy: Policy
    created_ms: int
    revoked_ms: int | None
    spent_pusd: int


def create_key(
    connection: sqlite3.Connection,
    customer: str,
    policy: Policy,
    *,
    entropy: Callable[[int], bytes],
    now_ms: int,
) -> tuple[ApiKey, Secret]:
    """A new key of a customer, and its text, which is nowhere else.  Raises: PermanentError `customer_unknown`."""
    get_balance(connection, customer)
    text = PREFIX + base64.urlsafe_b64encode(entropy(SECRET_BYTES)).decode().rstrip("=")
    key = ApiKey(
        key_id=f"key_{entropy(6).hex()}",
        customer=customer,
        prefix=text[:SHOWN_CHARS],
        policy=policy,
        created_ms=now_ms,
        revoked_ms=None,
        spent_pusd=0,
    )
    connection.execute(
        "INSERT INTO keys (key_id, customer, prefix, digest, policy, created_ms) VALUES (?, ?, ?, ?, ?, ?)",
        (key.key_id, customer, key.prefix, compute_digest(text), encode_policy(policy), now_ms),
    )
    return key, Secret(text)


def find_key(connection: sqlite3.Connection, text: str) -> ApiKey | None:
    """The key that is good for this text; None where it is unknown or revoked."""
    found = _select(connection, "digest = ? AND revoked_ms IS NULL", compute_digest(text))
    return found[0] if found else None


def list_keys(connection: sqlite3.Connection, customer: str | None = None) -> list[ApiKey]:
    """All keys, or a customer's, the oldest first."""
    return _select(connection, "1 = 1" if customer is None else "customer = ?", *([customer] if customer else []))


def revoke_key(connection: sqlite3.Connection, key_id: str, now_ms: int) -> ApiKey:
    """Make a key useless from now on; one that is revoked keeps its time.  Raises: PermanentError `api_key_unknown`."""
    found = _select(connection, "key_id = ?", key_id)
    if not found:
        raise PermanentError("api_key_unknown", f"no key has the id {key_id[:80]!r}")
    connection.execute("UPDATE keys SET revoked_ms = ? WHERE key_id = ? AND revoked_ms IS NULL", (now_ms, key_id))
    return replace(found[0], revoked_ms=found[0].revoked_ms or now_ms)


def compute_digest(text: str) -> bytes:
    """SHA-256 of a key's text."""
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _select(connection: sqlite3.Connection, where: str, *values: object) -> list[ApiKey]:
    rows = connection.execute(
        "SELECT key_id, customer, prefix, policy, created_ms, revoked_ms, spent_pusd FROM keys "  # noqa: S608 - constants
        f"WHERE {where} ORDER BY created_ms, key_id",
        values,
    )
    return [
        ApiKey(
            key_id=key_id,
            customer=customer,
            prefix=prefix,
            policy=decode_policy(policy),
            created_ms=created_ms,
            revoked_ms=revoked_ms,
            spent_pusd=spent,
        )
        for key_id, customer, prefix, policy, created_ms, revoked_ms, spent in rows
    ]
