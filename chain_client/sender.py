"""The one owner of an account's sequence: it signs, keeps, sends and watches, one order at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from chain_client.errors import PermanentError, TransientError
from chain_client.ledger import Ledger, Receipt
from chain_client.transactions import (
    Attempt,
    Observation,
    Order,
    Outcome,
    SignedTx,
    Signer,
    Step,
    decide,
    sign_again,
    sign_order,
)


class Outbox(Protocol):
    """What was signed, on disk before it is sent.  Every change survives a power cut once the call returns."""

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        """An order's outcome, else its latest signed transaction."""
        ...

    def record(self, tx: SignedTx) -> None:
        """Keep a transaction, in place of an earlier one of the same order."""
        ...

    def settle(self, outcome: Outcome) -> None:
        """Keep how an order ended; its transaction need not be kept."""
        ...

    def unsettled(self) -> tuple[SignedTx, ...]:
        """Transactions without an outcome, in the order recorded."""
        ...


class Sender:
    """Sends orders of one account on one chain.  After a restart, `resume` first.

    `pause` waits between two looks at the chain; a fraction of a block's time is enough.
    """

    def __init__(
        self, *, ledger: Ledger, outbox: Outbox, signer: Signer, chain_id: str, pause: Callable[[], Awaitable[None]]
    ) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._signer = signer
        self._chain_id = chain_id
        self._pause = pause
        self._turn = asyncio.Lock()

    async def resume(self) -> tuple[Outcome, ...]:
        """Bring what an earlier process left without outcome to its end, resending the same bytes."""
        async with self._turn:
            return tuple([await self._follow(Attempt(tx=tx, may_be_out=True)) for tx in self._outbox.unsettled()])

    async def send(self, order: Order) -> Outcome:
        """Apply an order once and say how it ended; an order known from before is followed, not signed anew.

        Raises ClientError only while nothing is signed: from then on the chain is asked until there is an outcome.
        """
        async with self._turn:
            known = self._outbox.find(order.order_id)
            if isinstance(known, Outcome):
                return known
            if known is not None:
                return await self._follow(Attempt(tx=known, may_be_out=True))
            account = await self._ledger.account(self._signer.address)
            tx = sign_order(order, self._signer, account, self._chain_id)
            self._outbox.record(tx)
            return await self._follow(Attempt(tx=tx, may_be_out=False))

    async def _follow(self, attempt: Attempt) -> Outcome:
        while True:
            try:
                seen = await self._observe(attempt.tx)
                if seen.sequence > attempt.tx.sequence and not attempt.passed_at:
                    attempt = replace(attempt, passed_at=seen.height)
                decision = decide(attempt, seen)
                if isinstance(decision, Outcome):
                    self._outbox.settle(decision)
                    return decision
                attempt = await self._take(decision, attempt, seen)
            except TransientError:
                attempt = replace(attempt, may_be_out=True)
            await self._pause()

    async def _observe(self, tx: SignedTx) -> Observation:
        """In this order, so that a sequence seen as used comes with a look-up no older than it."""
        height = (await self._ledger.latest()).height
        sequence = (await self._ledger.account(tx.address)).sequence
        return Observation(height=height, sequence=sequence, result=await self._ledger.find(tx.tx_hash))

    async def _take(self, step: Step, attempt: Attempt, seen: Observation) -> Attempt:
        if step is Step.SEND:
            receipt = await self._broadcast(attempt.tx)
            taken = attempt.may_be_out or receipt.code == 0
            return replace(attempt, sent_at=seen.height, receipt=receipt, may_be_out=taken)
        if step is Step.SIGN_AGAIN:
            account = await self._ledger.account(attempt.tx.address)
            tx = sign_again(attempt.tx, self._signer, account)
            self._outbox.record(tx)
            return Attempt(tx=tx, may_be_out=False)
        return attempt

    async def _broadcast(self, tx: SignedTx) -> Receipt:
        try:
            return await self._ledger.broadcast(tx.raw)
        except PermanentError as error:
            return Receipt(tx_hash=tx.tx_hash, code=1, rule=error.code, log=error.detail)
