"""The verifier's duty: fetch what hosts owe it, score it, promise its reports, and reveal them when all have promised.

The promise is on disk before it is sent, so that a verifier that dies in between reveals what it promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import structlog
from google.protobuf.message import DecodeError, Message

from chain_client.disk import replace_durably
from chain_client.errors import ClientError
from chain_client.keys.signing_key import SigningKey
from chain_client.transactions import Order, Outcome
from chain_client.upkeep import Upkeep
from rules.addresses import decode_address, encode_address
from rules.answers import SALT_BYTES, Report, compute_reports_commitment
from rules.errors import RuleError
from rules.seeds import framed_hash, le64
from rules.types import Host, Phase
from rules.vouchers import Tokens
from serving.check_view import CheckView, Docket
from serving.checking import Case, Scorer, check_lot
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.sidecar.v1.inference_pb2 import LoadedModel
from wire.openai.limits import BODY_BYTES, PROMPTS
from wire.sealing import compute_opening_context, open_sealed
from wire.vouchers import find_reserve

FILE_NAME: Final = "reports.binpb"
DAMAGED: Final = ".damaged"
TRIES: Final = 3
AGAIN_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0
FETCH_S: Final = 30.0
MAX_OPENING: Final = 256 << 20
"""Bytes of the largest opening that is taken: what a host could be owed for 64 requests stays below."""
PAPERS_BYTES: Final = 64 << 10
"""Of an opened request beside its body and its tokens, with its part of the proof."""
TOKEN_BYTES: Final = 4
COMMITTING: Final = frozenset({Phase.REVEAL, Phase.ROWS_COMMIT, Phase.ROWS_REVEAL, Phase.DISPUTE_COMMIT})
AT_ONCE: Final = 4
"""Lots that are fetched at the same time; their openings are held in memory."""
log = structlog.get_logger("checking")


class Sidecar(Scorer, Protocol):
    """The verifier's own models.  Every method raises ClientError."""

    async def models(self) -> tuple[LoadedModel, ...]:
        """Those that are loaded."""
        ...


class Orders(Protocol):
    """What applies an order once; chain_client.sender."""

    async def send(self, order: Order) -> Outcome:
        """How the order ended.  Raises ClientError only while nothing is signed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What all lots of an epoch are checked with.

    None has more than `fetch_s` to be fetched: a host that hangs takes no time from others.  `slots` are for lots under
    way, `turn` for the one that is scored.
    """

    epoch: int
    models: Mapping[bytes, Model]
    loaded: tuple[LoadedModel, ...]
    credit_tokens: int
    fetch_s: float
    slots: asyncio.Semaphore
    turn: asyncio.Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """One host's; `host` is bech32, `fetch` gives what a URL answers, in so many bytes at most, or None."""

    view: CheckView
    sidecar: Sidecar
    orders: Orders
    fetch: Callable[[str, int], Awaitable[bytes | None]]
    key: SigningKey
    home: Path
    chain_id: str
    host: str
    entropy: Callable[[int], bytes]

    async def attend(self) -> float:
        """Do what is due now; returns the seconds after which to look again.  Raises ClientError."""
        docket = await self.view.read_docket(self.host)
        if docket.lots:
            await self._work_on(docket)
        return docket.block_ms / 1000

    async def _work_on(self, docket: Docket) -> None:
        promise = self._read_promise()
        if docket.phase in COMMITTING and not docket.sent.commitment:
            if promise is None or promise.epoch != docket.epoch:
                promise = await self._verify(docket)
                replace_durably(self.home / FILE_NAME, promise.SerializeToString(deterministic=True))
                docket = await self.view.read_docket(self.host)  # that took a while
            if docket.phase in COMMITTING and docket.epoch == promise.epoch:
                await self._send(docket, "commit", self._build_commitment(promise))
        elif _may_reveal(docket) and promise is not None and promise.epoch == docket.epoch:
            await self._send(docket, "reveal", promise)

    async def _verify(self, docket: Docket) -> pb.MsgRevealReports:
        """Two thirds of the time until commitments close are for checking, the first half of that for fetching."""
        patience_s = docket.blocks * docket.block_ms / 1000 * 2 / 3
        end_s = asyncio.get_running_loop().time() + patience_s
        work = _Round(
            epoch=docket.epoch,
            models=await self.view.read_models(),
            loaded=await self.sidecar.models(),
            credit_tokens=await self.view.read_credit_tokens(),
            fetch_s=patience_s / 2 * min(1, AT_ONCE / len(docket.lots)),
            slots=asyncio.Semaphore(AT_ONCE),
            turn=asyncio.Lock(),
        )
        turns = sorted(range(len(docket.lots)), key=lambda place: _draw_turn(docket.seed, docket.lots[place]))
        async with asyncio.TaskGroup() as group:
            tasks = {place: group.create_task(self._check_until(end_s, work, docket.lots[place])) for place in turns}
        reports = [tasks[place].result() for place in range(len(docket.lots))]
        return pb.MsgRevealReports(
            sender=self.key.address,
            host=self.host,
            epoch=docket.epoch,
            salt=self.entropy(SALT_BYTES),
            reports=[
                pb.Report(
                    escrow_id=report.escrow_id,
                    host=encode_address(report.host),
                    tokens=report.tokens,
                    distance_ppm=report.distance_ppm,
                )
                for report in reports
            ],
        )

    async def _check_until(self, end_s: float, work: _Round, lot: pb.Lot) -> Report:
        """A verifier that cannot score in time accuses nobody and vouches for nobody: no tokens, no distance."""
        try:
            async with asyncio.timeout_at(end_s), work.slots:
                return await self._check(work, lot)
        except TimeoutError:
            log.warning("lot_not_checked_in_time", escrow_id=lot.escrow_id, host=lot.host)
        except ClientError as error:
            log.warning("lot_not_checked", escrow_id=lot.escrow_id, host=lot.host, code=error.code)
        except Exception:  # the edge to a stranger's answers: no lot may end the process, or others' checks
            log.exception("lot_not_checked", escrow_id=lot.escrow_id, host=lot.host, code="internal")
        return _abstain(lot)

    async def _check(self, work: _Round, lot: pb.Lot) -> Report:
        host, model = Host(decode_address(lot.host)), work.models[lot.model_id]
        wanted = (model.content_hash, model.tokenizer_hash)
        mine = next((m for m in work.loaded if (m.content_hash, m.tokenizer_hash) == wanted), None)
        if mine is None:
            log.warning("model_not_loaded", model=model.name, escrow_id=lot.escrow_id)
            return _abstain(lot)
        escrow = await self.view.read_escrow(lot.escrow_id)
        opening = await self._fetch_opening(work, lot, host, mine.max_context)
        reserve = find_reserve(escrow, lot.host)
        case = Case(
            chain_id=self.chain_id,
            host=host,
            lot=lot,
            voucher_pubkey=escrow.voucher_pubkey,
            settled=Tokens(tokens_in=reserve.tokens_in, tokens_out=reserve.tokens_out),
            credit_tokens=work.credit_tokens,
            model=mine,
        )
        async with work.turn:
            clock = asyncio.get_running_loop().time
            began_s = clock()
            report = await check_lot(self.sidecar, case, opening)
            ms = round(1000 * (clock() - began_s))
        found = {"tokens": report.tokens, "ppm": report.distance_ppm}
        log.info("lot_checked", escrow_id=lot.escrow_id, host=lot.host, **found, ms=ms)
        return report

    async def _fetch_opening(self, work: _Round, lot: pb.Lot, host: Host, max_context: int) -> pb.Opening | None:
        """What the host delivers, None for nothing that can be read."""
        endpoint = (await self.view.read_offer(lot.host)).endpoint
        url = f"{endpoint}/gonka/v1/samples/{work.epoch}/{lot.escrow_id}/{self.host}"
        most_bytes = compute_opening_bytes(lot, max_context)
        body = await self._fetch_within(work.fetch_s, url, most_bytes) if endpoint else None
        if body is None:
            return None
        verifier = Host(decode_address(self.host))
        context = compute_opening_context(self.chain_id, work.epoch, lot.escrow_id, host, verifier)
        try:
            return open_sealed(pb.Sealed.FromString(body), self.key.reveal().reveal(), context)
        except (DecodeError, RuleError) as error:
            log.info("opening_unreadable", escrow_id=lot.escrow_id, host=lot.host, reason=str(error))
            return None

    async def _fetch_within(self, seconds: float, url: str, most_bytes: int) -> bytes | None:
        try:
            async with asyncio.timeout(seconds):
                return await self.fetch(url, most_bytes)
        except TimeoutError:
            log.info("opening_not_fetched_in_time", url=url)
            return None

    def _build_commitment(self, promise: pb.MsgRevealReports) -> pb.MsgCommitReports:
        reports = [
            Report(
                escrow_id=report.escrow_id,
                host=Host(decode_address(report.host)),
                tokens=report.tokens,
                distance_ppm=report.distance_ppm,
            )
            for report in promise.reports
        ]
        verifier = Host(decode_address(self.host))
        commitment = compute_reports_commitment(self.chain_id, promise.epoch, verifier, promise.salt, reports)
        return pb.MsgCommitReports(sender=self.key.address, host=self.host, epoch=promise.epoch, commitment=commitment)

    def _read_promise(self) -> pb.MsgRevealReports | None:
        """None also for one that is damaged: it is set aside, and what can still be promised is promised anew."""
        path = self.home / FILE_NAME
        if not path.exists():
            return None
        try:
            return pb.MsgRevealReports.FromString(path.read_bytes())
        except DecodeError as error:
            aside = path.replace(path.with_suffix(DAMAGED))
            log.error("promise_set_aside", code="promise_unreadable", path=str(aside), reason=str(error))
            return None

    async def _send(self, docket: Docket, what: str, message: Message) -> None:
        order = Order(order_id=f"reports/{docket.epoch}/{what}", messages=(message,), last_height=docket.last_height)
        outcome = await self.orders.send(order)
        log.info("reports_sent", epoch=docket.epoch, what=what, fate=outcome.fate.value, rule=outcome.result.rule)


def _draw_turn(seed: bytes, lot: pb.Lot) -> bytes:
    """By which lots are put in order.

    It is the same for all verifiers: where they have not the time for all lots, most seats report on some of them.  It
    is drawn: no host is always among those that are left over.
    """
    return framed_hash("gonka/check-turn", seed, le64(lot.escrow_id), decode_address(lot.host))


def _abstain(lot: pb.Lot) -> Report:
    return Report(escrow_id=lot.escrow_id, host=Host(decode_address(lot.host)), tokens=0, distance_ppm=0)


def _may_reveal(docket: Docket) -> bool:
    return docket.phase is Phase.DISPUTE_REVEAL and bool(docket.sent.commitment) and not docket.sent.revealed


async def keep_verifying(verifier: Verifier) -> None:
    """Look at every block whether anything is due."""
    upkeep = Upkeep(
        log=log, failed="verifying_postponed", again="verifying_works_again", after_failure_s=AFTER_FAILURE_S
    )
    await upkeep.go_on(verifier.attend)


def compute_opening_bytes(lot: pb.Lot, max_context: int) -> int:
    """The most that a host can owe for a lot: for each request that was drawn a body and as many answers as there are
    to one, each as long as the model holds.
    """
    drawn = sum(len(sample.positions) for sample in lot.samples)
    return min(MAX_OPENING, (1 + drawn) * (BODY_BYTES + PAPERS_BYTES + PROMPTS * max_context * TOKEN_BYTES))


async def fetch_url(session: aiohttp.ClientSession, url: str, most_bytes: int) -> bytes | None:
    """What a URL answers, tried a few times; None for a refusal, for silence, and for more than so many bytes."""
    for _ in range(TRIES):
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_S)
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status == 200:
                    return await _read_bounded(response, most_bytes)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # the last for what is no URL
            log.info("opening_not_fetched", url=url, reason=repr(error))
        await asyncio.sleep(AGAIN_S)
    return None


async def _read_bounded(response: aiohttp.ClientResponse, most_bytes: int) -> bytes | None:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most_bytes:
            return None
    return bytes(body)
