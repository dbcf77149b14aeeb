"""A real chain with a model, a host that serves it and an escrow that pays; and a developer who pays as told."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import aiohttp
from google.protobuf.message import Message

from chain.process import GENESIS_FILE
from chain_client.cosmos import CosmosLedger
from chain_client.inference_stub import InferenceStub
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.outbox import FileOutbox
from chain_client.sender import Sender
from chain_client.transactions import Fee, Order
from rules.addresses import decode_address
from rules.params import GNK, Params
from rules.presets import MINIMAL
from rules.types import Host
from rules.vouchers import Terms, Ticket, Tokens, Voucher, compute_amount, plan_signature
from serving.check_view import RECEIPTS, CheckView
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, Person, make_genesis, make_person
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.inference.v1 import receipt_pb2
from wire.gonka.inference.v1 import tx_pb2 as tx
from wire.openai.notes import (
    HOST_NONCE_HEADER,
    PROTOBUF,
    TICKET_HEADER,
    VOUCHER_HEADER,
    VOUCHERS_PATH,
    AnswerNote,
    Progress,
    encode_header,
    read_note,
)
from wire.openai.sse import DONE_TEXT, Comment, SseDecoder
from wire.vouchers import read_terms, sign_ticket, sign_voucher

PARAMS = replace(
    MINIMAL,
    sprint=replace(MINIMAL.sprint, genesis_blocks=100_000),
    inference=replace(MINIMAL.inference, min_deposit_ngonka=1_000, settles_per_epoch=1_000),
)
"""An epoch 0 that does not end: hosts keep their weight though nobody sprints."""
HOSTS = (ANN, BOB, CAT)
SERVING = make_person("serving")
VOUCHERS = make_person("vouchers")
DEPOSIT = 10 * GNK
BASE_PRICE = 10**8
LIFE_BLOCKS = 10_000


def key_of(person: Person) -> SigningKey:
    return SigningKey(Secret(person.secret))


@dataclass(frozen=True, kw_only=True)
class Market:
    """Where things are; the escrow's host is Bob, with the serving key of SERVING."""

    chain: str
    sidecar: str
    home: Path
    escrow: pb.Escrow
    model: pb.Model

    def terms_of(self, escrow: pb.Escrow) -> Terms:
        return read_terms(CHAIN_ID, escrow, Host(decode_address(BOB.text)), 256)


async def submit(target: str, home: Path, person: Person, *messages: Message) -> None:
    """Sends messages of a person and waits for the block; they must apply."""
    async with CosmosLedger.open(target) as ledger:
        with FileOutbox.open(home, chain_id=CHAIN_ID, address=person.text) as outbox:

            async def pause() -> None:
                await asyncio.sleep(0.05)

            sender = Sender(ledger=ledger, outbox=outbox, signer=key_of(person), chain_id=CHAIN_ID, pause=pause)
            last_height = (await ledger.latest()).height + LIFE_BLOCKS
            order = Order(
                order_id=secrets.token_hex(8),
                messages=messages,
                last_height=last_height,
                fee=Fee(gas_limit=6_000_000, amount_ngonka=6_000_000),
            )
            outcome = await sender.send(order)
            assert outcome.result.is_applied, outcome


async def read_escrow(target: str, escrow_id: int) -> pb.Escrow:
    async with CosmosLedger.open(target) as ledger:
        request = query.QueryEscrowRequest(escrow_id=escrow_id)
        return (await ledger.query("/gonka.inference.v1.Query/Escrow", request, query.QueryEscrowResponse)).escrow


async def open_escrow(target: str, home: Path, model_id: bytes, deposit: int = DEPOSIT) -> pb.Escrow:
    """Dan opens an escrow; returns it as the chain shows it."""
    message = tx.MsgOpenEscrow(
        developer=DAN.text,
        model_id=model_id,
        deposit_ngonka=deposit,
        voucher_pubkey=VOUCHERS.public_key,
        policy=pb.Policy(hosts=[BOB.text]),
        max_price_in_ngonka=2**63,
        max_price_out_ngonka=2**63,
    )
    await submit(target, home, DAN, message)
    async with CosmosLedger.open(target) as ledger:
        request = query.QueryEscrowsRequest(developer=DAN.text)
        escrows = (await ledger.query("/gonka.inference.v1.Query/Escrows", request, query.QueryEscrowsResponse)).escrows
        return max(escrows, key=lambda escrow: escrow.escrow_id)


async def read_model(sidecar: str) -> pb.Model:
    """The model that a sidecar serves, as the chain is to know it."""
    async with InferenceStub.open(sidecar) as stub:
        (model,) = await stub.models()
    return describe_model(
        name=model.name,
        content_hash=model.content_hash,
        tokenizer_hash=model.tokenizer_hash,
        max_context=model.max_context,
    )


def describe_model(*, name: str, content_hash: bytes, tokenizer_hash: bytes, max_context: int) -> pb.Model:
    return pb.Model(
        name=name,
        content_hash=content_hash,
        tokenizer_hash=tokenizer_hash,
        units_per_token_in=1,
        units_per_token_out=3,
        max_context=max_context,
        base_price_ngonka=BASE_PRICE,
    )


@contextmanager
def run_market(home: Path, sidecar: str) -> Iterator[Market]:
    """A chain in a thread that never leaves epoch 0, with the model of a sidecar."""
    with run_market_for(home, asyncio.run(read_model(sidecar)), PARAMS, sidecar) as market:
        yield market


@contextmanager
def run_market_for(home: Path, model: pb.Model, params: Params, sidecar: str = "") -> Iterator[Market]:
    """A chain in a thread, Bob's offer of a model, his serving key, and one escrow."""
    chain_home = home / "chain"
    chain_home.mkdir()
    (chain_home / GENESIS_FILE).write_bytes(make_genesis(params, models=(model,), hosts=HOSTS))
    with run_chain(chain_home, params) as address:

        async def prepare() -> tuple[pb.Model, pb.Escrow]:
            async with CosmosLedger.open(address) as ledger:
                answer = await ledger.query(
                    "/gonka.inference.v1.Query/Models", query.QueryModelsRequest(), query.QueryModelsResponse
                )
            known = answer.models[0]
            await submit(
                address,
                home,
                BOB,
                tx.MsgSetServingKey(host=BOB.text, serving_pubkey=SERVING.public_key),
                tx.MsgSetOffer(host=BOB.text, model_ids=[known.model_id], endpoint="https://bob.example"),
            )
            return known, await open_escrow(address, home, known.model_id)

        known, escrow = asyncio.run(prepare())
        yield Market(chain=address, sidecar=sidecar, home=home, escrow=escrow, model=known)


async def read_settled(target: str, escrow_id: int) -> tuple[pb.Settled, ...]:
    """What Bob settled for an escrow, by serial."""
    async with CosmosLedger.open(target) as ledger:
        request = receipt_pb2.QuerySettledRequest(escrow_id=escrow_id, host=BOB.text)
        answer = await ledger.query(f"{RECEIPTS}/Settled", request, receipt_pb2.QuerySettledResponse)
        return tuple(answer.settled)


async def read_showings(target: str, escrow_id: int) -> tuple[receipt_pb2.Showing, ...]:
    """What is shown of an escrow."""
    async with CosmosLedger.open(target) as ledger:
        shown = await CheckView(ledger=ledger).read_showings(BOB.text)
    return tuple(showing for showing in shown if showing.receipt.escrow_id == escrow_id)


async def show(target: str, home: Path, receipt: receipt_pb2.SignedReceipt) -> None:
    """Dan, whose escrow it is, shows a receipt that Bob signed."""
    message = receipt_pb2.MsgShowReceipt(developer=DAN.text, receipt=receipt, serving_pubkey=SERVING.public_key)
    await submit(target, home, DAN, message)


@dataclass
class Stream:
    """One answer as the developer got it; `items` are its events and the notes of progress, in their order."""

    status: int
    text: str = ""
    events: list[dict[str, object]] = field(default_factory=list)
    items: list[str | Progress] = field(default_factory=list)
    ticket: pb.Ticket = field(default_factory=pb.Ticket)
    progress: Progress = field(default_factory=lambda: Progress(tokens_in=0, tokens_out=0, signed=0))
    note: AnswerNote | None = None
    done: bool = False
    error: str = ""
    host_nonce: str = ""
    most_unsigned: int = 0


class Developer:
    """Pays for what it gets, in order; `pays` may be switched off."""

    def __init__(self, url: str, terms: Terms) -> None:
        self.url = url
        self.terms = terms
        self.requests = 0
        self.serial = 0
        self.signed = Tokens()
        self.delivered = Tokens()
        self.pays = True
        self.newest: pb.Voucher | None = None

    def ticket(self, body: bytes, **changes: object) -> pb.Ticket:
        self.requests += 1
        words: dict[str, object] = {
            "chain_id": self.terms.chain_id,
            "escrow_id": self.terms.escrow_id,
            "host": self.terms.host,
            "model_id": self.terms.model_id,
            "request": self.requests,
            "developer_nonce": sha256(b"%d" % self.requests).digest(),
            "body_hash": sha256(body).digest(),
        }
        return sign_ticket(VOUCHERS.secret, Ticket(**(words | changes)))  # type: ignore[arg-type]

    def voucher(self, tokens: Tokens, serial: int, **changes: object) -> pb.Voucher:
        words: dict[str, object] = {
            "chain_id": self.terms.chain_id,
            "escrow_id": self.terms.escrow_id,
            "host": self.terms.host,
            "model_id": self.terms.model_id,
            "serial": serial,
            "tokens": tokens,
            "amount_ngonka": compute_amount(tokens, self.terms.price),
        }
        return sign_voucher(VOUCHERS.secret, Voucher(**(words | changes)))  # type: ignore[arg-type]

    def sign(self, wanted: Tokens) -> pb.Voucher | None:
        """The next voucher, for what is delivered and ahead of it, if there is anything to sign."""
        tokens = plan_signature(self.terms, self.delivered, self.signed, wanted)
        if tokens == self.signed or not self.pays:
            return None
        self.serial += 1
        self.signed = tokens
        self.newest = self.voucher(tokens, self.serial)
        return self.newest

    async def post(self, session: aiohttp.ClientSession, voucher: pb.Voucher) -> tuple[int, str]:
        headers = {"Content-Type": PROTOBUF}
        async with session.post(self.url + VOUCHERS_PATH, data=voucher.SerializeToString(), headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text)["error"]["code"] if text else ""

    async def ask(
        self,
        session: aiohttp.ClientSession,
        *,
        path: str = "/v1/chat/completions",
        headers: dict[str, str] | None = None,
        cut_after: int | None = None,
        **body: object,
    ) -> Stream:
        """One request as a stream, paid as it comes; cut off after so many events if told so."""
        asked = {"model": "tiny", "stream": True, "stream_options": {"include_usage": True}} | body
        if path == "/v1/chat/completions":
            asked.setdefault("messages", [{"role": "user", "content": "Hello"}])
        data = json.dumps(asked).encode()
        ticket = self.ticket(data)
        sent = {"Content-Type": "application/json", TICKET_HEADER: encode_header(ticket)}
        if self.newest is not None:
            sent[VOUCHER_HEADER] = encode_header(self.newest)
        async with session.post(self.url + path, data=data, headers=sent | (headers or {})) as answer:
            host_nonce = answer.headers.get(HOST_NONCE_HEADER, "")
            got = Stream(status=answer.status, host_nonce=host_nonce, ticket=ticket)
            if answer.status != 200:
                got.error = json.loads(await answer.text())["error"]["code"]
                return got
            decoder, before, events = SseDecoder(), Tokens(), 0
            async for piece in answer.content.iter_any():
                for event in decoder.feed(piece):
                    if isinstance(event, Comment):
                        before = await self._hear(session, event, got, before)
                        continue
                    events += 1
                    read_event(event.text, got)
                if cut_after is not None and events >= cut_after:
                    return got
            return got

    async def _hear(self, session: aiohttp.ClientSession, event: Comment, got: Stream, before: Tokens) -> Tokens:
        note = read_note(event.text)
        if isinstance(note, AnswerNote):
            got.note = note
        if not isinstance(note, Progress):
            return before
        got.progress = note
        got.items.append(note)
        now = Tokens(tokens_in=note.tokens_in, tokens_out=note.tokens_out)
        self.delivered = Tokens(
            tokens_in=self.delivered.tokens_in + now.tokens_in - before.tokens_in,
            tokens_out=self.delivered.tokens_out + now.tokens_out - before.tokens_out,
        )
        got.most_unsigned = max(got.most_unsigned, self.delivered.beyond(self.signed))
        if self.delivered.beyond(self.signed) >= 16 or now == before:
            voucher = self.sign(Tokens(tokens_in=64, tokens_out=64))
            if voucher is not None:
                status, code = await self.post(session, voucher)
                assert status == 204 or code == "voucher_stale", code
        return now


def read_event(text: str, got: Stream) -> None:
    if text == DONE_TEXT:
        got.done = True
        return
    event = json.loads(text)
    got.events.append(event)
    got.items.append(text)
    if "error" in event:
        got.error = event["error"]["code"]
    for choice in event.get("choices", ()):
        got.text += choice.get("delta", {}).get("content") or choice.get("text") or ""


@asynccontextmanager
async def connect() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        yield session


def poll(check: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits until `check` holds."""
    end_s = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end_s
        time.sleep(0.1)
