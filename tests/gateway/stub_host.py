"""A host's serving process without a model: it checks tickets, vouchers and credit, and writes words as fast as asked.

It speaks real HTTP.  What it does wrong is asked for by name, in `Habits`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web
from aiohttp.test_utils import unused_port
from coincurve import PrivateKey

from rules.addresses import encode_address
from rules.answers import Answer, Receipt, build_receipt_tree, compute_receipt_hash
from rules.claims import Tree
from rules.errors import RuleError
from rules.receipts import SignedReceipt
from rules.vouchers import Terms, Ticket, Tokens, Voucher, check_progress, check_terms
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1.receipt_pb2 import Placing
from wire.openai.notes import (
    HOST_NONCE_HEADER,
    PROTOBUF,
    STATUS_PATH,
    TICKET_HEADER,
    TOKENS_HEADER,
    TOLD,
    VOUCHER_HEADER,
    VOUCHERS_PATH,
    AnswerNote,
    Progress,
    encode_answer_note,
    encode_progress,
    read_header,
)
from wire.openai.sse import CONTENT_TYPE, DONE, encode_comment, encode_data
from wire.vouchers import read_ticket, read_voucher, sign_receipt

PATIENCE_S = 10
HOST_NONCE = b"\x44" * 32
SALT = b"\x55" * 32


@dataclass(slots=True, kw_only=True)
class Habits:
    """What a host does; the defaults are honest."""

    words: int = 8
    vector: tuple[float, ...] = (0.5,)
    prompt_tokens: int = 10
    pause_s: float = 0.0
    note_each: int = 16
    status: int = 200
    location: str = ""
    refusal: str = ""
    hangs: bool = False
    garbage: bytes = b""
    endless: bool = False
    breaks_after: int = -1
    fails_after: int = -1
    failure: str = "internal"
    claims_factor: int = 1
    claims_prompt: int = 0
    takes_vouchers: bool = True
    last_words: tuple[bytes, ...] = ()
    signs: bool = True
    signs_with: bytes = b""
    signs_request: int = 0
    adds_to_serial: int = 0
    bad_note: bytes = b""
    leaves_out: frozenset[int] = frozenset()
    places: bool = True
    bad_placing: bytes | None = None
    writes: Callable[[int], str] = lambda place: f"w{place} "
    tells: bool = False
    prompt: tuple[int, ...] = ()
    spells: Callable[[str], list[int]] = lambda text: list(text.encode())
    tells_words: int = 1 << 30
    adds_tokens: tuple[int, ...] = ()
    miscounts: int = 0
    signs_tokens: Callable[[list[int]], list[int]] = lambda tokens: tokens
    salts: bool = True


@dataclass(slots=True, kw_only=True)
class StubHost:
    """What it did, and what it was promised."""

    terms: Terms
    voucher_key: bytes
    habits: Habits = field(default_factory=Habits)
    url: str = ""
    done: Tokens = field(default_factory=Tokens)
    newest: Voucher | None = None
    newest_message: pb.Voucher = field(default_factory=pb.Voucher)
    tickets: list[int] = field(default_factory=list)
    newest_ticket: Ticket = field(init=False)
    bodies: list[dict[str, object]] = field(default_factory=list)
    most_unsigned: int = 0
    most_ahead: int = 0
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    planned_serial: int = 0
    unhung: dict[int, bytes] = field(default_factory=dict)
    trees: list[tuple[tuple[int, ...], Tree]] = field(default_factory=list)
    asked_for: list[int] = field(default_factory=list)

    @property
    def signed(self) -> Tokens:
        """What the newest voucher covers."""
        return self.newest.tokens if self.newest else Tokens()

    def take(self, message: pb.Voucher) -> None:
        """Take a voucher.  Raises RuleError."""
        voucher = read_voucher(message, self.voucher_key)
        if self.newest is not None and voucher.serial == self.newest.serial:
            return
        check_progress(self.terms, self.newest, voucher)
        self.newest, self.newest_message = voucher, message
        self.most_ahead = max(self.most_ahead, voucher.tokens.beyond(self.done))
        self.moved.set()

    async def work(self, tokens_in: int, tokens_out: int) -> None:
        """Do work, once the credit allows it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                done = Tokens(tokens_in=self.done.tokens_in + tokens_in, tokens_out=self.done.tokens_out + tokens_out)
                if done.beyond(self.signed) <= self.terms.credit_tokens:
                    break
                self.moved.clear()
                await self.moved.wait()
        self.done = done
        self.most_unsigned = max(self.most_unsigned, done.beyond(self.signed))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """POST of any kind of work."""
        habits, body = self.habits, await request.read()
        try:
            ticket = read_ticket(
                read_header(request.headers[TICKET_HEADER], pb.Ticket, TICKET_HEADER), self.voucher_key
            )
            check_terms(self.terms, ticket)
            assert ticket.body_hash == hashlib.sha256(body).digest()
            assert ticket.request not in self.tickets
            if VOUCHER_HEADER in request.headers and habits.takes_vouchers:
                self.take(read_header(request.headers[VOUCHER_HEADER], pb.Voucher, VOUCHER_HEADER))
        except RuleError as error:
            if error.code != "voucher_stale":
                raise
        self.tickets.append(ticket.request)
        self.newest_ticket = ticket
        asked = json.loads(body)
        self.bodies.append(asked)
        if habits.hangs:
            await asyncio.sleep(3600)
        if habits.status != 200:
            headers = {"Location": habits.location} if habits.location else {}
            return web.Response(status=habits.status, text=habits.refusal, headers=headers)
        if request.path == "/v1/embeddings":
            return await self._embed(asked)
        return await self._stream(request, asked, ticket.request)

    async def _embed(self, asked: dict[str, object]) -> web.Response:
        await self.work(self.habits.prompt_tokens, 0)
        inputs = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [{"object": "embedding", "index": i, "embedding": self.habits.vector} for i, _ in enumerate(inputs)]
        usage = {"prompt_tokens": self.habits.prompt_tokens, "total_tokens": self.habits.prompt_tokens}
        return web.json_response({"object": "list", "data": data, "model": asked["model"], "usage": usage})

    async def _stream(self, request: web.Request, asked: dict[str, object], number: int) -> web.StreamResponse:
        habits = self.habits
        tells = habits.tells and request.headers.get(TOKENS_HEADER) == TOLD
        told_headers = {TOKENS_HEADER: TOLD, HOST_NONCE_HEADER: HOST_NONCE.hex()} if tells else {}
        response = web.StreamResponse(headers={"Content-Type": CONTENT_TYPE} | told_headers)
        await response.prepare(request)
        if tells:
            return await self._tell_words(request, response, number)
        if habits.endless or habits.garbage:
            return await self._babble(response)
        is_chat = request.path.startswith("/v1/chat")
        await self._read_prompt(response)
        if is_chat:
            await response.write(_chunk(is_chat, {"role": "assistant", "content": ""}))
        words = min(habits.words, int(str(asked.get("max_tokens") or habits.words)))
        for done in range(1, words + 1):
            if done - 1 in {habits.breaks_after, habits.fails_after}:
                return await self._fail(request, response, breaks=done - 1 == habits.breaks_after)
            await self.work(0, 1)
            if habits.pause_s:
                await asyncio.sleep(habits.pause_s)
            await response.write(_chunk(is_chat, {"content": habits.writes(done)}))
            if done % habits.note_each == 0:
                await self._tell(response, habits.prompt_tokens, done)
        await response.write(_chunk(is_chat, {}, finish="length" if words < habits.words else "stop"))
        told = max(habits.prompt_tokens, habits.claims_prompt)
        usage = _usage(told, words * habits.claims_factor)
        await response.write(_chunk(is_chat, None, usage=usage))
        await response.write(self._sign(number))
        for line in habits.last_words or (DONE,):
            await response.write(line)
        return response

    async def _tell_words(self, request: web.Request, response: web.StreamResponse, number: int) -> web.StreamResponse:
        """An answer whose tokens are told after each `note_each` words."""
        habits, is_chat = self.habits, request.path.startswith("/v1/chat")
        await self._read_prompt(response)
        tokens: list[int] = []
        fresh: list[int] = []
        for place in range(1, habits.words + 1):
            word = habits.writes(place)
            is_last = place == habits.words
            spelled = habits.spells(word) + list(habits.adds_tokens if is_last else ())
            await self.work(0, len(spelled))
            await response.write(_chunk(is_chat, {"content": word}))
            if is_last:
                await response.write(_chunk(is_chat, {}, finish="stop"))
            tokens += spelled
            fresh += spelled
            if is_last or place % habits.note_each == 0:
                told = fresh if place <= habits.tells_words else []
                await self._tell(response, habits.prompt_tokens, len(tokens) + habits.miscounts, told)
                fresh = []
        usage = _usage(habits.prompt_tokens, len(tokens) * habits.claims_factor)
        await response.write(_chunk(is_chat, None, usage=usage))
        await response.write(self._sign(number, tokens))
        await response.write(DONE)
        return response

    def _compute_receipt(self, number: int, tokens: list[int]) -> bytes:
        """The receipt over the tokens that were told, or what the host pretends they are."""
        terms, ticket = self.terms, self.newest_ticket
        receipt = Receipt(
            chain_id=terms.chain_id,
            escrow_id=terms.escrow_id,
            host=terms.host,
            request=number,
            body_hash=ticket.body_hash,
            developer_nonce=ticket.developer_nonce,
            host_nonce=HOST_NONCE,
            answers=(Answer(prompt=self.habits.prompt, tokens=tuple(self.habits.signs_tokens(tokens))),),
            salt=SALT,
        )
        return compute_receipt_hash(receipt)

    def _sign(self, number: int, tokens: list[int] | None = None) -> bytes:
        """The note that ends an answer; its receipt will hang in the next tree."""
        habits = self.habits
        if not habits.signs or habits.bad_note:
            return habits.bad_note
        terms = self.terms
        signed = SignedReceipt(
            chain_id=terms.chain_id,
            escrow_id=terms.escrow_id,
            host=terms.host,
            request=habits.signs_request or number,
            after_serial=self.planned_serial + habits.adds_to_serial,
            receipt=hashlib.sha256(f"receipt {number}".encode()).digest()
            if tokens is None
            else self._compute_receipt(number, tokens),
        )
        self.unhung[number] = signed.receipt
        message = sign_receipt(habits.signs_with or serving_secret(terms.host), signed)
        note = AnswerNote(
            request=signed.request,
            tokens_in=habits.prompt_tokens,
            tokens_out=habits.words,
            after_serial=signed.after_serial,
            receipt=signed.receipt,
            signature=message.signature,
            salt=SALT if tokens is not None and habits.salts else b"",
        )
        return encode_comment(encode_answer_note(note))

    def settle(self, epoch: int) -> pb.Settled:
        """Settle the newest voucher with a tree over the receipts since the last."""
        assert self.newest is not None
        assert self.newest.serial > self.planned_serial
        leaves = {number: body for number, body in sorted(self.unhung.items()) if number not in self.habits.leaves_out}
        self.unhung = {}
        settled = pb.Settled(
            epoch=epoch,
            escrow_id=self.terms.escrow_id,
            host=encode_address(self.terms.host),
            serial=self.newest.serial,
            after_serial=self.planned_serial,
        )
        if leaves:
            tree = build_receipt_tree(list(leaves.items()))
            self.trees.append((tuple(leaves), tree))
            settled.receipts_root, settled.receipts_count = tree.root, tree.count
        self.planned_serial = self.newest.serial
        return settled

    async def place(self, request: web.Request) -> web.Response:
        """GET of where a receipt hangs."""
        number = int(request.match_info["request"])
        self.asked_for.append(number)
        if not self.habits.places:
            return web.Response(status=503)
        if self.habits.bad_placing is not None:
            return web.Response(body=self.habits.bad_placing, content_type=PROTOBUF)
        for numbers, tree in self.trees:
            if number in numbers:
                position = numbers.index(number)
                proof = tree.prove([position])
                placing = Placing(position=position, siblings=proof.siblings, splits=proof.splits)
                return web.Response(body=placing.SerializeToString(), content_type=PROTOBUF)
        error = {"message": "", "type": "x", "param": None, "code": "receipt_unknown"}
        return web.json_response({"error": error}, status=404)

    async def _babble(self, response: web.StreamResponse) -> web.StreamResponse:
        await response.write(self.habits.garbage)
        while self.habits.endless:
            await response.write(b"x" * 65536)
        return response

    async def _fail(self, request: web.Request, response: web.StreamResponse, *, breaks: bool) -> web.StreamResponse:
        if breaks:
            assert request.transport is not None
            request.transport.abort()
        else:
            told = {"message": "out of memory", "type": "server_error", "param": None, "code": self.habits.failure}
            await response.write(encode_data(json.dumps({"error": told})))
        return response

    async def _read_prompt(self, response: web.StreamResponse) -> None:
        left = self.habits.prompt_tokens
        while left > 0:
            step = min(left, 64)
            await self.work(step, 0)
            left -= step
            await self._tell(response, self.habits.prompt_tokens - left, 0)

    async def _tell(
        self, response: web.StreamResponse, tokens_in: int, tokens_out: int, told: Sequence[int] = ()
    ) -> None:
        signed = self.signed.tokens_in + self.signed.tokens_out
        factor = self.habits.claims_factor
        note = Progress(tokens_in=tokens_in, tokens_out=tokens_out * factor, signed=signed)
        await response.write(encode_comment(encode_progress(replace(note, tokens=((0, tuple(told)),) if told else ()))))

    async def take_voucher(self, request: web.Request) -> web.Response:
        """POST of a voucher."""
        if not self.habits.takes_vouchers:
            return web.Response(status=503)
        try:
            self.take(pb.Voucher.FromString(await request.read()))
        except RuleError as error:
            told = {"error": {"message": error.detail, "type": "x", "param": None, "code": error.code}}
            return web.json_response(told, status=409)
        return web.Response(status=204)

    async def tell_status(self, _request: web.Request) -> web.Response:
        """GET of how busy it is."""
        return web.json_response({"host": "", "models": [], "queue": 0, "running": 0, "capacity": 8, "region": ""})


@asynccontextmanager
async def run_host(terms: Terms, voucher_key: bytes, habits: Habits) -> AsyncIterator[StubHost]:
    """A host that listens on loopback."""
    host = StubHost(terms=terms, voucher_key=voucher_key, habits=habits)
    application = web.Application(client_max_size=1 << 24)
    for path in ("/v1/chat/completions", "/v1/completions", "/v1/embeddings"):
        application.router.add_post(path, host.answer)
    application.router.add_post(VOUCHERS_PATH, host.take_voucher)
    application.router.add_get(STATUS_PATH, host.tell_status)
    application.router.add_get("/gonka/v1/receipts/{escrow_id}/{request}", host.place)
    runner = web.AppRunner(application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = unused_port()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    host.url = f"http://127.0.0.1:{port}"
    try:
        yield host
    finally:
        await runner.cleanup()


def serving_secret(host: bytes) -> bytes:
    """What a host signs with; its offer names the key."""
    return hashlib.sha256(b"serving" + host).digest()


def serving_key(host: bytes) -> bytes:
    """The same as the chain shows it, 33 bytes."""
    return PrivateKey(serving_secret(host)).public_key.format()


def _usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _chunk(
    is_chat: bool, delta: dict[str, str] | None, *, finish: str | None = None, usage: dict[str, int] | None = None
) -> bytes:
    choices: list[dict[str, object]] = []
    if delta is not None and is_chat:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    elif delta is not None:
        choices = [{"index": 0, "text": delta.get("content", ""), "finish_reason": finish}]
    kind = "chat.completion.chunk" if is_chat else "text_completion"
    chunk: dict[str, object] = {"id": "c1", "object": kind, "created": 1, "model": "m", "choices": choices}
    return encode_data(json.dumps(chunk | ({"usage": usage} if usage else {})))
