"""A verifier beside a real chain: it fetches over HTTP, scores with a real sidecar, promises, and reveals."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from chain.process import GENESIS_FILE
from chain_client.cosmos import CosmosLedger
from chain_client.inference_stub import InferenceStub
from chain_client.outbox import FileOutbox
from chain_client.sender import Sender
from chain_client.transactions import Fate
from rules.presets import MINIMAL
from rules.vouchers import Price, Tokens, Voucher, compute_amount
from serving.check_view import CheckView
from serving.opening import PATH, Opener
from serving.verifying import FILE_NAME, Verifier, fetch_url, keep_verifying
from tests.chain.api.running import run_chain
from tests.chain.ledger import BOB, CAT, CHAIN_ID, DAN, Person, make_genesis
from tests.chain.market import VOUCHER_KEY, serving_key_of
from tests.serving.market import key_of, submit
from tests.serving.test_checking import Server, open_server
from wire.gonka.inference.v1 import check_pb2
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.inference.v1 import tx_pb2 as tx
from wire.openai.web import answer_errors
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
    opener = Opener(
        server.journal, CheckView(ledger=ledger), chain_id=CHAIN_ID, host=server.host, entropy=secrets.token_bytes
    )
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
        verifying = asyncio.create_task(keep_verifying(verifier))
        try:
            while True:
                request = check_pb2.QueryConductRequest(host=BOB.text)
                path = "/gonka.inference.v1.CheckQuery/Conduct"
                conduct = (await ledger.query(path, request, check_pb2.QueryConductResponse)).conduct
                if conduct and conduct[0].rounds:
                    return conduct[0]
                assert not verifying.done(), verifying.exception()
                await asyncio.sleep(0.2)
        finally:
            verifying.cancel()


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
        conduct = await asyncio.wait_for(judge(place, ledger, cat, session), WITHIN_S)
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
