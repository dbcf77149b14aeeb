"""Grants: who may send which message for whom.  Kept as cosmos.authz.v1beta1.Grant, by granter, grantee, message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import ADDRESS_BYTES

from cosmos.authz.v1beta1.authz_pb2 import Grant

_GRANT: Final = b"authz/grant/"


def get_grant(store: Reader, granter: bytes, grantee: bytes, type_url: str) -> Grant | None:
    """A grant, expired or not."""
    value = store.get(_key(granter, grantee, type_url))
    return None if value is None else Grant.FromString(value)


def set_grant(store: KV, granter: bytes, grantee: bytes, type_url: str, grant: Grant) -> None:
    """Write a grant in place of an earlier one."""
    store.set(_key(granter, grantee, type_url), grant.SerializeToString(deterministic=True))


def delete_grant(store: KV, granter: bytes, grantee: bytes, type_url: str) -> None:
    """Forget a grant."""
    store.delete(_key(granter, grantee, type_url))


def scan_grants(store: Reader, granter: bytes = b"") -> Iterator[tuple[bytes, bytes, Grant]]:
    """The grants of one account, or of all, as granter, grantee, grant."""
    for key, value in store.scan(_GRANT + granter):
        start = len(_GRANT)
        middle = start + ADDRESS_BYTES
        yield key[start:middle], key[middle : middle + ADDRESS_BYTES], Grant.FromString(value)


def _key(granter: bytes, grantee: bytes, type_url: str) -> bytes:
    return _GRANT + granter + grantee + type_url.encode()
