"""Asks hosts where receipts hang that they signed, and shows on chain what they do not prove: a gateway's loop.

Once in an epoch a few receipts of each pair are drawn (gateway.doubts); a host proves each against the tree that the
chain has of it.  A receipt is shown with a transaction of the developer's account, one at a time for each pair.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Final

import structlog

from chain_client.errors import ClientError
from chain_client.upkeep import Upkeep
from gateway.desk import Desk
from gateway.doubts import Doubt, Found, Standing, choose_shown, is_missing, note_failed, plan_receipts
from gateway.keeper import AFTER_FAILURE_S, Pause, Purse, send_message
from gateway.market import read_epoch, read_standing
from gateway.receipts import (
    KeptReceipt,
    Place,
    list_doubts,
    list_drawn,
    list_places,
    read_kept,
    record_checked,
    record_failed,
    record_missing,
    record_plan,
    record_shown,
)
from rules.errors import RuleError
from rules.receipts import Settling, check_placing
from wire.gonka.inference.v1 import receipt_pb2
from wire.openai.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chain_client.ledger import Ledger

log = structlog.get_logger("gateway")

LOOK_S: Final = 5.0
PAIRS_TOGETHER: Final = 8
ALL: Final = 1 << 62
"""A serial above all there are."""
DECISIVE: Final = frozenset({"host_receipt_missing", "host_answer_invalid"})
"""What a host says, and not only that it says nothing now."""


async def keep_receipts(desk: Desk, ledger: Ledger, purse: Purse, *, chain_id: str, pause: Pause) -> None:
    """See for ever to it that receipts hang where they must; what the chain does not answer is asked again later."""
    keeper = ReceiptKeeper(desk, ledger, purse, chain_id)

    async def look() -> float:
        if desk.market is not None:  # it knows where the hosts are
            await keeper.look()
        return LOOK_S

    upkeep = Upkeep(
        log=log,
        failed="receipts_not_looked_at",
        again="receipts_looked_at_again",
        after_failure_s=AFTER_FAILURE_S,
        pause=pause,
    )
    await upkeep.go_on(look)


class ReceiptKeeper:
    """One look after the other; remembers in which epoch each pair's receipts were drawn last."""

    def __init__(self, desk: Desk, ledger: Ledger, purse: Purse, chain_id: str) -> None:
        self._desk = desk
        self._ledger = ledger
        self._purse = purse
        self._chain_id = chain_id
        self._drawn_in: dict[Place, int] = {}
        self._places = asyncio.Semaphore(PAIRS_TOGETHER)

    async def look(self) -> None:
        """Draw, ask and show for every pair that has something due.  Raises ClientError."""
        places = list_places(self._desk.store.connection)
        if not places:
            return
        height = (await self._ledger.latest()).height
        epoch = await read_epoch(self._ledger, height)
        drawn = list_drawn(self._desk.store.connection, self._desk.chance.now_ms())
        due = [place for place in places if place in drawn or self._drawn_in.get(place) != epoch]
        self._drawn_in = {place: self._drawn_in[place] for place in places if place in self._drawn_in}
        await asyncio.gather(*(self._look_at(place, epoch, height) for place in due))

    async def _look_at(self, place: Place, epoch: int, height: int) -> None:
        async with self._places:
            try:
                standing = await self._read(place, epoch, height)
                await self._go_through(place, standing)
            except (ClientError, RuleError) as error:
                escrow_id, host = place
                told = {"escrow": escrow_id, "host": host, "code": error.code, "detail": error.detail}
                log.warning("receipts_not_checked", **told)

    async def _read(self, place: Place, epoch: int, height: int) -> Standing:
        try:
            return await read_standing(self._ledger, place, epoch, height)
        except ClientError as error:
            if error.code != "escrow_unknown":
                raise
            return Standing(epoch=epoch, settlings=(), newest_serial=0, is_closed=True)

    async def _go_through(self, place: Place, standing: Standing) -> None:
        desk, now_ms = self._desk, self._desk.chance.now_ms()
        kept = list_doubts(desk.store.connection, place, ALL if standing.is_closed else standing.newest_serial)
        plan = plan_receipts(kept, standing, now_ms, desk.chance.draw)
        await desk.store.write(lambda connection: record_plan(connection, place, plan))
        self._drawn_in[place] = standing.epoch
        if plan.shown is not None:
            self._note_shown(place, plan.shown)
        found = await asyncio.gather(*(self._ask(place, doubt, settling) for doubt, settling in plan.asked))
        asked = {doubt.request: settling for doubt, settling in plan.asked}
        placed = [doubt.request for (doubt, _), one in zip(plan.asked, found, strict=True) if one is Found.PLACED]
        failed = [
            note_failed(doubt, one, now_ms)
            for (doubt, _), one in zip(plan.asked, found, strict=True)
            if one is not Found.PLACED
        ]
        missing = [doubt.request for doubt in failed if is_missing(doubt, asked[doubt.request], standing.epoch)]
        await self._record(place, placed, failed, missing)
        shown = choose_shown({request: asked[request] for request in missing}, standing)
        if shown is not None:
            await self._show(place, shown)

    async def _ask(self, place: Place, doubt: Doubt, settling: Settling) -> Found:
        """What the host proves of a receipt now."""
        escrow_id, host = place
        market = self._desk.market
        offer = market.offers.get(host) if market else None
        if offer is None:
            return Found.ABSENT
        kept = read_kept(self._desk.store.connection, place, doubt.request)
        try:
            placing = await self._desk.client.read_placing(offer.endpoint, escrow_id, doubt.request)
            check_placing(
                settling,
                (kept.signed.request, kept.signed.receipt),
                placing.position,
                tuple(placing.siblings),
                tuple(placing.splits),
            )
        except (ApiError, RuleError) as error:
            log.info("receipt_not_placed", escrow=escrow_id, host=host, request=doubt.request, code=error.code)
            is_decisive = isinstance(error, RuleError) or error.code in DECISIVE
            return Found.REFUSED if is_decisive else Found.ABSENT
        return Found.PLACED

    async def _record(self, place: Place, placed: Iterable[int], failed: Iterable[Doubt], missing: list[int]) -> None:
        def write(connection: sqlite3.Connection) -> tuple[int, list[int]]:
            record_failed(connection, place, failed)
            checked = record_checked(connection, place, placed)
            return checked, [request for request in missing if record_missing(connection, place, request)]

        checked, newly = await self._desk.store.write(write)
        self._desk.receipts["checked"] += checked
        self._desk.receipts["missing"] += len(newly)
        for request in newly:
            log.warning("receipt_missing", escrow=place[0], host=place[1], request=request)
            error = ApiError("host_receipt_missing", f"request {request} of escrow {place[0]}")
            self._desk.note_failure(place[1], error)

    async def _show(self, place: Place, request: int) -> None:
        """Raises ClientError where the chain does not take it; it is tried again with the next asking."""
        kept = read_kept(self._desk.store.connection, place, request)
        message = build_message(kept, place[1], self._purse.signer.address)
        what = f"request {request} of escrow {place[0]} at {place[1]}"
        await send_message(self._ledger, self._purse, self._chain_id, message, what)
        await self._desk.store.write(lambda connection: record_shown(connection, place, request))
        self._note_shown(place, request)

    def _note_shown(self, place: Place, request: int) -> None:
        self._desk.receipts["shown"] += 1
        log.warning("receipt_shown", escrow=place[0], host=place[1], request=request)


def build_message(kept: KeptReceipt, host: str, developer: str) -> receipt_pb2.MsgShowReceipt:
    """The message that shows a receipt, for the bech32 account `developer`."""
    signed = kept.signed
    receipt = receipt_pb2.SignedReceipt(
        chain_id=signed.chain_id,
        escrow_id=signed.escrow_id,
        host=host,
        request=signed.request,
        after_serial=signed.after_serial,
        receipt=signed.receipt,
        signature=kept.signature,
    )
    return receipt_pb2.MsgShowReceipt(developer=developer, receipt=receipt, serving_pubkey=kept.serving_pubkey)
