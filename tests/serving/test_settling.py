"""What settles, and what the journal lets go meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from chain_client.cosmos import CosmosLedger
from chain_client.errors import ClientError, PermanentError, TransientError
from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Order, Outcome
from rules.types import Host
from rules.vouchers import Tokens
from serving.chain_view import ChainView, Seen
from serving.database import FILE_NAME, Database
from serving.journal import Journal
from serving.settling import Settler, keep_settling
from tests.chain.ledger import BOB, CHAIN_ID
from tests.serving.market import SERVING, Developer, read_showings
from tests.serving.receipt_host import ReceiptHost, keep_answer, run_receipt_host
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query


@dataclass
class Chain:
    """What a node says of escrows by number; of others, that it does not know them."""

    escrows: dict[int, pb.Escrow] = field(default_factory=dict)

    async def query(self, _method: str, request: query.QueryEscrowRequest, _answer: type) -> query.QueryEscrowResponse:
        if request.escrow_id not in self.escrows:
            raise PermanentError("escrow_unknown", f"escrow {request.escrow_id}")
        return query.QueryEscrowResponse(escrow=self.escrows[request.escrow_id])


class View(ChainView):
    """The chain at one look: it knows the first escrow, and others as a node told by `chain`."""

    def __init__(self, chain: Chain | None = None) -> None:
        super().__init__(chain or Chain(), chain_id="test-1", host="gonka1host", now_s=lambda: 0.0)  # type: ignore[arg-type]  # what it asks of a ledger

    async def refresh(self) -> Seen:
        escrows = {1: pb.Escrow(escrow_id=1)}
        return Seen(epoch=7, credit_tokens=256, settles_per_epoch=8, escrows=escrows, models={})


class Blocks:
    async def latest(self) -> SimpleNamespace:
        return SimpleNamespace(height=100)


@dataclass
class SlowOrders:
    """While an order waits for its block, another escrow is opened and worked for."""

    journal: Journal

    async def resume(self) -> tuple[Outcome, ...]:
        return ()

    async def send(self, order: Order) -> Outcome:
        assert self.journal.open_request(2, 1, b"n" * 32)
        self.journal.keep_voucher(make_voucher(2), Tokens(tokens_in=5))
        result = TxResult(tx_hash="", height=101, code=0, rule="", log="")
        return Outcome(order_id=order.order_id, fate=Fate.APPLIED, result=result)


def make_voucher(escrow_id: int) -> pb.Voucher:
    return pb.Voucher(chain_id="test-1", escrow_id=escrow_id, serial=1, tokens_in=5, amount_ngonka=1)


def make_settler(journal: Journal, view: View, orders: SlowOrders | None = None) -> Settler:
    return Settler(
        journal=journal,
        view=view,
        ledger=Blocks(),  # type: ignore[arg-type]  # what it asks of a ledger
        orders=orders or SlowOrders(journal),
        address="gonka1serving",
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    host = Host(b"h" * 20)
    return Journal(Database.open(tmp_path, chain_id="test-1", host=host), chain_id="test-1", host=host)


def test_settle_all__an_escrow_opened_while_another_settles__is_not_taken_for_closed(journal: Journal) -> None:
    journal.keep_voucher(make_voucher(1), Tokens())
    settler = make_settler(journal, View(Chain(escrows={2: pb.Escrow(escrow_id=2)})))
    assert asyncio.run(settler.settle_all()) == 1
    assert journal.read_escrow(2).voucher == make_voucher(2)
    assert not journal.open_request(2, 1, b"m" * 32), "its request is still known"


@pytest.mark.parametrize(
    ("chain", "is_kept", "why"),
    [
        (Chain(), True, "a node that is catching up has not come to it"),
        (Chain(escrows={2: pb.Escrow(escrow_id=2)}), True, "it opened while the node was asked"),
        (Chain(escrows={2: pb.Escrow(escrow_id=2, closed=True)}), False, "it closed"),
    ],
)
def test_settle_all__an_escrow_that_is_not_listed__is_forgotten_only_when_closed(
    journal: Journal, chain: Chain, is_kept: bool, why: str
) -> None:
    journal.keep_voucher(make_voucher(2), Tokens())
    asyncio.run(make_settler(journal, View(chain)).settle_all())
    assert (journal.read_escrow(2).voucher is not None) == is_kept, why


def test_settle_all__one_that_the_chain_forgot_though_it_knows_a_newer__is_forgotten(journal: Journal) -> None:
    journal.keep_voucher(make_voucher(0), Tokens())
    asyncio.run(make_settler(journal, View()).settle_all())
    assert journal.list_escrows() == ()


class Stopped(Exception):  # noqa: N818 - no error
    """The test has seen enough."""


def test_keep_settling__what_was_begun_cannot_be_followed__goes_on_settling(journal: Journal) -> None:
    @dataclass
    class Broken(SlowOrders):
        async def resume(self) -> tuple[Outcome, ...]:
            raise PermanentError("tx_refused", "")

    async def pause(_seconds: float) -> None:
        if journal.read_escrow(1).settled_serial:
            raise Stopped

    journal.keep_voucher(make_voucher(1), Tokens())
    with pytest.raises(Stopped):
        asyncio.run(keep_settling(make_settler(journal, View(), Broken(journal)), 0.0, pause))


# ---- a batch that applied though it was not seen to, on a real chain -------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Iterator[ReceiptHost]:
    with run_receipt_host(tmp_path) as host:
        yield host


def find_serials(host: ReceiptHost, developer: Developer, *requests: int) -> list[int]:
    """The vouchers with whose trees receipts settled, as far as the journal knows."""
    with host.open() as journal:
        found = [journal.find_receipt(developer.terms.escrow_id, request) for request in requests]
    return [kept.serial for kept in found if kept is not None]


def test_settle_all__from_a_journal_of_before_its_batch_settled__lets_the_answers_hang_where_they_hang(
    host: ReceiptHost,
) -> None:
    """Else they hang in a later tree too, and the one that is asked for cannot be placed."""
    developer = host.open_escrow()
    first, _ = host.answer(developer, [1, 2])
    kept = (host.home / FILE_NAME).read_bytes()
    assert host.settle() == 1
    (host.home / FILE_NAME).write_bytes(kept)
    host.settle()
    host.answer(developer, [3])
    assert host.settle() == 1
    assert find_serials(host, developer, 1, 2, 3) == [1, 1, 2]
    host.show(first)
    host.attend()
    (showing,) = asyncio.run(read_showings(host.market.chain, developer.terms.escrow_id))
    assert showing.placed


@dataclass
class LateOrders(SlowOrders):
    """Its orders are taken for expired."""

    async def send(self, order: Order) -> Outcome:
        result = TxResult(tx_hash="", height=0, code=0, rule="", log="")
        return Outcome(order_id=order.order_id, fate=Fate.EXPIRED, result=result)


@pytest.mark.parametrize(
    ("is_ours", "serial", "why"),
    [(True, 1, "the chain has the batch"), (False, 2, "it has another tree, and they hang in the next")],
)
def test_settle_all__a_batch_that_was_taken_for_expired__ended_as_the_chain_says(
    host: ReceiptHost, *, is_ours: bool, serial: int, why: str
) -> None:
    developer = host.open_escrow()
    host.answer(developer, [1, 2])
    with host.open() as journal:
        batch = journal.plan_batch(developer.terms.escrow_id, 0)
        assert batch is not None
        host.settle_by_hand(developer, batch.root if is_ours else bytes(32), batch.count)
        asyncio.run(settle_late(host, journal))
    host.answer(developer, [3])
    assert host.settle() == 1
    assert find_serials(host, developer, 1, 2, 3) == [serial, serial, 2], why


async def settle_late(host: ReceiptHost, journal: Journal) -> None:
    async with CosmosLedger.open(host.market.chain) as ledger:
        view = ChainView(ledger, chain_id=CHAIN_ID, host=BOB.text, now_s=lambda: 0.0)
        settler = Settler(journal=journal, view=view, ledger=ledger, orders=LateOrders(journal), address=SERVING.text)
        await settler.settle_all()


@dataclass
class Silent(Chain):
    """A node that has no record of what settled, or none to tell now."""

    error: type[ClientError] = PermanentError

    async def query(self, method: str, _request: object, _answer: type) -> query.QueryEscrowResponse:
        raise self.error("chain_answer_invalid", method)


def test_settle_all__a_node_that_tells_nothing_of_what_settled__lets_the_answers_hang_in_the_next(
    journal: Journal,
) -> None:
    keep_answer(journal, 1, 1)
    journal.keep_voucher(make_voucher(1), Tokens())
    settler = make_settler(journal, View(Silent()), LateOrders(journal))
    assert asyncio.run(settler.settle_all()) == 0
    batch = journal.plan_batch(1, 7)
    assert batch is not None
    assert (batch.order_id, batch.count) == ("settle/1/1/1", 1)


def test_settle_all__a_node_that_cannot_be_asked_what_settled__is_asked_again(journal: Journal) -> None:
    keep_answer(journal, 1, 1)
    journal.keep_voucher(make_voucher(1), Tokens())
    settler = make_settler(journal, View(Silent(error=TransientError)), LateOrders(journal))
    with pytest.raises(TransientError):
        asyncio.run(settler.settle_all())
    batch = journal.plan_batch(1, 7)
    assert batch is not None
    assert batch.order_id == "settle/1/1/0", "it is still under way"
