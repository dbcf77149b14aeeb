"""Receipts that are shown are placed once, whatever happens meanwhile; one that cannot be is said so, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chain_client.errors import TransientError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Receipt as Taken
from chain_client.sender import Sender
from chain_client.transactions import Fate
from rules.addresses import encode_address
from rules.answers import Answer, Receipt
from rules.errors import RuleError
from rules.receipts import Settling, SignedReceipt, check_placing, find_settling
from rules.types import Host
from rules.vouchers import Tokens
from serving import placing
from serving.check_view import CheckView
from serving.database import Database
from serving.journal import Journal
from serving.metrics import Metrics
from serving.placing import LIFE_BLOCKS, TREES, Placer, Trees, keep_placing
from serving.records import hash_body
from tests.chain_client.fake_ledger import CHAIN_ID, NUMBERS, FakeLedger
from wire.gonka.inference.v1 import inference_pb2, receipt_pb2
from wire.openai.errors import ApiError
from wire.vouchers import sign_receipt

from cosmos.tx.v1beta1.tx_pb2 import TxBody, TxRaw

HOST = Host(b"h" * 20)
KEY = SigningKey(Secret(b"\7" * 32))
BODY = b"{}"


class PowerCut(BaseException):
    """The process stops here."""


@dataclass
class Chain(FakeLedger):
    """Takes a placing as the chain does; at the height `cuts` it cuts the power of who sends."""

    showings: list[receipt_pb2.Showing] = field(default_factory=list)
    settlings: list[Settling] = field(default_factory=list)
    is_deaf: bool = False
    cuts: str = ""

    def show(self, signed: SignedReceipt) -> receipt_pb2.Showing:
        """A developer shows a receipt."""
        settling = find_settling(signed.after_serial, tuple(self.settlings), self.settlings[-1].serial)
        showing = receipt_pb2.Showing(
            receipt=sign_receipt(KEY.reveal().reveal(), signed),
            serial=settling.serial,
            root=settling.root,
            count=settling.count,
            epoch=7,
        )
        self.showings.append(showing)
        return showing

    async def query(self, method: str, request: object, answer: object, *, height: int = 0) -> object:
        assert isinstance(request, receipt_pb2.QueryShowingsRequest)
        assert (method, answer) == ("/gonka.inference.v1.ReceiptQuery/Showings", receipt_pb2.QueryShowingsResponse)
        if self.is_deaf:
            raise TransientError("chain_unreachable", method)
        mine = [showing for showing in self.showings if showing.receipt.host == request.host]
        return receipt_pb2.QueryShowingsResponse(epoch=7, showings=mine)

    async def broadcast(self, tx: bytes) -> Taken:
        if self.cuts == "before":
            raise PowerCut
        taken = await super().broadcast(tx)
        if self.cuts == "after":
            raise PowerCut
        return taken

    def _apply(self, tx: bytes) -> None:
        super()._apply(tx)
        (packed,) = TxBody.FromString(TxRaw.FromString(tx).body_bytes).messages
        message = receipt_pb2.MsgPlaceReceipt()
        assert packed.Unpack(message)
        rule = self._place(message)
        if rule:
            (name,) = (name for name, result in self.results.items() if result.height == self.height)
            self.results[name] = replace(self.results[name], code=NUMBERS[rule], rule=rule)

    def _place(self, message: receipt_pb2.MsgPlaceReceipt) -> str:
        if message.sender != KEY.address:
            return "unauthorized"
        showing = next(s for s in self.showings if s.receipt.escrow_id == message.escrow_id)
        if showing.placed:
            return "placed_already"
        settling = next(s for s in self.settlings if s.serial == showing.serial)
        leaf, proof = (showing.receipt.request, showing.receipt.receipt), message.placing
        try:
            check_placing(settling, leaf, proof.position, tuple(proof.siblings), tuple(proof.splits))
        except RuleError as error:
            return error.code
        showing.placed = True
        return ""


@dataclass
class Server:
    """A host's serving process, as far as receipts go, and its home."""

    home: Path
    chain: Chain = field(default_factory=Chain)

    @contextmanager
    def run(self) -> Iterator[tuple[Journal, Placer]]:
        database = Database.open(self.home, chain_id=CHAIN_ID, host=HOST)
        journal = Journal(database, chain_id=CHAIN_ID, host=HOST)

        async def pause() -> None:
            self.chain.next_block()

        sender = Sender(ledger=self.chain, outbox=journal, signer=KEY, chain_id=CHAIN_ID, pause=pause)  # type: ignore[arg-type]  # what it asks of a ledger
        placer = Placer(
            view=CheckView(ledger=self.chain),  # type: ignore[arg-type]  # the same
            book=journal,
            trees=Trees(journal),
            orders=sender,
            metrics=Metrics(),
            host=encode_address(HOST),
            address=KEY.address,
        )
        try:
            yield journal, placer
        finally:
            database.close()

    def settle(self, journal: Journal, *, is_heard: bool = True, is_ours: bool = True) -> None:
        """The newest voucher settles; with another tree where it is not ours."""
        batch = journal.plan_batch(1, 7)
        assert batch is not None
        before = self.chain.settlings[-1].serial if self.chain.settlings else 0
        root, count = (batch.root, batch.count) if is_ours else (b"", 0)
        self.chain.settlings.append(
            Settling(epoch=7, after_serial=before, serial=batch.voucher.serial, root=root, count=count)
        )
        if is_heard:
            journal.end_batch(batch, Fate.APPLIED if is_ours else Fate.FAILED, is_settled=True)


def answer(journal: Journal, request: int, escrow_id: int = 1) -> SignedReceipt:
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


def keep_voucher(journal: Journal, serial: int, escrow_id: int = 1) -> None:
    journal.keep_voucher(inference_pb2.Voucher(escrow_id=escrow_id, serial=serial), Tokens())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def settle_some(server: Server, requests: Iterable[int], serial: int = 4) -> list[SignedReceipt]:
    with server.run() as (journal, _):
        receipts = [answer(journal, request) for request in requests]
        keep_voucher(journal, serial)
        server.settle(journal)
    return receipts


@pytest.mark.parametrize("count", [1, 2, 5])
def test_attend__a_receipt_that_is_shown__is_placed_once(server: Server, count: int) -> None:
    for signed in settle_some(server, range(1, count + 1)):
        showing = server.chain.show(signed)
        before = len(server.chain.broadcasts)
        with server.run() as (_, placer):
            asyncio.run(placer.attend())
            assert showing.placed
            asyncio.run(placer.attend())
            assert len(server.chain.broadcasts) == before + 1
        server.chain.showings.clear()


def test_attend__before_the_host_heard_that_its_voucher_settled__places_all_the_same(server: Server) -> None:
    with server.run() as (journal, _):
        signed = answer(journal, 1)
        keep_voucher(journal, 4)
        server.settle(journal, is_heard=False)
    showing = server.chain.show(signed)
    with server.run() as (_, placer):
        asyncio.run(placer.attend())
    assert showing.placed


def test_attend__when_the_plaintext_is_let_go__places_all_the_same(server: Server) -> None:
    (signed,) = settle_some(server, [1])
    showing = server.chain.show(signed)
    with server.run() as (journal, placer):
        journal.forget(11, ())
        assert journal.read_answers(1, 4) == ()
        asyncio.run(placer.attend())
    assert showing.placed


@pytest.mark.parametrize("cuts", ["before", "after"])
def test_attend__a_restart_after_the_order_was_signed__sends_the_same_bytes_and_applies_once(
    server: Server, cuts: str
) -> None:
    (signed,) = settle_some(server, [1])
    showing = server.chain.show(signed)
    server.chain.cuts = cuts
    with server.run() as (journal, placer):
        with pytest.raises(PowerCut):
            asyncio.run(placer.attend())
        (kept,) = journal.unsettled()
    server.chain.cuts = ""
    for _ in range(2):
        with server.run() as (journal, placer):
            asyncio.run(placer.attend())
            assert journal.unsettled() == ()
    assert showing.placed
    assert server.chain.applied == [""]
    assert set(server.chain.broadcasts) == {kept.raw}


def test_attend__an_order_that_was_in_no_block_in_time__is_followed_by_another(server: Server) -> None:
    (signed,) = settle_some(server, [1])
    showing = server.chain.show(signed)
    server.chain.mempool_size = 0
    end = server.chain.height + LIFE_BLOCKS + 5

    def next_block() -> None:
        FakeLedger.next_block(server.chain)
        server.chain.mempool_size = int(server.chain.height > end)

    server.chain.next_block = next_block  # type: ignore[method-assign]
    with server.run() as (journal, placer):
        asyncio.run(placer.attend())
        fates = [outcome and outcome.fate for outcome in map(journal.find, ("place/1/1/7/0", "place/1/1/7/1"))]  # type: ignore[union-attr]  # both ended
    assert showing.placed
    assert fates == [Fate.EXPIRED, Fate.APPLIED]


def test_attend__one_that_cannot_be_placed__is_said_once_and_holds_up_no_other(server: Server) -> None:
    """Four escrows: the journal knows nothing of the first, something else of the second; the third's voucher was
    settled by hand, without receipts; the fourth's can be placed.
    """
    with server.run() as (journal, _):
        good = answer(journal, 1)
        keep_voucher(journal, 4)
        server.settle(journal)
        other, by_hand = answer(journal, 9), answer(journal, 10)
        keep_voucher(journal, 5)
        server.settle(journal, is_ours=False)
    chain = server.chain
    for escrow_id, signed in ((2, replace(good, request=3)), (1, replace(other, receipt=b"x" * 32)), (1, by_hand)):
        chain.show(replace(signed, escrow_id=escrow_id))
    showing = chain.show(good)
    chain._place = lambda _: ""  # type: ignore[method-assign]
    with server.run() as (_, placer), capture_logs() as logs:
        for _ in range(2):
            asyncio.run(placer.attend())
        assert find_metric(placer.metrics) == {"receipt_unplaceable": 3, "placed": 1}
    assert len(chain.broadcasts) == 1
    assert [(line["log_level"], line["event"], line.get("code"), line["request"]) for line in logs] == [
        ("error", "receipt_not_placed", "receipt_unplaceable", 3),
        ("error", "receipt_not_placed", "receipt_unplaceable", 9),
        ("error", "receipt_not_placed", "receipt_unplaceable", 10),
        ("info", "receipt_placed", None, 1),
    ]
    assert "no receipt" in logs[0]["detail"]
    assert showing.serial == 4
    with server.run() as (_, placer), capture_logs() as logs:
        asyncio.run(placer.attend())
    assert len([line for line in logs if line["log_level"] == "error"]) == 3, "a new process says it again"


def test_attend__a_tree_that_the_chain_has_otherwise__is_not_sent(server: Server) -> None:
    (signed,) = settle_some(server, [1])
    server.chain.show(signed).root = bytes(32)
    with server.run() as (_, placer), capture_logs() as logs:
        asyncio.run(placer.attend())
    assert server.chain.broadcasts == []
    assert [(line["code"], "another tree" in line["detail"]) for line in logs] == [("receipt_unplaceable", True)]


def test_attend__what_the_chain_refuses__is_said_with_its_code_and_not_sent_again(server: Server) -> None:
    (signed,) = settle_some(server, [1])
    server.chain.show(signed)
    server.chain._place = lambda _: "unauthorized"  # type: ignore[method-assign]
    with capture_logs() as logs:
        for _ in range(2):
            with server.run() as (_, placer):
                asyncio.run(placer.attend())
                asyncio.run(placer.attend())
    assert [line["code"] for line in logs] == ["unauthorized"] * 2, "once by each process"
    assert len(server.chain.broadcasts) == 1


def test_attend__one_that_somebody_else_placed__is_done_with(server: Server) -> None:
    (signed,) = settle_some(server, [1])
    server.chain.show(signed)
    server.chain._place = lambda _: "placed_already"  # type: ignore[method-assign]
    with server.run() as (_, placer), capture_logs() as logs:
        asyncio.run(placer.attend())
    assert [line["event"] for line in logs] == ["receipt_placed"]


def find_metric(metrics: Metrics) -> dict[str, float]:
    (family,) = [family for family in metrics.registry.collect() if family.name == "gonka_serving_showings"]
    return {s.labels["outcome"]: s.value for s in family.samples if s.name.endswith("_total")}


class Stopped(Exception):  # noqa: N818 - no error
    """The test has seen enough."""


def test_keep_placing__while_the_chain_cannot_be_asked__says_so_once_and_goes_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (signed,) = settle_some(server, [1])
    showing = server.chain.show(signed)
    server.chain.is_deaf = True
    looks = 0

    async def sleep(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        server.chain.is_deaf = looks < 3
        if looks == 5:
            raise Stopped

    monkeypatch.setattr(placing.asyncio, "sleep", sleep)
    with server.run() as (_, placer), capture_logs() as logs, pytest.raises(Stopped):
        asyncio.run(keep_placing(placer))
    assert [line["event"] for line in logs] == ["placing_postponed", "receipt_placed", "placing_works_again"]
    assert showing.placed


def test_place__of_more_trees_than_are_held__finds_each(server: Server) -> None:
    with server.run() as (journal, placer):
        for serial in range(1, TREES + 3):
            for request in (2 * serial, 2 * serial + 1):
                answer(journal, request)
            keep_voucher(journal, serial)
            server.settle(journal)
        for turn in range(2):
            for request in range(2, 2 * TREES + 6):
                found = asyncio.run(placer.trees.place(1, request))
                assert (found.position, len(found.siblings), list(found.splits)) == (request % 2, 1, [request | 1]), (
                    turn
                )


def test_place__before_its_voucher_settled_or_of_another_request__is_coded(server: Server) -> None:
    with server.run() as (journal, placer):
        answer(journal, 1)
        keep_voucher(journal, 4)
        assert journal.plan_batch(1, 7) is not None
        for escrow_id, request, code in (
            (1, 1, "receipt_not_settled"),
            (1, 2, "receipt_unknown"),
            (2, 1, "receipt_unknown"),
        ):
            with pytest.raises(ApiError, match=code):
                asyncio.run(placer.trees.place(escrow_id, request))
