"""What the API really answered, as it lies in the journal, is opened, and near for who verifies it."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

from chain_client.cosmos import CosmosLedger
from chain_client.inference_stub import InferenceStub
from rules.addresses import decode_address
from rules.answers import Report, build_receipt_tree
from rules.types import Host
from serving.check_view import CheckView
from serving.checking import Case, check_lot
from serving.database import Database
from serving.journal import Journal
from serving.opening import Opener
from tests.chain.court import NULL
from tests.chain.ledger import BOB, CHAIN_ID
from tests.serving.market import VOUCHERS, Developer, Market, connect, open_escrow, run_market
from tests.serving.stack import run_paid_server, settle_once
from wire.gonka.inference.v1.check_pb2 import Lot, Opening, Sample

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
        opener = Opener(journal, view, chain_id=CHAIN_ID, host=host, entropy=secrets.token_bytes)
        case = Case(
            chain_id=CHAIN_ID,
            host=host,
            lot=lot,
            voucher_pubkey=VOUCHERS.public_key,
            settled=developer.signed,
            credit_tokens=developer.terms.credit_tokens,
            model=(await stub.models())[0],
        )
        report = await check_lot(stub, case, Opening(samples=[opener.open_sample(lot, sample)]))
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
