"""The verifier's duty: fetch what hosts owe it, score it, promise its reports, and reveal them when all have promised.

The promise is on disk before it is sent, so that a verifier that dies in between reveals what it promised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
from rules.addresses import decode_address, encode_address
from rules.answers import SALT_BYTES, Report, compute_reports_commitment
from rules.errors import RuleError
from rules.types import Host, Phase
from serving.check_view import CheckView, Docket
from serving.checking import Case, Scorer, check_lot
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.sidecar.v1.inference_pb2 import LoadedModel
from wire.sealing import compute_opening_context, open_sealed

FILE_NAME: Final = "reports.binpb"
TRIES: Final = 3
AGAIN_S: Final = 1.0
AFTER_FAILURE_S: Final = 5.0
FETCH_S: Final = 30.0
MAX_OPENING: Final = 256 << 20
"""Bytes of the largest opening that is taken: what a host could be owed for 64 requests stays below."""
COMMITTING: Final = frozenset({Phase.REVEAL, Phase.ROWS_COMMIT, Phase.ROWS_REVEAL, Phase.DISPUTE_COMMIT})
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
class Verifier:
    """One host's; `host` is bech32, `fetch` gives what a URL answers, or None."""

    view: CheckView
    sidecar: Sidecar
    orders: Orders
    fetch: Callable[[str], Awaitable[bytes | None]]
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
        models, loaded = await self.view.read_models(), await self.sidecar.models()
        reports = [await self._check(docket.epoch, lot, models[lot.model_id], loaded) for lot in docket.lots]
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

    async def _check(self, epoch: int, lot: pb.Lot, model: Model, loaded: tuple[LoadedModel, ...]) -> Report:
        """A verifier that cannot score accuses nobody and vouches for nobody: no tokens, no distance."""
        host = Host(decode_address(lot.host))
        wanted = (model.content_hash, model.tokenizer_hash)
        mine = next((m for m in loaded if (m.content_hash, m.tokenizer_hash) == wanted), None)
        if mine is None:
            log.warning("model_not_loaded", model=model.name, escrow_id=lot.escrow_id)
            return Report(escrow_id=lot.escrow_id, host=host, tokens=0, distance_ppm=0)
        try:
            escrow = await self.view.read_escrow(lot.escrow_id)
            opening = await self._fetch_opening(epoch, lot, host)
            case = Case(chain_id=self.chain_id, host=host, lot=lot, voucher_pubkey=escrow.voucher_pubkey, model=mine)
            report = await check_lot(self.sidecar, case, opening)
        except ClientError as error:
            log.warning("lot_not_checked", escrow_id=lot.escrow_id, host=lot.host, code=error.code)
            return Report(escrow_id=lot.escrow_id, host=host, tokens=0, distance_ppm=0)
        log.info("lot_checked", escrow_id=lot.escrow_id, host=lot.host, tokens=report.tokens, ppm=report.distance_ppm)
        return report

    async def _fetch_opening(self, epoch: int, lot: pb.Lot, host: Host) -> pb.Opening | None:
        """What the host delivers, None for nothing that can be read."""
        endpoint = (await self.view.read_offer(lot.host)).endpoint
        url = f"{endpoint}/gonka/v1/samples/{epoch}/{lot.escrow_id}/{self.host}"
        body = await self.fetch(url) if endpoint else None
        if body is None:
            return None
        verifier = Host(decode_address(self.host))
        context = compute_opening_context(self.chain_id, epoch, lot.escrow_id, host, verifier)
        try:
            return open_sealed(pb.Sealed.FromString(body), self.key.reveal().reveal(), context)
        except (DecodeError, RuleError) as error:
            log.info("opening_unreadable", escrow_id=lot.escrow_id, host=lot.host, reason=str(error))
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
        path = self.home / FILE_NAME
        return pb.MsgRevealReports.FromString(path.read_bytes()) if path.exists() else None

    async def _send(self, docket: Docket, what: str, message: Message) -> None:
        order = Order(order_id=f"reports/{docket.epoch}/{what}", messages=(message,), last_height=docket.phase_last)
        outcome = await self.orders.send(order)
        log.info("reports_sent", epoch=docket.epoch, what=what, fate=outcome.fate.value, rule=outcome.result.rule)


def _may_reveal(docket: Docket) -> bool:
    return docket.phase is Phase.DISPUTE_REVEAL and bool(docket.sent.commitment) and not docket.sent.revealed


async def keep_verifying(verifier: Verifier) -> None:
    """Look at every block whether anything is due, whatever fails meanwhile."""
    while True:
        pause_s = AFTER_FAILURE_S
        try:
            pause_s = await verifier.attend()
        except ClientError as error:
            log.warning("verifying_postponed", code=error.code, detail=error.detail)
        await asyncio.sleep(pause_s)


async def fetch_url(session: aiohttp.ClientSession, url: str) -> bytes | None:
    """What a URL answers, tried a few times; None for a refusal, for silence, and for too much."""
    for _ in range(TRIES):
        try:
            timeout = aiohttp.ClientTimeout(total=FETCH_S)
            async with session.get(url, timeout=timeout, allow_redirects=False) as response:
                if response.status == 200:
                    return await _read_bounded(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.info("opening_not_fetched", url=url, reason=repr(error))
        await asyncio.sleep(AGAIN_S)
    return None


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes | None:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > MAX_OPENING:
            return None
    return bytes(body)
