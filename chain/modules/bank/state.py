"""Money: who holds how much, and the sum of it.  The only module that moves any.

Amounts are ngonka, below 2^63 together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.modules.auth import state as auth
from chain.store.kv import KV, Reader
from rules.addresses import encode_address
from rules.errors import RuleError

MAX_SUPPLY: Final = 2**63 - 1
DENOM: Final = "ngonka"

_BALANCE = b"bank/balance/"
_SUPPLY = b"bank/supply"


def balance_key(address: bytes) -> bytes:
    """Where the state keeps what an account holds, big-endian; nothing for 0."""
    return _BALANCE + address


def get_balance(store: Reader, address: bytes) -> int:
    """What an account holds, 0 for one that does not exist."""
    return int.from_bytes(store.get(balance_key(address)) or b"", "big")


def get_supply(store: Reader) -> int:
    """The sum of all balances."""
    return int.from_bytes(store.get(_SUPPLY) or b"", "big")


def scan_balances(store: Reader) -> Iterator[tuple[bytes, int]]:
    """Every balance above zero, in address order."""
    for key, value in store.scan(_BALANCE):
        yield key[len(_BALANCE) :], int.from_bytes(value, "big")


def send(store: KV, sender: bytes, recipient: bytes, amount: int) -> None:
    """Move `amount` >= 0; a recipient that does not exist becomes an account.

    Raises: RuleError `insufficient_funds`; `amount_invalid` for a negative amount.
    """
    _debit(store, sender, amount)
    _credit(store, recipient, amount)


def mint(store: KV, recipient: bytes, amount: int) -> None:
    """Make `amount` >= 0 out of nothing.  Raises: RuleError `amount_invalid` above MAX_SUPPLY."""
    supply = get_supply(store) + amount
    if supply > MAX_SUPPLY:
        raise RuleError("amount_invalid", f"the supply would be {supply} {DENOM}", supply=supply)
    _credit(store, recipient, amount)
    _set_amount(store, _SUPPLY, supply)


def burn(store: KV, holder: bytes, amount: int) -> None:
    """Destroy `amount` >= 0 of what `holder` has.  Raises: RuleError `insufficient_funds`."""
    _debit(store, holder, amount)
    _set_amount(store, _SUPPLY, get_supply(store) - amount)


def _debit(store: KV, address: bytes, amount: int) -> None:
    if amount < 0:
        raise RuleError("amount_invalid", f"{amount} is negative")
    key = _BALANCE + address
    balance = int.from_bytes(store.get(key) or b"", "big")
    if balance < amount:
        detail = f"{encode_address(address)} holds {balance} {DENOM}, needs {amount}"
        raise RuleError("insufficient_funds", detail, balance=balance, needed=amount)
    _set_amount(store, key, balance - amount)


def _credit(store: KV, address: bytes, amount: int) -> None:
    if amount < 0:
        raise RuleError("amount_invalid", f"{amount} is negative")
    key = _BALANCE + address
    held = store.get(key)
    if held is None:
        auth.create_account(store, address)
        held = b""
    _set_amount(store, key, int.from_bytes(held, "big") + amount)


def _set_amount(store: KV, key: bytes, amount: int) -> None:
    if amount:
        store.set(key, amount.to_bytes(8, "big"))
    else:
        store.delete(key)
