"""What the API really answered, as it lies in the journal, is opened, and near for who verifies it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from chain_client.cosmos import CosmosLedger
from chain_client.errors import TransientError
from chain_client.inference_stub import InferenceStub
from rules.addresses import decode_address
from rules.answers import Answer, Receipt, Report, build_receipt_tree, compute_receipt_hash
from rules.types import Host
from serving.check_view import CheckView
from serving.checking import Case, check_lot
from serving.database import Database
from serving.journal import Journal, KeptReceipt, StoredAnswer
from serving.opening import PATH, Opener
from serving.placing import Trees
from tests.chain.court import NULL
from tests.chain.ledger import BOB, CAT, CHAIN_ID
from tests.chain.market import serving_key_of
from tests.serving.market import VOUCHERS, Developer, Market, connect, open_escrow, run_market
from tests.serving.stack import run_paid_server, settle_once
from wire.gonka.inference.v1.check_pb2 import CheckSeat, Lot, Opening, Sample
from wire.gonka.inference.v1.inference_pb2 import Ticket
from wire.openai.errors import ApiError
from wire.openai.web import answer_errors

ASKED: tuple[dict[str, object], ...] = (
    {"n": 2, "max_tokens": 12},
    {"temperature": 0, "max_tokens": 12},
    {"temperature": 0.3, "top_p": 0.8, "frequency_penalty": 0.5, "logit_bias": {"65": 5}, "max_tokens": 12},
    {"path": "/v1/completions", "prompt": ["one", "two"], "n": 2, "max_tokens": 9},
    {"tools": [{"type": "function", "function": {"name": "look"}}], "stop": ["a"], "max_tokens": 12},
)


async def ask_all(developer: Developer) -> None:
    async with connect() as session:
        for words in ASKED:
            got = await developer.ask(session, **words)  # type: ignore[arg-type]
            assert got.done, (words, got)


async def verify(market: Market, sidecar: str, home: Path, developer: Developer) -> tuple[Report, int]:
    host = Host(decode_address(BOB.text))
    journal = Journal(Database.peek(home), chain_id=CHAIN_ID, host=host)
    escrow_id, serial = developer.terms.escrow_id, developer.serial
    answers = journal.read_answers(escrow_id, serial)
    assert len(answers) == len(ASKED)
    tree = build_receipt_tree([(answer.receipt.request, answer.digest) for answer in answers])
    sample = Sample(serial=serial, root=tree.root, count=len(ASKED), positions=range(len(ASKED)))
    lot = Lot(escrow_id=escrow_id, host=BOB.text, model_id=market.model.model_id, samples=[sample])
    async with CosmosLedger.open(market.chain) as ledger, InferenceStub.open(sidecar) as stub:
        view = CheckView(ledger=ledger)
        opener = Opener(
            book=journal,
            source=view,
            trees=Trees(journal),
            chain_id=CHAIN_ID,
            host=host,
            entropy=secrets.token_bytes,
            now_s=time.monotonic,
        )
        case = Case(
            chain_id=CHAIN_ID,
            host=host,
            lot=lot,
            voucher_pubkey=VOUCHERS.public_key,
            settled=developer.signed,
            credit_tokens=developer.terms.credit_tokens,
            model=(await stub.models())[0],
        )
        report = await check_lot(stub, case, Opening(samples=[await opener.open_sample(lot, sample)]))
    said = sum(len(part.tokens) for answer in answers for part in answer.receipt.answers)
    return report, said


def test_open_sample__what_the_api_answered__is_near_for_a_verifier(sidecar: str, tmp_path: Path) -> None:
    with run_market(tmp_path, sidecar) as market:
        escrow = asyncio.run(open_escrow(market.chain, tmp_path / "dan", market.model.model_id))
        with run_paid_server(market, tmp_path / "bob") as url:
            developer = Developer(url, market.terms_of(escrow))
            asyncio.run(ask_all(developer))
            assert asyncio.run(settle_once(market, tmp_path / "bob")) == 1
            report, said = asyncio.run(verify(market, sidecar, tmp_path / "bob", developer))
    assert report.tokens == said
    assert report.distance_ppm <= NULL


@dataclass
class Counted:
    """A book and a chain that count what is asked of them: ten answers, of which two are drawn."""

    lot: Lot
    looks: int = 0
    read: int = 0

    def read_answers(self, escrow_id: int, serial: int, requests: Sequence[int]) -> tuple[StoredAnswer, ...]:
        self.read += len(requests)
        return tuple(store_answer(request) for request in requests)

    def find_receipt(self, escrow_id: int, request: int) -> KeptReceipt | None:
        raise AssertionError("nobody asks where a receipt hangs")

    def read_leaves(self, escrow_id: int, serial: int) -> tuple[tuple[int, bytes], ...]:
        return tuple((request, store_answer(request).digest) for request in range(10))

    async def read_lots(self, host: Host) -> tuple[int, tuple[Lot, ...]]:
        self.looks += 1
        return 3, (self.lot,)

    async def read_serving_key(self, host: Host) -> bytes:
        return serving_key_of(CAT).public_key


def store_answer(request: int) -> StoredAnswer:
    receipt = Receipt(
        chain_id=CHAIN_ID,
        escrow_id=1,
        host=Host(BOB.address),
        request=request,
        body_hash=bytes(32),
        developer_nonce=bytes(32),
        host_nonce=bytes(32),
        answers=(Answer(prompt=(1,), tokens=(2,)),),
        salt=bytes(32),
    )
    return StoredAnswer(receipt=receipt, digest=compute_receipt_hash(receipt), body=b"{}", ticket=Ticket())


def test_serve__anybody_asks_again_and_again__only_what_was_drawn_is_read_and_only_once() -> None:
    tree = build_receipt_tree([(request, store_answer(request).digest) for request in range(10)])
    sample = Sample(serial=1, root=tree.root, count=10, positions=[2, 7])
    seats = [CheckSeat(verifier=CAT.text)]
    counted = Counted(Lot(escrow_id=1, host=BOB.text, model_id=b"m" * 32, samples=[sample], seats=seats))
    now_s = 0.0
    opener = Opener(
        book=counted,
        source=counted,
        trees=Trees(counted),
        chain_id=CHAIN_ID,
        host=Host(BOB.address),
        entropy=secrets.token_bytes,
        now_s=lambda: now_s,
    )

    async def ask(epoch: int, count: int) -> None:
        for _ in range(count):
            await opener.open(epoch, 1, Host(CAT.address))

    asyncio.run(ask(3, 20))
    assert (counted.looks, counted.read) == (1, 2)
    with pytest.raises(ApiError, match="sample_not_found"):
        asyncio.run(ask(4, 1))
    assert counted.looks == 1
    now_s = 2.0
    asyncio.run(ask(3, 1))
    assert (counted.looks, counted.read) == (2, 2)


def test_serve__the_chain_is_away__is_told_as_such() -> None:
    class Away(Counted):
        async def read_lots(self, host: Host) -> tuple[int, tuple[Lot, ...]]:
            raise TransientError("chain_unreachable", "no answer")

    async def scene() -> tuple[int, str]:
        away = Away(Lot())
        opener = Opener(
            book=away,
            source=away,
            trees=Trees(away),
            chain_id=CHAIN_ID,
            host=Host(BOB.address),
            entropy=secrets.token_bytes,
            now_s=time.monotonic,
        )
        app = web.Application(middlewares=[answer_errors])
        app.router.add_get(PATH, opener.serve)
        async with TestClient(TestServer(app)) as client:
            response = await client.get(PATH.format(epoch=1, escrow_id=1, verifier=CAT.text))
            return response.status, (await response.json())["error"]["code"]

    assert asyncio.run(scene()) == (503, "chain_unavailable")
