"""One request's way to a host and back: reserved, relayed, signed for, charged.

Another host is asked as long as the application has got nothing; after that a failure is the end of the answer, and
what was delivered is charged.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

import aiohttp
import structlog
from pydantic import ValidationError

from chain_client.errors import ClientError, TransientError
from gateway.assembly import EMBEDDING_PATH, find_text, read_chunk
from gateway.charges import reserve, settle
from gateway.errands import Errand, Ports, Run
from gateway.hosts import HostFailed, read_answer, read_events
from gateway.promises import NONCE_BYTES, Attempt, PairState, open_attempt, record_work
from gateway.prompts import BOUNDED, COUNTED
from gateway.receipts import (
    RANKS,
    Chosen,
    Contents,
    Expected,
    check_contents,
    check_note,
    keep_receipt,
    read_nonce,
)
from gateway.routing import Candidate
from gateway.spelling import Spellings
from rules.vouchers import Tokens
from wire.openai.errors import ApiError
from wire.openai.notes import (
    HOST_NONCE_HEADER,
    TICKET_HEADER,
    TOKENS_HEADER,
    TOLD,
    VOUCHER_HEADER,
    AnswerNote,
    Progress,
    encode_header,
    read_note,
)
from wire.openai.responses import Embeddings
from wire.openai.sse import DONE_TEXT, Comment

log = structlog.get_logger("gateway")

MOST_HOSTS: Final = 3
"""Asked one after the other for one request: each costs the prompt once, and time."""
RETRY_S: Final = 1.0

T = TypeVar("T")
Sink = Callable[[str], Awaitable[None]]
"""Hands one event's text, or the whole answer, to the application, [DONE] at last.  Raises CallerGone."""

Opening = Callable[[sqlite3.Connection], tuple[Attempt, PairState]]
"""A write that opens an attempt."""


class CallerGone(Exception):  # noqa: N818  # what happened, in the past
    """The application has closed its connection, or reads too slowly."""


class Relay:
    """Runs errands; a settlement that the disk does not take yet is tried until it does."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._settling: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def close(self) -> None:
        """The gateway goes down: who is cut off from now on has not left by itself."""
        self._is_closing = True

    async def stream(self, errand: Errand, sink: Sink) -> None:
        """Ask hosts until one answers, and hand its events on.

        Raises ApiError: before the first event where nobody answers, after it where the answer breaks off; what the
        sink raises, and cancellation, end the work at the host.
        """
        await self._serve(errand, lambda run: self._pass_on(run, sink))

    async def fetch(self, errand: Errand) -> Embeddings:
        """Ask hosts until one answers in one piece.  Raises ApiError."""
        answers: list[Embeddings] = []

        async def take(run: Run) -> None:
            answers.append(await self._fetch(run))

        await self._serve(errand, take)
        return answers[0]

    async def drain(self) -> None:
        """Wait for the settlements that are still to be written."""
        while self._settling:
            await asyncio.wait(self._settling)

    async def _serve(self, errand: Errand, carry_out: Callable[[Run], Awaitable[None]]) -> None:
        request_id = errand.reservation.request_id
        run, outcome = await self._open_first(errand), "failed"
        refused: dict[str, HostFailed] = {}
        try:
            for place in range(1, 1 + min(MOST_HOSTS, len(errand.candidates))):
                try:
                    await carry_out(run)
                    self._note_false_refusals(refused)
                    outcome = "done"
                    return
                except HostFailed as failure:
                    host = run.candidate.host
                    log.info("host_failed", host=host, request=request_id, code=failure.error.code)
                    is_certain = bool(failure.blames_caller and refused)
                    self._note_failed(run, failure, refused)
                    if is_certain or run.live.delivers or place == min(MOST_HOSTS, len(errand.candidates)):
                        outcome = failure.error.code
                        raise failure.error from failure
                    run = await self._open_next(errand, errand.candidates[place], run)
                except (asyncio.CancelledError, CallerGone):
                    run.live.delivers |= not self._is_closing  # who leaves pays for the work until then
                    raise
        except ApiError as error:
            outcome = error.code
            raise
        except (asyncio.CancelledError, CallerGone):
            outcome = "caller_gone"
            raise
        finally:
            await self._settle(run, outcome)

    def _note_failed(self, run: Run, failure: HostFailed, refused: dict[str, HostFailed]) -> None:
        """A host that says the request itself is wrong may be right: another is asked, and its word decides."""
        if failure.blames_caller:
            refused[run.candidate.host] = failure
            return
        self._ports.note_failure(run.candidate.host, failure.error)
        if (
            failure.is_unpaid and run.errand.path != EMBEDDING_PATH
        ):  # of which nothing is signed for until they are there
            run.pair.give_up()

    def _note_false_refusals(self, refused: dict[str, HostFailed]) -> None:
        for host, failure in refused.items():
            self._ports.note_failure(host, ApiError("host_refused", f"what another answered: {failure.error.message}"))

    # ---- the ledger ------------------------------------------------------------------------------------------------

    async def _open_first(self, errand: Errand) -> Run:
        def write(connection: sqlite3.Connection) -> tuple[Attempt, PairState]:
            reserve(connection, errand.reservation, self._ports.chance.now_ms())
            return opening(connection)

        candidate = errand.candidates[0]
        opening = self._prepare_opening(errand, candidate)
        begun = asyncio.create_task(self._begin(errand, candidate, write))
        try:
            return await asyncio.shield(begun)
        except asyncio.CancelledError:
            self._keep(self._give_back(begun))
            raise

    async def _give_back(self, begun: asyncio.Task[Run]) -> None:
        """What was reserved for a caller who left before it was written."""
        with contextlib.suppress(ApiError, ClientError):
            await self._write_end(await begun, "caller_gone")

    async def _open_next(self, errand: Errand, candidate: Candidate, failed: Run) -> Run:
        failed.end()
        await failed.pair.note((failed.live,))
        return await self._begin(errand, candidate, self._prepare_opening(errand, candidate))

    def _prepare_opening(self, errand: Errand, candidate: Candidate) -> Opening:
        """The write that numbers a ticket, and signs ahead for the prompt as far as the credit goes."""
        ports, pair = self._ports, self._ports.pair(candidate)
        terms, body_hash, nonce = pair.terms, hashlib.sha256(errand.body).digest(), ports.chance.entropy(NONCE_BYTES)
        before = pair.wanted
        wanted = Tokens(tokens_in=before.tokens_in + errand.bounds.likely_in, tokens_out=before.tokens_out)

        def write(connection: sqlite3.Connection) -> tuple[Attempt, PairState]:
            attempt = open_attempt(
                connection,
                errand.reservation.request_id,
                terms,
                body_hash=body_hash,
                nonce=nonce,
                secret=ports.secret,
            )
            return attempt, record_work(connection, terms, (), wanted, ports.secret)

        return write

    async def _begin(self, errand: Errand, candidate: Candidate, write: Opening) -> Run:
        pair = self._ports.pair(candidate)
        try:
            with pair.expect(errand.bounds):
                attempt, state = await self._ports.store.write(write)
        except TransientError as error:
            raise ApiError("ledger_unavailable") from error
        pair.adopt(state, carried=True)
        return Run(
            errand=errand,
            candidate=candidate,
            pair=pair,
            live=pair.begin(attempt.attempt_id, errand.bounds),
            ticket=attempt.ticket,
            began_ms=self._ports.chance.now_ms(),
        )

    async def _settle(self, run: Run, outcome: str) -> None:
        """Note, sign, charge and keep the receipt in one write, whatever becomes of who waits for it."""
        await asyncio.shield(self._keep(self._write_end(run, outcome)))

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        return task

    async def _write_end(self, run: Run, outcome: str) -> None:
        request_id, now_ms = run.errand.reservation.request_id, self._ports.chance.now_ms()
        run.end()
        note, receipt = run.pair.prepare_note((run.live,)), run.receipt
        chosen = Chosen(epoch=self._ports.epoch, rank=self._ports.chance.draw(RANKS), now_ms=now_ms)

        def write(connection: sqlite3.Connection) -> PairState:
            state = note(connection)
            settle(connection, request_id, outcome, now_ms)
            if receipt is not None:
                keep_receipt(connection, receipt, chosen)
            return state

        while True:
            try:
                run.pair.adopt(await self._ports.store.write(write))
                return
            except TransientError as error:
                log.warning("settlement_delayed", request=request_id, detail=error.detail)
                await asyncio.sleep(RETRY_S)

    # ---- the host --------------------------------------------------------------------------------------------------

    async def _pass_on(self, run: Run, sink: Sink) -> None:
        async with self._ask(run) as response, contextlib.aclosing(read_events(response)) as events:
            self._choose_count(run, response.headers)
            async for items, count in events:
                _check(run.live.meter.take_bytes, count)
                for item in items:
                    if isinstance(item, Comment):
                        await self._take_comment(run, item.text)
                    elif item.text == DONE_TEXT:
                        run.finish()
                        self._judge_receipt(run)
                        await self._deliver(run, sink)
                        await sink(DONE_TEXT)
                        return
                    else:
                        await self._take_event(run, item.text, sink)
        raise HostFailed(ApiError("host_ended_early"))

    async def _fetch(self, run: Run) -> Embeddings:
        async with self._ask(run) as response:
            body = await read_answer(response, run.errand.choices)
        try:
            answer = Embeddings.model_validate_json(body)
        except ValidationError as error:
            raise HostFailed(ApiError("host_answer_invalid", "it is no list of embeddings")) from error
        if len(answer.data) != run.errand.choices:
            raise HostFailed(ApiError("host_answer_invalid", "it has not one embedding for each input"))
        told = Progress(tokens_in=answer.usage.prompt_tokens, tokens_out=0, signed=0)
        _check(run.live.meter.take_progress, told)
        self._note_begun(run)
        run.live.delivers = True
        return answer

    @contextlib.asynccontextmanager
    async def _ask(self, run: Run) -> AsyncIterator[aiohttp.ClientResponse]:
        """The host's response; with the ticket goes the newest voucher."""
        headers = {TICKET_HEADER: encode_header(run.ticket)} | ({TOKENS_HEADER: TOLD} if run.errand.script else {})
        serial, voucher = run.pair.newest
        if serial:
            headers[VOUCHER_HEADER] = base64.b64encode(voucher).decode()
        url = run.candidate.endpoint + run.errand.path
        async with self._ports.client.ask(url, run.errand.body, headers) as response:
            run.pair.confirm(serial)
            yield response

    def _choose_count(self, run: Run, headers: Mapping[str, str]) -> None:
        """Hold the answer by its tokens where the host tells them, by bytes else.

        Raises HostFailed `host_tokens_missing` where the operator believes no host that does not.
        """
        script = run.errand.script
        if script is not None and headers.get(TOKENS_HEADER) == TOLD:
            run.spellings = Spellings(script, run.errand.bounds.most_out)
            run.host_nonce = read_nonce(headers.get(HOST_NONCE_HEADER, ""))
            run.live.meter.tells_tokens = True
        elif script is not None and self._ports.requires_tokens:
            raise HostFailed(ApiError("host_tokens_missing"))
        self._ports.attempts[BOUNDED if run.spellings is None else COUNTED] += 1

    async def _take_comment(self, run: Run, text: str) -> None:
        try:
            note = read_note(text)
        except ApiError as error:
            if run.is_finished:
                run.receipt_fault = error.message
                return
            raise HostFailed(ApiError("host_answer_invalid", error.message)) from error
        if isinstance(note, AnswerNote):
            self._take_receipt(run, note)
        elif note is not None:
            if run.spellings is not None:
                _check(run.spellings.take_progress, note)
            _check(run.live.meter.take_progress, note)
            try:
                await run.pair.sign(run.live)
            except ClientError as error:
                log.warning("voucher_delayed", code=error.code, detail=error.detail)

    def _take_receipt(self, run: Run, note: AnswerNote) -> None:
        expected = Expected(
            terms=run.pair.terms,
            request=run.ticket.request,
            settled_serial=run.candidate.settled_serial,
            signed_serial=run.pair.newest[0],
            keys=self._ports.list_serving_keys(run.candidate.host),
        )
        try:
            kept = check_note(note, expected)
            if run.spellings is not None:
                contents = Contents(ticket=run.ticket, host_nonce=run.host_nonce, answers=run.spellings.answers)
                check_contents(kept.signed, note.salt, contents)
            run.receipt = kept
        except ApiError as error:
            run.receipt_fault = error.message

    def _judge_receipt(self, run: Run) -> None:
        """The answer is whole and goes on to the application; a host that does not sign for it is asked less."""
        host = run.candidate.host
        if run.receipt is not None:
            self._ports.note_receipt(host)
        else:
            self._ports.note_failure(host, ApiError("host_receipt_invalid", run.receipt_fault))

    async def _take_event(self, run: Run, text: str, sink: Sink) -> None:
        chunk = read_chunk(text, run.errand.path)
        if any(not 0 <= choice.index < run.errand.choices for choice in chunk.choices):
            raise HostFailed(ApiError("host_answer_invalid", "it has more answers than were asked for"))
        run.finished.update(choice.index for choice in chunk.choices if choice.finish_reason is not None)
        if chunk.usage is not None:
            told = Progress(tokens_in=chunk.usage.prompt_tokens, tokens_out=chunk.usage.completion_tokens, signed=0)
            if run.spellings is not None:
                _check(run.spellings.check_count, told.tokens_out)
            _check(run.live.meter.take_progress, told)
            if not run.errand.wants_usage and not chunk.choices:
                return
        if run.spellings is not None:
            _check(run.spellings.take_chunk, chunk)
        piece = find_text(chunk)
        if piece:
            run.live.meter.take_text(piece)
        run.hold_back(chunk.encode())  # no line breaks, and nothing that the host added
        if piece or run.finished:
            self._note_begun(run)
            if not run.errand.is_whole:
                await self._deliver(run, sink)

    async def _deliver(self, run: Run, sink: Sink) -> None:
        run.live.delivers = True
        for text in run.release():
            await sink(text)

    def _note_begun(self, run: Run) -> None:
        if not run.has_begun:
            run.has_begun = True
            self._ports.note_success(run.candidate.host, self._ports.chance.now_ms() - run.began_ms)


def _check(take: Callable[[T], None], told: T) -> None:
    """Count what a host told, or sent; what cannot be is its failure."""
    try:
        take(told)
    except ApiError as error:
        raise HostFailed(error) from error
