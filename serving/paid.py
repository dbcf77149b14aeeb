"""Requests that an escrow pays for: tickets open them, vouchers carry them on, receipts end them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog
from aiohttp import web

from chain_client.errors import ClientError
from chain_client.keys.signing_key import SigningKey
from rules.addresses import decode_address
from rules.answers import Answer, Receipt
from rules.errors import RuleError
from rules.types import Host
from rules.vouchers import Ticket, Tokens, check_terms, request_seed
from serving.accounts import Account, PaidRun
from serving.answers import Growing
from serving.chain_view import ChainView
from serving.credit import Credit, Run
from serving.journal import Journal
from serving.metrics import Metrics
from serving.records import hash_body
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.sidecar.v1 import inference_pb2 as sidecar_pb
from wire.openai.errors import ApiError
from wire.openai.notes import (
    HOST_HEADER,
    HOST_NONCE_HEADER,
    TICKET_HEADER,
    TOKENS_HEADER,
    TOLD,
    VOUCHER_HEADER,
    AnswerNote,
    Progress,
    encode_answer_note,
    encode_progress,
    read_header,
)
from wire.openai.sse import encode_comment
from wire.vouchers import read_terms, read_ticket, read_voucher, sign_receipt

NONCE_BYTES: Final = 32
log = structlog.get_logger("serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What paid requests are dealt with by; `now_s` is monotonic."""

    view: ChainView
    journal: Journal
    key: SigningKey
    metrics: Metrics
    entropy: Callable[[int], bytes]
    now_s: Callable[[], float]

    @property
    def host(self) -> Host:
        """The host that is paid."""
        return Host(decode_address(self.view.host))


@dataclass(slots=True, kw_only=True)
class PaidPermit:
    """One paid request.

    Where it `tells_tokens`, `fresh` are those to be told next, and `written` is how many there were.
    """

    desk: Desk
    account: Account
    ticket: Ticket
    message: pb.Ticket
    body: bytes
    nonce: bytes
    runs: list[Run] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    told: Progress | None = None
    tells_tokens: bool = False
    fresh: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    written: int = 0
    is_open: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """The host, its nonce, and whether it tells tokens."""
        told = {TOKENS_HEADER: TOLD} if self.tells_tokens else {}
        return {HOST_HEADER: self.desk.view.host, HOST_NONCE_HEADER: self.nonce.hex()} | told

    def check_model(self, model: sidecar_pb.LoadedModel) -> None:
        """Raises ApiError voucher_foreign for another model than the escrow pays for."""
        known = self.desk.view.seen.models.get(self.ticket.model_id)
        if known is None or (known.content_hash, known.tokenizer_hash) != (model.content_hash, model.tokenizer_hash):
            raise ApiError("voucher_foreign", f"escrow {self.ticket.escrow_id} is for another model", param="model")

    def open(self, seed: int | None) -> bytes:  # noqa: ARG002 - both sides' nonces make the seed
        """Keep the request and the nonce on disk.  Raises ApiError: ticket_used, journal_unavailable."""
        ticket = self.ticket
        try:
            fresh = self.desk.journal.open_request(ticket.escrow_id, ticket.request, self.nonce)
        except ClientError as error:
            raise ApiError("journal_unavailable", error.detail) from error
        if not fresh:
            raise ApiError("ticket_used", f"request {ticket.request} was made before")
        self.is_open = True
        return request_seed(ticket.chain_id, ticket.escrow_id, ticket.request, ticket.developer_nonce, self.nonce)

    def begin(self, key: str, *, prompt: int, most: int) -> PaidRun:
        """An answer begins."""
        paid = self.account.begin(key, prompt=prompt, most=most)
        self.runs.append(paid.run)
        if paid.run.is_starving:
            self.news.set()
        return paid

    def end(self, key: str) -> None:
        """An answer has ended."""
        self.account.end(key)

    async def wait_for_news(self) -> None:
        """Wait until the other side must hear of something, though no token has come."""
        await self.news.wait()
        self.news.clear()

    def note_tokens(self, place: int, tokens: Sequence[int]) -> None:
        """Tokens of a choice, whose text is on its way: to be told with the next progress, where they are asked for."""
        if self.tells_tokens and tokens:
            self.fresh.append((place, tuple(tokens)))
            self.written += len(tokens)

    def progress(self) -> bytes:
        """The comment that tells how far the work is, if it is further than was told, or is waiting.

        Tokens that are drawn already, but whose text is not on its way yet, are not counted where tokens are told.
        """
        done = self._count()
        written = self.written if self.tells_tokens else done.tokens_out
        progress = Progress(tokens_in=done.tokens_in, tokens_out=written, signed=self.account.signed)
        if (progress == self.told and not self.fresh) or not self.runs:
            return b""
        self.told, fresh = progress, tuple(self.fresh)
        self.fresh.clear()
        return encode_comment(encode_progress(replace(progress, tokens=fresh)))

    async def cover(self, tokens: int) -> None:
        """Wait until so many tokens, read at one stroke, are granted, and count them as done."""
        key = f"whole-{len(self.runs)}-{self.ticket.request}"
        paid = self.account.begin(key, prompt=tokens, most=tokens, whole=True)
        self.runs.append(paid.run)
        try:
            while paid.granted < tokens:
                await paid.wait_beyond(paid.granted)
            paid.note(tokens)
        finally:
            self.account.end(key)

    def close(self, choices: Sequence[Growing]) -> bytes:
        """Keep the answer on disk, and tell its receipt and where that will hang, under the serving key.

        Raises ApiError journal_unavailable.
        """
        ticket = self.ticket
        receipt = Receipt(
            chain_id=ticket.chain_id,
            escrow_id=ticket.escrow_id,
            host=ticket.host,
            request=ticket.request,
            body_hash=ticket.body_hash,
            developer_nonce=ticket.developer_nonce,
            host_nonce=self.nonce,
            answers=tuple(Answer(prompt=choice.prompt, tokens=tuple(choice.tokens)) for choice in choices),
            salt=self.desk.entropy(NONCE_BYTES),
        )
        try:
            signed = self.desk.journal.keep_answer(receipt, self.body, self.message, self.account.credit.worked)
        except ClientError as error:
            raise ApiError("journal_unavailable", error.detail) from error
        self.is_open = False
        done = self._count()
        note = AnswerNote(
            request=ticket.request,
            tokens_in=done.tokens_in,
            tokens_out=done.tokens_out,
            after_serial=signed.after_serial,
            receipt=signed.receipt,
            signature=sign_receipt(self.desk.key.reveal().reveal(), signed).signature,
            salt=receipt.salt if self.tells_tokens else b"",
        )
        return encode_comment(encode_answer_note(note))

    def release(self) -> None:
        """Keep the work of a request that ended without an answer."""
        if self.is_open:
            try:
                self.desk.journal.keep_done(self.ticket.escrow_id, self.account.credit.worked)
            except ClientError as error:
                log.warning("work_not_kept", escrow_id=self.ticket.escrow_id, code=error.code)
            self.is_open = False

    def _count(self) -> Tokens:
        parts = [run.split(run.done) for run in self.runs]
        return Tokens(tokens_in=sum(p.tokens_in for p in parts), tokens_out=sum(p.tokens_out for p in parts))


class PaidDoor:
    """Lets in who brings a good ticket, and takes vouchers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts: dict[int, Account] = {}

    @property
    def host(self) -> str:
        """The host that is paid, bech32."""
        return self._desk.view.host

    @property
    def unsigned(self) -> int:
        """Tokens of work that no voucher covers, over all escrows."""
        return sum(a.credit.worked.beyond(a.credit.signed) for a in self._accounts.values())

    async def admit(self, request: web.Request, body: bytes) -> PaidPermit:
        """The permit for a request.  Raises ApiError: what is wrong with its ticket or voucher, or with the escrow."""
        value = request.headers.get(TICKET_HEADER)
        if value is None:
            raise ApiError("ticket_missing", f"there is no {TICKET_HEADER} header")
        message = read_header(value, pb.Ticket, TICKET_HEADER)
        try:
            self._check_chain(message)
            escrow = await self._desk.view.look_up(message.escrow_id)
            ticket = read_ticket(message, escrow.voucher_pubkey)
            account = self._find(escrow)
            check_terms(account.credit.terms, ticket)
        except RuleError as error:
            raise from_rule(error) from error
        if ticket.body_hash != hash_body(body):
            raise ApiError("body_hash_wrong")
        if escrow.closes_epoch or escrow.closed:
            raise ApiError("escrow_closed", f"escrow {escrow.escrow_id} closes with epoch {escrow.closes_epoch}")
        if carried := request.headers.get(VOUCHER_HEADER):
            await self._take_newer(read_header(carried, pb.Voucher, VOUCHER_HEADER), escrow.escrow_id)
        return PaidPermit(
            desk=self._desk,
            account=account,
            ticket=ticket,
            message=message,
            body=body,
            nonce=self._desk.entropy(NONCE_BYTES),
            tells_tokens=request.headers.get(TOKENS_HEADER) == TOLD,
        )

    async def take(self, message: pb.Voucher) -> None:
        """A voucher from the other side.  Raises ApiError with the rule's code, or journal_unavailable."""
        try:
            await self._take(message)
        except RuleError as error:
            self._desk.metrics.count_voucher(error.code)
            raise from_rule(error) from error
        except ClientError as error:
            raise ApiError("journal_unavailable", error.detail) from error
        self._desk.metrics.count_voucher("taken")

    async def _take(self, message: pb.Voucher) -> None:
        self._check_chain(message)
        escrow = await self._desk.view.look_up(message.escrow_id)
        voucher = read_voucher(message, escrow.voucher_pubkey)
        try:
            self._find(escrow).take(voucher, message)
        except RuleError as error:
            if error.code != "voucher_over_reserve":
                raise
            await self._desk.view.look_again()  # it may have been topped up
            self._find(await self._desk.view.look_up(message.escrow_id)).take(voucher, message)

    async def _take_newer(self, message: pb.Voucher, escrow_id: int) -> None:
        """The voucher that came with a request: others may have overtaken it."""
        if message.escrow_id != escrow_id:
            raise ApiError("voucher_foreign", "ticket and voucher are of two escrows")
        try:
            await self.take(message)
        except ApiError as error:
            if error.code != "voucher_stale":
                raise

    def _check_chain(self, message: pb.Ticket | pb.Voucher) -> None:
        view = self._desk.view
        if message.chain_id != view.chain_id:
            raise RuleError("voucher_foreign", f"it is for another chain than {view.chain_id}", field="chain_id")
        if message.host != view.host:
            raise RuleError("voucher_foreign", f"it is for another host than {view.host}", field="host")

    def _find(self, escrow: pb.Escrow) -> Account:
        """The account of an escrow, with its terms as the chain shows them now.  Raises RuleError voucher_foreign."""
        view = self._desk.view
        terms = read_terms(view.chain_id, escrow, self._desk.host, view.seen.credit_tokens)
        account = self._accounts.get(escrow.escrow_id)
        if account is None:
            state = self._desk.journal.read_escrow(escrow.escrow_id)
            newest = None if state.voucher is None else read_voucher(state.voucher, escrow.voucher_pubkey)
            credit = Credit(terms, done=state.done, signed=newest.tokens if newest else Tokens())
            account = Account(self._desk.journal, self._desk.now_s, credit, newest)
            self._accounts[escrow.escrow_id] = account
        account.credit.terms = terms
        return account


def from_rule(error: RuleError) -> ApiError:
    """A rule's refusal as the API tells it."""
    return ApiError(error.code, error.detail)
