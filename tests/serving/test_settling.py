"""What settles, and what the journal lets go meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Order, Outcome
from rules.types import Host
from rules.vouchers import Tokens
from serving.chain_view import Seen
from serving.database import Database
from serving.journal import Journal
from serving.settling import Settler
from wire.gonka.inference.v1 import inference_pb2 as pb


class View:
    """The chain at one look: it knows the first escrow."""

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


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    host = Host(b"h" * 20)
    return Journal(Database.open(tmp_path, chain_id="test-1", host=host), chain_id="test-1", host=host)


def test_settle_all__an_escrow_opened_while_another_settles__is_not_taken_for_closed(journal: Journal) -> None:
    journal.keep_voucher(make_voucher(1), Tokens())
    settler = Settler(
        journal=journal,
        view=View(),  # type: ignore[arg-type]  # what it asks of a view
        ledger=Blocks(),  # type: ignore[arg-type]  # what it asks of a ledger
        orders=SlowOrders(journal),
        address="gonka1serving",
    )
    assert asyncio.run(settler.settle_all()) == 1
    assert journal.read_escrow(2).voucher == make_voucher(2)
    assert not journal.open_request(2, 1, b"m" * 32), "its request is still known"
