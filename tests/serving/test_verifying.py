"""A verifier beside a real chain: it fetches over HTTP, scores with a real sidecar, promises, and reveals."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from chain.process import GENESIS_FILE
from chain_client.cosmos import CosmosLedger
from chain_client.errors import TransientError
from chain_client.inference_stub import InferenceStub
from chain_client.ledger import TxResult
from chain_client.outbox import FileOutbox
from chain_client.sender import Sender
from chain_client.transactions import Fate, Order, Outcome
from gateway.guard import open_session
from rules.addresses import decode_address
from rules.evidence import WORST_PPM
from rules.offers import check_endpoint
from rules.presets import MINIMAL
from rules.types import Host, Phase
from rules.vouchers import Price, Tokens, Voucher, compute_amount
from serving import verifying
from serving.check_view import CheckView, Docket
from serving.opening import PATH
from serving.verifying import (
    AT_ONCE,
    FILE_NAME,
    MAX_OPENING,
    Verifier,
    compute_opening_bytes,
    fetch_url,
    keep_verifying,
)
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Person, make_genesis
from tests.chain.market import VOUCHER_KEY, serving_key_of
from tests.serving.market import key_of, submit
from tests.serving.test_checking import PROMPT, Server, make_opener, open_one, open_server
from wire.gonka.inference.v1 import check_pb2
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.inference.v1 import tx_pb2 as tx
from wire.gonka.sidecar.v1 import inference_pb2 as sidecar_pb
from wire.openai.web import answer_errors
from wire.sealing import compute_opening_context, seal_opening
from wire.vouchers import sign_voucher

PARAMS = replace(MINIMAL, sprint=replace(MINIMAL.sprint, dispute_commit_blocks=240, dispute_reveal_blocks=30))
WITHIN_S = 100.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A chain on which Bob and Cat offer one model, and Bob's URL."""

    chain: str
    home: Path
    model: pb.Model
    url: str


async def read_model(target: str) -> pb.Model:
    async with InferenceStub.open(target) as stub:
        (model,) = await stub.models()
    return pb.Model(
        name=model.name,
        content_hash=model.content_hash,
        tokenizer_hash=model.tokenizer_hash,
        units_per_token_in=1,
        units_per_token_out=3,
        max_context=model.max_context,
        base_price_ngonka=10**7,
    )


@asynccontextmanager
async def serve_samples(server: Server, ledger: CosmosLedger) -> AsyncIterator[str]:
    """Bob's samples, over HTTP."""
    opener = make_opener(server, CheckView(ledger=ledger))
    app = web.Application(middlewares=[answer_errors])
    app.router.add_get(PATH, opener.serve)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def offer(place: Place, person: Person, url: str) -> None:
    await submit(
        place.chain,
        place.home / person.text,
        person,
        tx.MsgSetServingKey(host=person.text, serving_pubkey=serving_key_of(person).public_key),
        tx.MsgSetOffer(host=person.text, model_ids=[place.model.model_id], endpoint=url),
    )


async def settle(place: Place, ledger: CosmosLedger, bob: Server) -> int:
    """Dan opens an escrow, Bob answers twice and settles."""
    message = tx.MsgOpenEscrow(
        developer=DAN.text,
        model_id=place.model.model_id,
        deposit_ngonka=10**10,
        voucher_pubkey=VOUCHER_KEY.public_key,
        max_price_in_ngonka=2**63,
        max_price_out_ngonka=2**63,
    )
    await submit(place.chain, place.home / "dan", DAN, message)
    request = query.QueryEscrowsRequest(developer=DAN.text)
    (escrow,) = (await ledger.query("/gonka.inference.v1.Query/Escrows", request, query.QueryEscrowsResponse)).escrows
    answers = [await bob.answer(place.model.model_id, escrow.escrow_id, f"Question {n}?") for n in range(2)]
    tokens = Tokens(
        tokens_in=sum(len(answer.prompt) for answer in answers),
        tokens_out=sum(len(answer.tokens) for answer in answers),
    )
    price = Price(in_ngonka=escrow.price_in_ngonka, out_ngonka=escrow.price_out_ngonka)
    voucher = Voucher(
        chain_id=CHAIN_ID,
        escrow_id=escrow.escrow_id,
        host=bob.host,
        model_id=place.model.model_id,
        serial=1,
        tokens=tokens,
        amount_ngonka=compute_amount(tokens, price),
    )
    signed = sign_voucher(VOUCHER_KEY.secret, voucher)
    bob.journal.keep_voucher(signed, tokens)
    batch = bob.journal.plan_batch(escrow.escrow_id, 0)
    assert batch is not None
    settled = tx.MsgSettleVoucher(sender=BOB.text, voucher=signed, receipts_root=batch.root, receipts_count=batch.count)
    await submit(place.chain, place.home / BOB.text, BOB, settled)
    bob.journal.end_batch(batch, Fate.APPLIED, is_settled=True)
    return int(escrow.escrow_id)


async def judge(place: Place, ledger: CosmosLedger, cat: Server, session: aiohttp.ClientSession) -> check_pb2.Conduct:
    """Cat verifies until Bob's answers were judged."""
    key = key_of(serving_key_of(CAT))
    with FileOutbox.open(place.home / "cat-serving", chain_id=CHAIN_ID, address=key.address) as outbox:

        async def pause() -> None:
            await asyncio.sleep(0.05)

        verifier = Verifier(
            view=CheckView(ledger=ledger),
            sidecar=cat.stub,
            orders=Sender(ledger=ledger, outbox=outbox, signer=key, chain_id=CHAIN_ID, pause=pause),
            fetch=partial(fetch_url, session),
            key=key,
            home=place.home / "cat-serving",
            chain_id=CHAIN_ID,
            host=CAT.text,
            entropy=secrets.token_bytes,
        )
        loop = asyncio.create_task(keep_verifying(verifier))
        try:
            while True:
                request = check_pb2.QueryConductRequest(host=BOB.text)
                path = "/gonka.inference.v1.CheckQuery/Conduct"
                conduct = (await ledger.query(path, request, check_pb2.QueryConductResponse)).conduct
                if conduct and conduct[0].rounds:
                    return conduct[0]
                assert not loop.done(), loop.exception()
                await asyncio.sleep(0.2)
        finally:
            loop.cancel()


async def verify_for_real(target: str, chain: str, home: Path, *, reachable: bool) -> check_pb2.Conduct:
    async with (
        CosmosLedger.open(chain) as ledger,
        open_server(BOB, target, home / "bob") as bob,
        open_server(CAT, target, home / "cat") as cat,
        serve_samples(bob, ledger) as url,
        aiohttp.ClientSession() as session,
    ):
        answer = await ledger.query(
            "/gonka.inference.v1.Query/Models", query.QueryModelsRequest(), query.QueryModelsResponse
        )
        place = Place(chain=chain, home=home, model=answer.models[0], url=url)
        await offer(place, BOB, url if reachable else "http://127.0.0.1:9")
        await offer(place, CAT, "https://cat.example")
        await settle(place, ledger, bob)
        async with asyncio.timeout(WITHIN_S):
            conduct = await judge(place, ledger, cat, session)
        promised = check_pb2.MsgRevealReports.FromString((home / "cat-serving" / FILE_NAME).read_bytes())
        assert promised.host == CAT.text
        return conduct


@pytest.mark.parametrize(
    ("reachable", "reputation", "why"),
    [(True, 1, "good answers, delivered"), (False, 0, "nothing is delivered")],
)
def test_verifier__beside_a_real_chain__reports_what_it_found(
    sidecar: str, tmp_path: Path, reachable: bool, reputation: int, why: str
) -> None:
    model = asyncio.run(read_model(sidecar))
    chain_home = tmp_path / "chain"
    chain_home.mkdir()
    (chain_home / GENESIS_FILE).write_bytes(make_genesis(PARAMS, models=(model,)))
    with run_chain(chain_home, PARAMS) as chain:
        conduct = asyncio.run(verify_for_real(sidecar, chain, tmp_path, reachable=reachable))
    assert conduct.reputation == reputation, why
    assert conduct.rounds == 1
    wealth = int.from_bytes(conduct.wealth, "big")
    assert (wealth < 2**63) == reachable


HANGING = tuple(range(2, 42))
"""Escrows of Bob's, who takes every connection and never answers; Ann delivers for escrow 1."""


@dataclass
class Bench:
    """A chain, a sidecar and the hosts' answers, as a verifier meets them in REVEAL."""

    lots: tuple[check_pb2.Lot, ...]
    answer: bytes = b""
    seed: bytes = bytes(32)
    score_s: float = 0.0
    fetching: int = 0
    most_fetching: int = 0
    fetched: list[str] = field(default_factory=list)
    sent: list[Order] = field(default_factory=list)

    async def read_docket(self, _verifier: str) -> Docket:
        return Docket(
            epoch=7,
            seed=self.seed,
            phase=Phase.REVEAL,
            last_height=50,
            blocks=30,
            block_ms=100,
            lots=self.lots,
            sent=check_pb2.ReportSet(),
        )

    async def read_models(self) -> dict[bytes, pb.Model]:
        return {b"m" * 32: pb.Model(name="tiny")}

    async def read_escrow(self, escrow_id: int) -> pb.Escrow:
        reserves = [pb.Reserve(host=person.text, tokens_in=2, tokens_out=2) for person in (ANN, BOB)]
        return pb.Escrow(escrow_id=escrow_id, voucher_pubkey=VOUCHER_KEY.public_key, reserves=reserves)

    async def read_credit_tokens(self) -> int:
        return 0

    async def read_offer(self, host: str) -> pb.Offer:
        return pb.Offer(host=host, endpoint=f"https://{host}")

    async def models(self) -> tuple[sidecar_pb.LoadedModel, ...]:
        return (sidecar_pb.LoadedModel(max_context=16, vocabulary=100),)

    async def score(self, request: sidecar_pb.ScoreRequest) -> tuple[sidecar_pb.TokenScore, ...]:
        await asyncio.sleep(self.score_s)
        return tuple(sidecar_pb.TokenScore() for _ in request.answer)

    async def fetch(self, url: str, most_bytes: int) -> bytes:
        assert most_bytes < MAX_OPENING
        self.fetched.append(url)
        self.fetching += 1
        self.most_fetching = max(self.most_fetching, self.fetching)
        try:
            if BOB.text in url:
                await asyncio.Event().wait()
            return self.answer
        finally:
            self.fetching -= 1

    async def send(self, order: Order) -> Outcome:
        self.sent.append(order)
        return Outcome(order_id=order.order_id, fate=Fate.APPLIED, result=TxResult(tx_hash="", height=9, code=0))


def make_bench() -> Bench:
    """Ann's lot comes last."""
    case, opening = open_one(PROMPT, [3, 4])
    context = compute_opening_context(CHAIN_ID, 7, 1, case.host, Host(decode_address(CAT.text)))
    sealed = seal_opening(opening, serving_key_of(CAT).public_key, context, secrets.token_bytes(32))
    hanging = []
    for number in HANGING:
        lot = check_pb2.Lot()
        lot.CopyFrom(case.lot)
        lot.escrow_id, lot.host = number, BOB.text
        hanging.append(lot)
    return Bench(lots=(*hanging, case.lot), answer=sealed.SerializeToString())


async def attend(bench: Bench, home: Path) -> list[check_pb2.Report]:
    """What is promised in one look, within the time until commitments close."""
    verifier = Verifier(
        view=bench,  # type: ignore[arg-type]  # what it asks of a view
        sidecar=bench,  # type: ignore[arg-type]  # a prompt of tokens is not rendered
        orders=bench,
        fetch=bench.fetch,
        key=key_of(serving_key_of(CAT)),
        home=home,
        chain_id=CHAIN_ID,
        host=CAT.text,
        entropy=secrets.token_bytes,
    )
    async with asyncio.timeout(3.0):
        await verifier.attend()
    assert all(order.last_height == 50 for order in bench.sent)
    assert [order.order_id for order in bench.sent] == ["reports/7/commit"]
    return list(check_pb2.MsgRevealReports.FromString((home / FILE_NAME).read_bytes()).reports)


def test_attend__a_host_that_hangs_with_many_lots__is_reported_and_takes_no_time_from_others(tmp_path: Path) -> None:
    bench = make_bench()
    reports = asyncio.run(attend(bench, tmp_path))
    assert [report.escrow_id for report in reports] == [*HANGING, 1]
    assert {(report.host, report.distance_ppm) for report in reports[:-1]} == {(BOB.text, WORST_PPM)}
    assert (reports[-1].host, reports[-1].tokens, reports[-1].distance_ppm) == (ANN.text, 2, 0)
    assert 1 < bench.most_fetching <= AT_ONCE


def test_attend__a_model_too_slow_for_the_window__accuses_nobody_and_promises_in_time(tmp_path: Path) -> None:
    bench = replace(make_bench(), score_s=60.0)
    reports = asyncio.run(attend(bench, tmp_path))
    assert (reports[-1].tokens, reports[-1].distance_ppm) == (0, 0)


def test_attend__many_lots__all_verifiers_take_them_in_one_order_that_each_epoch_draws(tmp_path: Path) -> None:
    orders = []
    for number in range(8):  # two verifiers in each of four epochs
        bench = make_bench()
        copies = [check_pb2.Lot() for _ in range(6)]
        for escrow_id, copy in enumerate(copies, start=1):
            copy.CopyFrom(bench.lots[-1])
            copy.escrow_id = escrow_id
        bench.lots, bench.seed = tuple(copies), bytes([number // 2]) * 32
        (home := tmp_path / str(number)).mkdir()
        reports = asyncio.run(attend(bench, home))
        assert [report.escrow_id for report in reports] == [1, 2, 3, 4, 5, 6]
        orders.append(tuple(url.split("/")[-2] for url in bench.fetched))
    assert orders[::2] == orders[1::2]
    assert len(set(orders)) > 1
    assert {frozenset(order) for order in orders} == {frozenset("123456")}


def test_attend__a_promise_that_cannot_be_read__is_set_aside_and_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff" * 9)
    bench = make_bench()
    bench.lots = bench.lots[-1:]
    (report,) = asyncio.run(attend(bench, tmp_path))
    assert report.tokens == 2
    assert [path.read_bytes() for path in tmp_path.glob("*.damaged")] == [b"\xff" * 9]


class Stumbling(Bench):
    """A bench where what Bob delivers makes the verifier fail in a way that nobody foresaw."""

    async def fetch(self, url: str, most_bytes: int) -> bytes:
        if BOB.text in url:
            raise LookupError("nobody foresaw this")
        return await super().fetch(url, most_bytes)


def test_attend__what_nobody_foresaw__ends_no_other_check_and_accuses_nobody(tmp_path: Path) -> None:
    bench = make_bench()
    reports = asyncio.run(attend(Stumbling(lots=bench.lots[-2:], answer=bench.answer), tmp_path))
    assert [(report.tokens, report.distance_ppm) for report in reports] == [(0, 0), (2, 0)]


@pytest.mark.parametrize("endpoint", ["http://[:::::]", "http://[::ffff:1.2.3.4.5]", "http://[12345::]"])
def test_fetch_url__an_endpoint_that_the_chain_took_and_that_is_no_address__is_nothing(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_endpoint(endpoint)
    monkeypatch.setattr(verifying, "AGAIN_S", 0.0)

    async def scene() -> bytes | None:
        async with open_session((), connections=1) as session:
            return await fetch_url(session, endpoint, 1)

    assert asyncio.run(scene()) is None


@dataclass
class Deaf:
    """A verifier that hears nothing from its chain at first."""

    looks: int = 0

    async def attend(self) -> float:
        self.looks += 1
        if self.looks < 4:
            raise TransientError("chain_unreachable", "nobody there")
        return 0.0 if self.looks == 4 else WITHIN_S


def test_keep_verifying__while_the_chain_cannot_be_asked__says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "AFTER_FAILURE_S", 0.0)
    verifier = Deaf()

    async def run() -> None:
        loop = asyncio.create_task(keep_verifying(verifier))  # type: ignore[arg-type]  # what is asked of one
        async with asyncio.timeout(WITHIN_S):
            while verifier.looks < 5:  # noqa: ASYNC110 - the loop's
                await asyncio.sleep(0.01)
        loop.cancel()

    with capture_logs() as logs:
        asyncio.run(run())
    assert [line["event"] for line in logs] == ["verifying_postponed", "verifying_works_again"]


def test_compute_opening_bytes__few_requests_are_drawn__little_is_taken() -> None:
    one = check_pb2.Lot(samples=[check_pb2.Sample(positions=[3])])
    many = check_pb2.Lot(samples=[check_pb2.Sample(positions=range(64))])
    assert 2 * (2 << 20) < compute_opening_bytes(one, 8192) < 8 << 20
    assert compute_opening_bytes(many, 1 << 17) == MAX_OPENING


def test_fetch_url__more_than_is_owed__is_nothing() -> None:
    async def scene() -> list[bytes | None]:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=b"x" * 1000)

        app = web.Application()
        app.router.add_get("/", answer)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            return [await fetch_url(session, str(server.make_url("/")), most) for most in (999, 1000)]

    assert asyncio.run(scene()) == [None, b"x" * 1000]
