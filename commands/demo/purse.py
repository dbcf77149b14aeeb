"""Paid transactions of the demo's hosts: stake, proposal, votes."""

from __future__ import annotations

import asyncio
import itertools

from google.protobuf.message import Message

from chain_client.errors import PermanentError
from chain_client.ledger import Ledger, TxResult
from chain_client.pricing import price_order
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order, Outcome, SignedTx
from commands.demo.members import CHAIN_ID, Member

LIFE_BLOCKS = 20
PAUSE_S = 0.1


class MemoryOutbox:
    """An outbox that ends with the demo."""

    def __init__(self) -> None:
        self._kept: dict[str, SignedTx | Outcome] = {}

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        """An order's outcome, else its latest signed transaction."""
        return self._kept.get(order_id)

    def record(self, tx: SignedTx) -> None:
        """Keep a transaction."""
        self._kept[tx.order_id] = tx

    def settle(self, outcome: Outcome) -> None:
        """Keep how an order ended."""
        self._kept[outcome.order_id] = outcome

    def unsettled(self) -> tuple[SignedTx, ...]:
        """Transactions without an outcome."""
        return tuple(kept for kept in self._kept.values() if isinstance(kept, SignedTx))


class Purse:
    """Sends what a member pays for."""

    def __init__(self, member: Member, ledger: Ledger) -> None:
        self._member = member
        self._ledger = ledger
        self._ids = (f"demo-{number}" for number in itertools.count(1))
        self._sender = Sender(ledger=ledger, outbox=MemoryOutbox(), signer=member.key, chain_id=CHAIN_ID, pause=_pause)

    async def send(self, message: Message) -> TxResult:
        """Applies one message.  Raises the chain's code when it is not applied."""
        height = (await self._ledger.latest()).height
        order = Order(order_id=next(self._ids), messages=(message,), last_height=height + LIFE_BLOCKS)
        order = await price_order(self._ledger, order, self._member.key.public_key)
        outcome = await self._sender.send(order)
        if outcome.fate is not Fate.APPLIED:
            code = outcome.result.rule or "tx_expired"
            raise PermanentError(code, f"{message.DESCRIPTOR.name} of {self._member.name}: {outcome.result.log}")
        return outcome.result


async def _pause() -> None:
    await asyncio.sleep(PAUSE_S)
