"""Newest vouchers go to the chain: at intervals, the same bytes after a crash, each with the root of its answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final, Protocol

import structlog

from chain_client.errors import PermanentError
from chain_client.ledger import Ledger
from chain_client.transactions import Fate, Order, Outcome
from chain_client.upkeep import Upkeep
from serving.chain_view import ChainView, Seen
from serving.journal import Batch, Journal
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher

LIFE_BLOCKS: Final = 50
"""After so many blocks an order that waited in vain can no longer apply."""
IN_ALREADY: Final = frozenset({"voucher_stale", "voucher_pays_nothing"})
log = structlog.get_logger("serving")


class Orders(Protocol):
    """What applies an order once; chain_client.sender."""

    async def resume(self) -> tuple[Outcome, ...]:
        """Bring what an earlier process left without outcome to its end."""
        ...

    async def send(self, order: Order) -> Outcome:
        """How the order ended.  Raises ClientError only while nothing is signed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settler:
    """Settles for one host; `address` is bech32, that of the serving key."""

    journal: Journal
    view: ChainView
    ledger: Ledger
    orders: Orders
    address: str

    async def settle_all(self) -> int:
        """Settle every escrow that has a newer voucher; the number of those that applied.  Raises ClientError."""
        seen = await self.view.refresh()
        closed = await self._find_closed(seen)
        applied = 0
        for escrow_id in self.journal.list_escrows():
            escrow = seen.escrows.get(escrow_id)
            spent = self.journal.count_batches(escrow_id, seen.epoch) >= seen.settles_per_epoch
            if escrow is not None and not escrow.closed and not spent:
                applied += await self._settle(escrow_id, seen.epoch)
        self.journal.forget(seen.epoch, closed)
        return applied

    async def _find_closed(self, seen: Seen) -> tuple[int, ...]:
        """Escrows that can never pay again: the chain says so of each, as a node that catches up does not list all."""
        unseen = [number for number in self.journal.list_escrows() if number not in seen.escrows]
        newest = max(seen.escrows, default=0)
        return tuple([number for number in unseen if await self.view.is_closed(number, newest)])

    async def _settle(self, escrow_id: int, epoch: int) -> bool:
        batch = self.journal.plan_batch(escrow_id, epoch)
        if batch is None:
            return False
        outcome = await self.orders.send(await self._build_order(batch))
        fate, rule = await self._find_fate(batch, outcome.fate), outcome.result.rule
        applied = fate is Fate.APPLIED
        self.journal.end_batch(batch, fate, is_settled=applied or rule in IN_ALREADY)
        told = {"escrow_id": escrow_id, "serial": batch.voucher.serial, "receipts": batch.count}
        if applied:
            log.info("voucher_settled", **told)
        else:
            log.warning("voucher_not_settled", **told, fate=fate.value, rule=rule)
        return applied

    async def _find_fate(self, batch: Batch, fate: Fate) -> Fate:
        """How a batch ended: it applied where the chain has its tree, though its order did not, as after a backup of
        the journal was restored.  Raises TransientError.
        """
        if fate is Fate.APPLIED or not batch.count:
            return fate
        try:
            is_in = await self.view.has_settled(batch.voucher.escrow_id, batch.voucher.serial, batch.root)
        except PermanentError:
            return fate
        return Fate.APPLIED if is_in else fate

    async def _build_order(self, batch: Batch) -> Order:
        message = MsgSettleVoucher(
            sender=self.address, voucher=batch.voucher, receipts_root=batch.root, receipts_count=batch.count
        )
        last_height = (await self.ledger.latest()).height + LIFE_BLOCKS
        return Order(order_id=batch.order_id, messages=(message,), last_height=last_height)


async def keep_settling(settler: Settler, interval_s: float, pause: Callable[[float], Awaitable[None]]) -> None:
    """Settle at every interval, whatever fails meanwhile; first what an earlier process began."""
    steps = chain((settler.orders.resume,), repeat(settler.settle_all))

    async def step() -> float:
        await next(steps)()
        return interval_s

    upkeep = Upkeep(
        log=log, failed="settling_postponed", again="settling_works_again", after_failure_s=interval_s, pause=pause
    )
    await upkeep.go_on(step)


async def keep_looking(view: ChainView, interval_s: float) -> None:
    """Refresh the view at every interval."""

    async def look() -> float:
        await view.refresh()
        return interval_s

    upkeep = Upkeep(log=log, failed="chain_view_failed", again="chain_works_again", after_failure_s=interval_s)
    await upkeep.go_on(look)
