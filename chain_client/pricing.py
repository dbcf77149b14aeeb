"""What an order costs, by the chain's own simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from chain_client.errors import PermanentError
from chain_client.transactions import Order, compute_fee, encode_unsigned

if TYPE_CHECKING:
    from chain_client.ledger import Ledger

TRIES: Final = 10
"""Somebody else's transaction of the same account may come between reading its sequence and the simulation."""


async def price_order(ledger: Ledger, order: Order, *, address: str, public_key: bytes) -> Order:
    """The order with the gas that the chain simulated for it, with a margin, at the node's least price.

    `public_key` is the signer's, 33 bytes.  Raises ClientError: the rule code that the order would fail with.
    """
    gas_used = await _simulate(ledger, order, address, public_key)
    return replace(order, fee=compute_fee(gas_used, await ledger.gas_price()))


async def _simulate(ledger: Ledger, order: Order, address: str, public_key: bytes) -> int:
    for _ in range(TRIES - 1):
        account = await ledger.account(address)
        try:
            return await ledger.simulate(encode_unsigned(order, public_key, account.sequence))
        except PermanentError as error:
            if error.code != "sequence_mismatch":
                raise
    account = await ledger.account(address)
    return await ledger.simulate(encode_unsigned(order, public_key, account.sequence))
