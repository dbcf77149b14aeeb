"""Answers of real sidecars are settled, drawn, opened, scored and judged on a chain: a cheat is found, no one else."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from chain.modules.inference import checks_state, state
from chain_client.errors import PermanentError
from chain_client.inference_stub import InferenceStub
from chain_client.transactions import Fate
from rules.addresses import decode_address, encode_address
from rules.answers import Answer, Receipt, Report, answer_seed, build_receipt_tree, compute_receipt_hash
from rules.evidence import WORST_PPM
from rules.types import Host, Phase
from rules.vouchers import Ticket, Tokens, request_seed
from serving.checking import Case, check_lot, read_body
from serving.database import Database
from serving.journal import Journal
from serving.opening import LotSource, Opener
from serving.placing import Trees
from serving.sampling import build_sampling
from tests.chain.court import NULL, Court, commitment_of
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, Person
from tests.chain.market import VOUCHER_KEY, serving_key_of
from tests.chain.network import SALT
from tests.serving.stack import run_sidecar
from wire.gonka.inference.v1 import check_pb2
from wire.gonka.inference.v1.check_pb2 import MsgRevealReports
from wire.gonka.inference.v1.tx_pb2 import MsgSettleVoucher
from wire.gonka.sidecar.v1 import inference_pb2 as pb
from wire.openai.errors import ApiError
from wire.openai.prompts import read_chat
from wire.openai.requests import ChatRequest
from wire.sealing import compute_opening_context, open_sealed
from wire.vouchers import sign_ticket

TOKENS = 24
REQUESTS = 2


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sidecar with the model that is paid for."""
    with run_sidecar(tmp_path_factory.mktemp("honest")) as target:
        yield target


@pytest.fixture(scope="module")
def cheat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sidecar with other weights of the same shape."""
    with run_sidecar(tmp_path_factory.mktemp("cheat"), seed=1) as target:
        yield target


class Lots:
    """The chain, as an Opener looks at it."""

    def __init__(self, court: Court) -> None:
        self._court = court

    async def read_lots(self, host: Host) -> tuple[int, tuple[check_pb2.Lot, ...]]:
        lots = [lot for lot in self._court.lots() if decode_address(lot.host) == host]
        return self._court.network.epoch, tuple(lots)

    async def read_serving_key(self, host: Host) -> bytes:
        offer = state.get_offer(self._court.network.store, host)
        return offer.serving_pubkey if offer else b""


@dataclass
class Server:
    """A host that answers with whatever its sidecar runs, and keeps what it must."""

    person: Person
    stub: InferenceStub
    model: pb.LoadedModel
    journal: Journal
    requests: dict[int, int] = field(default_factory=dict)

    @property
    def host(self) -> Host:
        return Host(self.person.address)

    async def answer(self, model_id: bytes, escrow_id: int, content: str) -> Answer:
        """Work as serving does, on a request that the developer signed."""
        number = self.requests[escrow_id] = self.requests.get(escrow_id, 0) + 1
        asked = {"model": "tiny", "messages": [{"role": "user", "content": content}], "temperature": 1.0}
        body = json.dumps(asked | {"max_tokens": TOKENS}).encode()
        ticket = Ticket(
            chain_id=CHAIN_ID,
            escrow_id=escrow_id,
            host=self.host,
            model_id=model_id,
            request=number,
            developer_nonce=secrets.token_bytes(32),
            body_hash=sha256(body).digest(),
        )
        nonce = secrets.token_bytes(32)
        assert self.journal.open_request(escrow_id, number, nonce)
        seed = request_seed(CHAIN_ID, escrow_id, number, ticket.developer_nonce, nonce)
        chat = read_body(body)
        assert isinstance(chat, ChatRequest)
        prompt = await read_chat(self.stub, self.model, chat)
        request = pb.GenerateRequest(
            request_id=f"{escrow_id}-{number}",
            content_hash=self.model.content_hash,
            prompt=prompt,
            sampling=build_sampling(chat, answer_seed(seed, 0)),
            max_tokens=TOKENS,
            allowance_tokens=1 << 40,
        )
        tokens = [token.token async for chunk in self.stub.generate(request) for token in chunk.tokens]
        answered = Answer(prompt=prompt, tokens=tuple(tokens))
        receipt = Receipt(
            chain_id=CHAIN_ID,
            escrow_id=escrow_id,
            host=self.host,
            request=number,
            body_hash=ticket.body_hash,
            developer_nonce=ticket.developer_nonce,
            host_nonce=nonce,
            answers=(answered,),
            salt=secrets.token_bytes(32),
        )
        self.journal.keep_answer(receipt, body, sign_ticket(VOUCHER_KEY.secret, ticket), Tokens())
        return answered

    def settle(self, court: Court, escrow_id: int, tokens: Tokens) -> None:
        voucher = court.market.voucher(escrow_id, self.person, 1, tokens)
        self.journal.keep_voucher(voucher, tokens)
        batch = self.journal.plan_batch(escrow_id, court.network.epoch)
        assert batch is not None
        court.network.send(
            MsgSettleVoucher(
                sender=self.person.text, voucher=voucher, receipts_root=batch.root, receipts_count=batch.count
            )
        )
        self.journal.end_batch(batch, Fate.APPLIED, is_settled=True)


@asynccontextmanager
async def open_server(person: Person, target: str, home: Path) -> AsyncIterator[Server]:
    database = Database.open(home, chain_id=CHAIN_ID, host=Host(person.address))
    try:
        async with InferenceStub.open(target) as stub:
            journal = Journal(database, chain_id=CHAIN_ID, host=Host(person.address))
            yield Server(person=person, stub=stub, model=(await stub.models())[0], journal=journal)
    finally:
        database.close()


def make_opener(server: Server, source: LotSource, now_s: Callable[[], float] = time.monotonic) -> Opener:
    """What opens a server's answers to verifiers."""
    return Opener(
        book=server.journal,
        source=source,
        trees=Trees(server.journal),
        chain_id=CHAIN_ID,
        host=server.host,
        entropy=secrets.token_bytes,
        now_s=now_s,
    )


async def serve_and_settle(court: Court, server: Server, escrow_id: int) -> None:
    answers = [
        await server.answer(court.market.model_id, escrow_id, f"Question {number} of {escrow_id}?")
        for number in range(REQUESTS)
    ]
    read, written = sum(len(a.prompt) for a in answers), sum(len(a.tokens) for a in answers)
    server.settle(court, escrow_id, Tokens(tokens_in=read, tokens_out=written))


async def verify(court: Court, verifier: Server, lot: check_pb2.Lot, prover: Server) -> Report:
    """Ask the host, unseal, score."""
    opener = make_opener(prover, Lots(court))
    sealed = await opener.open(court.network.epoch, lot.escrow_id, verifier.host)
    context = compute_opening_context(CHAIN_ID, court.network.epoch, lot.escrow_id, prover.host, verifier.host)
    opening = open_sealed(sealed, serving_key_of(verifier.person).secret, context)
    return await check_lot(verifier.stub, case_of(court, verifier, lot), opening)


def case_of(court: Court, verifier: Server, lot: check_pb2.Lot) -> Case:
    escrow = court.market.find(lot.escrow_id)
    (reserve,) = [reserve for reserve in escrow.reserves if reserve.host == lot.host]
    return Case(
        chain_id=CHAIN_ID,
        host=Host(decode_address(lot.host)),
        lot=lot,
        voucher_pubkey=escrow.voucher_pubkey,
        settled=Tokens(tokens_in=reserve.tokens_in, tokens_out=reserve.tokens_out),
        credit_tokens=0,
        model=verifier.model,
    )


async def report_all(court: Court, verifier: Server, provers: dict[str, Server]) -> MsgRevealReports:
    lots = checks_state.scan_seated(court.network.store, Host(verifier.person.address))
    found = [await verify(court, verifier, lot, provers[lot.host]) for lot in lots]
    reports = [
        check_pb2.Report(
            escrow_id=r.escrow_id, host=encode_address(r.host), tokens=r.tokens, distance_ppm=r.distance_ppm
        )
        for r in found
    ]
    text = verifier.person.text
    return MsgRevealReports(sender=text, host=text, epoch=court.network.epoch, salt=SALT, reports=reports)


async def judge(court: Court, servers: tuple[Server, ...]) -> None:
    """From SERVE to the next SERVE, with everyone's reports."""
    court.network.play(Phase.REVEAL)
    provers = {server.person.text: server for server in servers}
    seated = {seat.verifier for lot in court.lots() for seat in lot.seats}
    reports = [await report_all(court, server, provers) for server in servers if server.person.text in seated]
    for message in reports:
        court.network.send(commitment_of(court.network, message))
    court.network.play(Phase.DISPUTE_REVEAL)
    for message in reports:
        court.network.send(message)
    court.network.play(Phase.SERVE)


async def condemn(honest: str, cheat: str, home: Path) -> Court:
    """Ann serves another model than Bob and Cat; all three settle three escrows in each of three epochs."""
    court = Court()
    court.network.play(Phase.SERVE)
    async with AsyncExitStack() as stack:
        ann, bob, cat = [
            await stack.enter_async_context(open_server(person, target, home / person.text))
            for person, target in ((ANN, cheat), (BOB, honest), (CAT, honest))
        ]
        assert ann.model.content_hash != bob.model.content_hash
        for _ in range(3):
            for _ in range(3):
                escrow_id = court.market.escrow()
                for server in (ann, bob, cat):
                    await serve_and_settle(court, server, escrow_id)
            await judge(court, (ann, bob, cat))
    return court


def test_a_host_that_serves_another_model_is_condemned_and_nobody_else(honest: str, cheat: str, tmp_path: Path) -> None:
    court = asyncio.run(condemn(honest, cheat, tmp_path))
    (condemned,) = court.network.named("answers_condemned")
    assert condemned["host"] == ANN.text
    assert court.conduct(ANN).reputation == 0
    for person in (BOB, CAT):
        assert court.conduct(person).reputation > 0
        assert court.network.record(person).slashed_ngonka == 0


Spoil = Callable[[check_pb2.Opening], None]


def say_another_token(opening: check_pb2.Opening) -> None:
    opening.samples[0].requests[0].answers[0].tokens[0] ^= 1


def leave_out_an_answer(opening: check_pb2.Opening) -> None:
    del opening.samples[0].requests[0].answers[0]


def change_the_body(opening: check_pb2.Opening) -> None:
    opening.samples[0].requests[0].body += b" "


def forge_the_ticket(opening: check_pb2.Opening) -> None:
    opening.samples[0].requests[0].ticket.request += 1


def choose_the_nonce(opening: check_pb2.Opening) -> None:
    opening.samples[0].requests[0].host_nonce = bytes(32)


def show_one_request_twice(opening: check_pb2.Opening) -> None:
    opening.samples[0].requests[1].CopyFrom(opening.samples[0].requests[0])


def show_one_less(opening: check_pb2.Opening) -> None:
    del opening.samples[0].requests[1]


def lose_the_proof(opening: check_pb2.Opening) -> None:
    del opening.samples[0].splits[:]


def show_nothing(opening: check_pb2.Opening) -> None:
    opening.Clear()


SPOILS: tuple[Spoil, ...] = (
    say_another_token,
    leave_out_an_answer,
    change_the_body,
    forge_the_ticket,
    choose_the_nonce,
    show_one_request_twice,
    show_one_less,
    lose_the_proof,
    show_nothing,
)


async def spoil_everything(honest: str, home: Path) -> None:
    """One lot of two requests, delivered in every wrong way, and to a stranger, and late."""
    court = Court()
    court.network.play(Phase.SERVE)
    async with open_server(BOB, honest, home / "bob") as bob, open_server(CAT, honest, home / "cat") as cat:
        await serve_and_settle(court, bob, court.market.escrow())
        court.network.play(Phase.REVEAL)
        (lot,) = court.lots()
        opener = make_opener(bob, Lots(court))
        samples = [await opener.open_sample(lot, sample) for sample in lot.samples]
        good = await check_lot(cat.stub, case_of(court, cat, lot), check_pb2.Opening(samples=samples))
        assert good.distance_ppm <= NULL
        assert good.tokens > 0
        for spoil in SPOILS:
            opening = check_pb2.Opening(samples=samples)
            spoil(opening)
            report = await check_lot(cat.stub, case_of(court, cat, lot), opening)
            assert (report.distance_ppm, report.tokens) == (WORST_PPM, 0), spoil.__name__
        nothing = await check_lot(cat.stub, case_of(court, cat, lot), None)
        assert nothing.distance_ppm == WORST_PPM
        epoch = court.network.epoch
        assert await opener.open(epoch, lot.escrow_id, cat.host) == await opener.open(epoch, lot.escrow_id, cat.host)
        for wrong in [(epoch + 1, lot.escrow_id, cat), (epoch, lot.escrow_id + 1, cat), (epoch, lot.escrow_id, bob)]:
            with pytest.raises(ApiError, match="sample_not_found"):
                await opener.open(wrong[0], wrong[1], wrong[2].host)


def test_check_lot__delivered_in_any_wrong_way__is_as_far_as_can_be(honest: str, tmp_path: Path) -> None:
    asyncio.run(spoil_everything(honest, tmp_path))


class Deaf:
    """A scorer that must not be asked: what it would refuse must be found out before."""

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        raise PermanentError("sidecar_refused", "asked to render")

    async def score(self, request: pb.ScoreRequest) -> tuple[pb.TokenScore, ...]:
        raise PermanentError("sidecar_refused", "asked to score")


def open_one(body: bytes, tokens: list[int]) -> tuple[Case, check_pb2.Opening]:
    """A lot of one receipt that host and developer agreed on, whole and rightly hung."""
    host, model_id = Host(ANN.address), b"m" * 32
    ticket = Ticket(
        chain_id=CHAIN_ID,
        escrow_id=1,
        host=host,
        model_id=model_id,
        request=1,
        developer_nonce=bytes(32),
        body_hash=sha256(body).digest(),
    )
    receipt = Receipt(
        chain_id=CHAIN_ID,
        escrow_id=1,
        host=host,
        request=1,
        body_hash=ticket.body_hash,
        developer_nonce=bytes(32),
        host_nonce=bytes(32),
        answers=(Answer(prompt=(1, 2), tokens=tuple(tokens)),),
        salt=bytes(32),
    )
    root = build_receipt_tree([(1, compute_receipt_hash(receipt))]).root
    sample = check_pb2.Sample(serial=1, root=root, count=1, positions=[0])
    lot = check_pb2.Lot(escrow_id=1, host=ANN.text, model_id=model_id, samples=[sample])
    opened = check_pb2.OpenedRequest(
        ticket=sign_ticket(VOUCHER_KEY.secret, ticket),
        body=body,
        host_nonce=bytes(32),
        salt=bytes(32),
        answers=[check_pb2.OpenedAnswer(tokens=tokens)],
    )
    model = pb.LoadedModel(max_context=16, vocabulary=100)
    case = Case(
        chain_id=CHAIN_ID,
        host=host,
        lot=lot,
        voucher_pubkey=VOUCHER_KEY.public_key,
        settled=Tokens(tokens_in=2, tokens_out=len(tokens)),
        credit_tokens=0,
        model=model,
    )
    return case, check_pb2.Opening(samples=[check_pb2.OpenedSample(requests=[opened])])


PROMPT = b'{"model": "tiny", "prompt": [1, 2]}'


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        pytest.param(b"5", [3], id="a body that is no object"),
        pytest.param(b"[" * 100_000, [3], id="a body without a floor"),
        pytest.param(b'{"prompt": "' + b"\xff" * 9 + b'"}', [3], id="a body that is no text"),
        pytest.param(PROMPT, [3, 100], id="a token outside of the vocabulary"),
        pytest.param(PROMPT, [3] * 15, id="more tokens than the model holds"),
        pytest.param(PROMPT[:-1] + b', "logit_bias": {"100": 1}}', [3], id="a bias for no token of the vocabulary"),
    ],
)
def test_check_lot__what_no_honest_host_answers__is_held_against_the_host_and_stops_nobody(
    body: bytes, tokens: list[int]
) -> None:
    case, opening = open_one(body, tokens)
    report = asyncio.run(check_lot(Deaf(), case, opening))
    assert (report.distance_ppm, report.tokens) == (WORST_PPM, 0)


class Strict(Deaf):
    """Its model's template refuses every conversation, as that of each host that has the model."""

    async def render(self, request: pb.RenderRequest) -> tuple[int, ...]:
        raise PermanentError("sidecar_refused", "roles must alternate", sidecar_code="chat_invalid")


def test_check_lot__a_conversation_that_the_template_refuses__is_held_against_who_answered_it() -> None:
    case, opening = open_one(b'{"model": "tiny", "messages": [{"role": "user", "content": "?"}]}', [3])
    report = asyncio.run(check_lot(Strict(), replace(case, model=pb.LoadedModel(max_context=64)), opening))
    assert (report.distance_ppm, report.tokens) == (WORST_PPM, 0)


def test_check_lot__the_sidecar_is_away__nobody_is_accused() -> None:
    case, opening = open_one(b'{"model": "tiny", "messages": [{"role": "user", "content": "?"}]}', [3])
    with pytest.raises(PermanentError):
        asyncio.run(check_lot(Deaf(), replace(case, model=pb.LoadedModel(max_context=64)), opening))


@dataclass
class Counter(Deaf):
    """A scorer for which every token is what it would have drawn."""

    scored: int = 0

    async def score(self, request: pb.ScoreRequest) -> tuple[pb.TokenScore, ...]:
        self.scored += len(request.answer)
        return tuple(pb.TokenScore() for _ in request.answer)


@pytest.mark.parametrize(
    ("settled", "credit_tokens", "is_scored"),
    [
        pytest.param(Tokens(tokens_in=2, tokens_out=3), 0, True, id="all settled"),
        pytest.param(Tokens(tokens_in=0, tokens_out=1), 4, True, id="within the credit"),
        pytest.param(Tokens(tokens_in=2, tokens_out=2), 0, False, id="more written than settled"),
        pytest.param(Tokens(tokens_in=1, tokens_out=9), 0, False, id="more read than settled"),
        pytest.param(Tokens(tokens_in=0, tokens_out=1), 3, False, id="more than the credit"),
    ],
)
def test_check_lot__more_tokens_than_were_settled__are_no_delivery_and_are_not_scored(
    settled: Tokens, credit_tokens: int, is_scored: bool
) -> None:
    case, opening = open_one(PROMPT, [3, 4, 5])
    scorer = Counter()
    report = asyncio.run(check_lot(scorer, replace(case, settled=settled, credit_tokens=credit_tokens), opening))
    assert scorer.scored == (3 if is_scored else 0)
    assert report.distance_ppm == (0 if is_scored else WORST_PPM)
