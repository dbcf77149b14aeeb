"""Where receipts hang: told to whoever asks, and proved on chain where a developer has shown one there.

What comes from the chain is checked before it is answered: a placing is sent only where the chain will take it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from aiohttp import web

from chain_client.errors import ClientError, PermanentError
from chain_client.transactions import Fate, Order, Outcome
from chain_client.upkeep import Upkeep
from rules.answers import build_receipt_tree
from rules.claims import Tree
from rules.errors import RuleError
from rules.receipts import Settling, check_placing
from serving.journal import KeptReceipt
from serving.metrics import Metrics
from wire.gonka.inference.v1 import receipt_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.notes import PROTOBUF

TREES: Final = 4
"""Trees that are held in memory: who asks for one receipt of a voucher soon asks for another."""
LIFE_BLOCKS: Final = 50
LOOK_S: Final = 5.0
UNPLACEABLE: Final = "receipt_unplaceable"
log = structlog.get_logger("placing")


class Book(Protocol):
    """Where a host keeps receipts.  Every method raises ClientError."""

    def find_receipt(self, escrow_id: int, request: int) -> KeptReceipt | None:
        """The receipt of a request, None where there is none."""
        ...

    def read_leaves(self, escrow_id: int, serial: int) -> tuple[tuple[int, bytes], ...]:
        """Requests and receipts of the tree of a voucher that settled or is about to, by request."""
        ...


class ShowingSource(Protocol):
    """The chain, as far as a host whose receipts are shown looks at it.  Every method raises ClientError."""

    async def read_showings(self, host: str) -> tuple[pb.Showing, ...]:
        """Receipts of a host (bech32) that were shown and are not judged yet."""
        ...

    async def read_height(self) -> int:
        """The latest."""
        ...


class Orders(Protocol):
    """What applies an order once; chain_client.sender."""

    async def send(self, order: Order) -> Outcome:
        """How the order ended.  Raises ClientError only while nothing is signed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HungTree:
    """A tree of receipts, and the requests of its leaves, ascending."""

    requests: tuple[int, ...]
    tree: Tree

    def place(self, request: int) -> pb.Placing | None:
        """Where a request's receipt hangs; None where it does not."""
        position = bisect_left(self.requests, request)
        if self.requests[position : position + 1] != (request,):
            return None
        proof = self.tree.prove([position])
        return pb.Placing(position=position, siblings=proof.siblings, splits=proof.splits)


class Trees:
    """The trees of one host; serves RECEIPT_PATH.  One is built at a time, beside the loop."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held: dict[tuple[int, int], HungTree] = {}
        self._turn = asyncio.Lock()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET RECEIPT_PATH: a Placing.  Anybody may ask: it tells nothing but hashes."""
        try:
            escrow_id, number = int(request.match_info["escrow_id"]), int(request.match_info["request"])
        except ValueError as error:
            raise ApiError("request_invalid", f"escrow and request: {error}") from error
        if not 0 <= escrow_id < 1 << 63 or not 0 <= number < 1 << 64:
            raise ApiError("request_invalid", "escrow and request are numbers of 63 and 64 bits")
        try:
            placing = await self.place(escrow_id, number)
        except ClientError as error:
            raise ApiError("journal_unavailable", error.detail) from error
        return web.Response(body=placing.SerializeToString(), content_type=PROTOBUF)

    async def place(self, escrow_id: int, request: int) -> pb.Placing:
        """Where a receipt hangs.  Raises ApiError: receipt_unknown, receipt_not_settled; ClientError."""
        kept = self._book.find_receipt(escrow_id, request)
        if kept is None:
            raise ApiError("receipt_unknown", f"escrow {escrow_id}, request {request}")
        hung = await self.find(escrow_id, kept.serial) if kept.serial else None
        placing = hung.place(request) if hung else None
        if placing is None:
            raise ApiError("receipt_not_settled", f"escrow {escrow_id}, request {request}")
        return placing

    async def find(self, escrow_id: int, serial: int) -> HungTree | None:
        """The tree of a voucher that settled or is about to; None without receipts.  Raises ClientError."""
        async with self._turn:
            held = self._held.pop((escrow_id, serial), None) or await self._build(escrow_id, serial)
            if held is not None:
                self._held[escrow_id, serial] = held
                while len(self._held) > TREES:
                    del self._held[next(iter(self._held))]
            return held

    async def _build(self, escrow_id: int, serial: int) -> HungTree | None:
        leaves = self._book.read_leaves(escrow_id, serial)
        if not leaves:
            return None
        tree = await asyncio.to_thread(build_receipt_tree, leaves)
        return HungTree(requests=tuple(request for request, _ in leaves), tree=tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placer:
    """One host's; `host` is bech32, `address` too: that of the serving key."""

    view: ShowingSource
    book: Book
    trees: Trees
    orders: Orders
    metrics: Metrics
    host: str
    address: str
    told: set[tuple[int, int, int]] = field(default_factory=set)
    """Showings that are done with, by escrow, request and epoch: what became of each is logged once."""

    async def attend(self) -> None:
        """Place every receipt that is shown and can be placed.  Raises ClientError."""
        showings = await self.view.read_showings(self.host)
        keys = {_key(showing) for showing in showings}
        self.told.intersection_update(keys)
        for showing in showings:
            if not showing.placed and _key(showing) not in self.told:
                await self._answer(showing)

    async def _answer(self, showing: pb.Showing) -> None:
        try:
            placing = await self.find_placing(showing)
        except PermanentError as error:
            if error.code != UNPLACEABLE:
                raise
            self._tell(showing, error.code, error.detail)
            return
        outcome = await self._send(showing, placing)
        is_placed = outcome.fate is Fate.APPLIED or outcome.result.rule == "placed_already"
        self._tell(showing, "" if is_placed else outcome.result.rule or "tx_refused", outcome.result.log)

    def _tell(self, showing: pb.Showing, code: str, detail: str) -> None:
        """What became of it, `code` empty where it is placed; that is all that is done about it."""
        words = {"escrow_id": showing.receipt.escrow_id, "request": showing.receipt.request, "serial": showing.serial}
        if code:
            log.error("receipt_not_placed", code=code, **words, detail=detail)
        else:
            log.info("receipt_placed", **words)
        self.metrics.count_showing(code or "placed")
        self.told.add(_key(showing))

    async def find_placing(self, showing: pb.Showing) -> pb.Placing:
        """What the chain will take.  Raises PermanentError receipt_unplaceable; ClientError."""
        shown, escrow_id = showing.receipt, showing.receipt.escrow_id
        kept = self.book.find_receipt(escrow_id, shown.request)
        if kept is None:
            raise PermanentError(UNPLACEABLE, "this journal has no receipt of the request")
        if kept.receipt != shown.receipt:
            raise PermanentError(UNPLACEABLE, f"this journal has {kept.receipt.hex()} for the request")
        hung = await self.trees.find(escrow_id, showing.serial)
        placing = hung.place(shown.request) if hung else None
        if placing is None:
            detail = f"voucher {showing.serial} was not settled with it, voucher {kept.serial} was"
            raise PermanentError(UNPLACEABLE, detail if kept.serial else "it was in no settled tree")
        try:
            _check(showing, placing)
        except RuleError as error:
            detail = f"voucher {showing.serial} was settled with another tree: {error.code}"
            raise PermanentError(UNPLACEABLE, detail) from error
        return placing

    async def _send(self, showing: pb.Showing, placing: pb.Placing) -> Outcome:
        """The end of the order; one that was in no block in time is followed by another.  Raises ClientError."""
        shown = showing.receipt
        message = pb.MsgPlaceReceipt(sender=self.address, host=self.host, escrow_id=shown.escrow_id, placing=placing)
        number = 0
        while True:
            order = Order(
                order_id=f"place/{shown.escrow_id}/{shown.request}/{showing.epoch}/{number}",
                messages=(message,),
                last_height=await self.view.read_height() + LIFE_BLOCKS,
            )
            outcome = await self.orders.send(order)
            if outcome.fate is not Fate.EXPIRED:
                return outcome
            number += 1


def _key(showing: pb.Showing) -> tuple[int, int, int]:
    return showing.receipt.escrow_id, showing.receipt.request, showing.epoch


def _check(showing: pb.Showing, placing: pb.Placing) -> None:
    """As the chain will.  Raises RuleError."""
    settling = Settling(
        epoch=showing.epoch,
        after_serial=showing.receipt.after_serial,
        serial=showing.serial,
        root=showing.root,
        count=showing.count,
    )
    leaf = (showing.receipt.request, showing.receipt.receipt)
    check_placing(settling, leaf, placing.position, tuple(placing.siblings), tuple(placing.splits))


async def keep_placing(placer: Placer, interval_s: float) -> None:
    """Look at every interval whether a receipt was shown."""

    async def look() -> float:
        await placer.attend()
        return interval_s

    upkeep = Upkeep(log=log, failed="placing_postponed", again="placing_works_again", after_failure_s=interval_s)
    await upkeep.go_on(look)
