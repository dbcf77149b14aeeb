"""Accounts: address -> number, sequence, public key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chain.store.kv import KV, Reader

_ACCOUNT = b"auth/account/"
_NEXT_NUMBER = b"auth/next_number"


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the chain.

    `number` is given once, ascending; `sequence` counts its transactions; `public_key` is the compressed secp256k1 key
    (33 bytes), b"" until the account first signs.
    """

    number: int
    sequence: int
    public_key: bytes


def get_account(store: Reader, address: bytes) -> Account | None:
    """The account of an address, None where nothing was ever sent to it."""
    value = store.get(_ACCOUNT + address)
    if value is None:
        return None
    return Account(int.from_bytes(value[:8], "big"), int.from_bytes(value[8:16], "big"), value[16:])


def set_account(store: KV, address: bytes, account: Account) -> None:
    """Write an account."""
    value = account.number.to_bytes(8, "big") + account.sequence.to_bytes(8, "big") + account.public_key
    store.set(_ACCOUNT + address, value)


def create_account(store: KV, address: bytes) -> Account:
    """The account of an address, made with the next number where there is none."""
    found = get_account(store, address)
    if found is not None:
        return found
    number = int.from_bytes(store.get(_NEXT_NUMBER) or b"", "big")
    account = Account(number, 0, b"")
    set_account(store, address, account)
    store.set(_NEXT_NUMBER, (number + 1).to_bytes(8, "big"))
    return account


def scan_accounts(store: Reader) -> Iterator[tuple[bytes, Account]]:
    """Every account, in address order."""
    for key, value in store.scan(_ACCOUNT):
        address = key[len(_ACCOUNT) :]
        yield address, Account(int.from_bytes(value[:8], "big"), int.from_bytes(value[8:16], "big"), value[16:])
