"""What an order costs, by the chain's own simulation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from chain_client.transactions import Order, compute_fee, encode_unsigned

if TYPE_CHECKING:
    from chain_client.ledger import Ledger


async def price_order(ledger: Ledger, order: Order, public_key: bytes) -> Order:
    """The order with the gas that the chain simulated for it, with a margin, at the node's least price.

    `public_key` is the signer's, 33 bytes.  A simulation looks at no sequence, so that other transactions of the same
    account may go by.  Raises ClientError: the rule code that the order would fail with.
    """
    gas_used = await ledger.simulate(encode_unsigned(order, public_key, sequence=0))
    return replace(order, fee=compute_fee(gas_used, await ledger.gas_price()))
