"""A host's serving process as far as receipts go: its journal, what it settles on a real chain, and its placer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from chain_client.cosmos import CosmosLedger
from chain_client.errors import TransientError
from chain_client.ledger import Receipt as Taken
from chain_client.sender import Sender
from rules.addresses import decode_address
from rules.answers import Answer, Receipt
from rules.params import Params
from rules.receipts import SignedReceipt
from rules.types import Host
from rules.vouchers import Tokens
from serving.database import Database
from serving.journal import Journal
from serving.metrics import Metrics
from serving.placing import Placer
from serving.records import hash_body
from tests.chain.ledger import BOB, CHAIN_ID
from tests.serving.market import (
    PARAMS,
    SERVING,
    Developer,
    Market,
    describe_model,
    key_of,
    open_escrow,
    run_market_for,
    show,
    submit,
)
from tests.serving.stack import make_placer, settle_once
from wire.gonka.inference.v1 import inference_pb2
from wire.gonka.inference.v1.receipt_pb2 import QueryShowingsResponse
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher
from wire.vouchers import sign_receipt

HOST = Host(decode_address(BOB.text))
BODY = b"{}"
MODEL = describe_model(name="tiny", content_hash=b"\1" * 32, tokenizer_hash=b"\2" * 32, max_context=1_000)
T = TypeVar("T")


class PowerCut(BaseException):
    """The process stops here."""


@dataclass
class Line:
    """A host's line to its chain: it notes what is sent, and fails as told.

    `cuts` the power "before" or "after" a transaction is sent; `loses` the first that is sent, however often;
    `is_deaf`: no answer comes back; `old_news` is what it answers to every look at what is shown.
    """

    cuts: str = ""
    loses: bool = False
    is_deaf: bool = False
    old_news: QueryShowingsResponse | None = None
    broadcasts: list[bytes] = field(default_factory=list)
    ledger: CosmosLedger | None = None
    queries: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def broadcast(self, tx: bytes) -> Taken:
        assert self.ledger is not None
        if self.cuts == "before":
            raise PowerCut
        self.broadcasts.append(tx)
        if self.loses and tx == self.broadcasts[0]:
            raise TransientError("chain_unreachable", "broadcast")
        taken = await self.ledger.broadcast(tx)
        if self.cuts == "after":
            raise PowerCut
        return taken

    async def query(self, method: str, request: object, answer: type) -> object:
        assert self.ledger is not None
        self.queries += 1
        if self.is_deaf:
            raise TransientError("chain_unreachable", method)
        if self.old_news is not None and answer is QueryShowingsResponse:
            return self.old_news
        return await self.ledger.query(method, request, answer)  # type: ignore[arg-type]  # messages


@dataclass
class ReceiptHost:
    """Bob's, with its home; what it sends goes over `line`."""

    market: Market
    home: Path
    line: Line = field(default_factory=Line)

    @contextmanager
    def open(self) -> Iterator[Journal]:
        """Its journal, while it runs."""
        database = Database.open(self.home, chain_id=CHAIN_ID, host=HOST)
        try:
            yield Journal(database, chain_id=CHAIN_ID, host=HOST)
        finally:
            database.close()

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Placer]:
        """Its placer, from the beginning of a process to its end."""

        async def pause() -> None:
            await asyncio.sleep(0.02)

        with self.open() as journal:
            async with CosmosLedger.open(self.market.chain) as self.line.ledger:
                sender = Sender(
                    ledger=self.line,  # type: ignore[arg-type]  # a Ledger by what it hands on
                    outbox=journal,
                    signer=key_of(SERVING),
                    chain_id=CHAIN_ID,
                    pause=pause,
                )
                yield make_placer(self.line, journal, sender, Metrics())  # type: ignore[arg-type]  # the same

    def play(self, scene: Callable[[Placer], Awaitable[T]]) -> T:
        """What a process comes to that does as `scene` says."""

        async def run() -> T:
            async with self.run() as placer:
                return await scene(placer)

        return asyncio.run(run())

    def attend(self) -> None:
        """A process looks once, and brings what an earlier one left to its end, as it does when it starts."""

        async def look(placer: Placer) -> None:
            await placer.attend()
            await placer.orders.resume()  # type: ignore[attr-defined]  # a Sender

        self.play(look)

    # ---- what happened before ---------------------------------------------------------------------------------------

    def open_escrow(self) -> Developer:
        """An escrow of Dan's that pays this host."""
        market = self.market
        escrow = asyncio.run(open_escrow(market.chain, self.home / "dan", market.model.model_id))
        return Developer("", market.terms_of(escrow))

    def answer(self, developer: Developer, requests: Iterable[int]) -> list[SignedReceipt]:
        """Answers, and a voucher for them that is not settled."""
        with self.open() as journal:
            signed = [keep_answer(journal, developer.terms.escrow_id, request) for request in requests]
            developer.serial += 1
            voucher = developer.voucher(Tokens(tokens_out=100 * developer.serial), developer.serial)
            journal.keep_voucher(voucher, Tokens())
        developer.newest = voucher
        return signed

    def settle(self) -> int:
        """What it has settles; how many vouchers did."""
        return asyncio.run(settle_once(self.market, self.home))

    def settle_by_hand(self, developer: Developer, root: bytes = b"", count: int = 0) -> None:
        """The newest voucher settles with some tree, from somewhere else: the account itself."""
        message = MsgSettleVoucher(sender=BOB.text, voucher=developer.newest, receipts_root=root, receipts_count=count)
        asyncio.run(submit(self.market.chain, self.home / "bob", BOB, message))

    def show(self, signed: SignedReceipt) -> None:
        """Dan shows a receipt."""
        asyncio.run(show(self.market.chain, self.home / "dan", sign_receipt(SERVING.secret, signed)))


@contextmanager
def run_receipt_host(home: Path, params: Params = PARAMS) -> Iterator[ReceiptHost]:
    """One on a chain of its own, where nothing else is shown."""
    with run_market_for(home, MODEL, params) as market:
        yield ReceiptHost(market, home / "bob")


def keep_answer(journal: Journal, escrow_id: int, request: int) -> SignedReceipt:
    """An answered request, in its journal."""
    assert journal.open_request(escrow_id, request, request.to_bytes(32))
    receipt = Receipt(
        chain_id=CHAIN_ID,
        escrow_id=escrow_id,
        host=HOST,
        request=request,
        body_hash=hash_body(BODY),
        developer_nonce=b"d" * 32,
        host_nonce=request.to_bytes(32),
        answers=(Answer(prompt=(1, 2), tokens=(3,)),),
        salt=b"s" * 32,
    )
    ticket = inference_pb2.Ticket(request=request, developer_nonce=b"d" * 32)
    return journal.keep_answer(receipt, BODY, ticket, Tokens())
