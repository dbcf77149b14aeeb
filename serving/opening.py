"""The host's side of a check: the requests of its lots that were drawn, sealed to each verifier that asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from aiohttp import web

from chain_client.errors import ClientError
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.types import Host
from serving.journal import StoredAnswer
from serving.placing import Trees
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.openai.errors import ApiError
from wire.sealing import compute_opening_context, seal_opening

PATH: Final = "/gonka/v1/samples/{epoch}/{escrow_id}/{verifier}"
PROTOBUF: Final = "application/x-protobuf"
LOOK_S: Final = 1.0
RETRY_S: Final = 5
KEPT_BYTES: Final = 64 << 20
"""Of sealed openings in memory."""


class Book(Protocol):
    """Where a host keeps what it answered."""

    def read_answers(self, escrow_id: int, serial: int, requests: Sequence[int]) -> tuple[StoredAnswer, ...]:
        """Those of the answers that hang in a voucher's tree, by request.  Raises ClientError."""
        ...


class LotSource(Protocol):
    """The chain, as far as a host that is checked looks at it.  Every method raises ClientError."""

    async def read_lots(self, host: Host) -> tuple[int, tuple[pb.Lot, ...]]:
        """The running epoch, and the host's lots in it."""
        ...

    async def read_serving_key(self, host: Host) -> bytes:
        """The serving key of a host, empty where it named none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The host's lots as they were read last, and the serving keys of verifiers who asked since."""

    seen_s: float
    epoch: int
    lots: tuple[pb.Lot, ...]
    keys: dict[Host, bytes] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Opener:
    """Serves PATH, one request at a time; `entropy` gives so many random bytes, `now_s` is monotonic.

    Whoever asks costs little: the chain is looked at once in LOOK_S, and what was sealed is kept and given again.
    """

    book: Book
    source: LotSource
    trees: Trees
    chain_id: str
    host: Host
    entropy: Callable[[int], bytes]
    now_s: Callable[[], float]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    seen: Seen | None = None
    sealed: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    """By context and verifier's key; the oldest goes where they come to more than KEPT_BYTES."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET PATH: a Sealed.  Nobody need prove who asks: only the verifier can read it."""
        try:
            epoch, escrow_id = int(request.match_info["epoch"]), int(request.match_info["escrow_id"])
            verifier = Host(decode_address(request.match_info["verifier"]))
        except (ValueError, RuleError) as error:
            raise ApiError("request_invalid", f"epoch, escrow and verifier: {error}") from error
        try:
            async with self.turn:
                sealed = await self._find(epoch, escrow_id, verifier)
        except ClientError as error:
            raise ApiError("chain_unavailable", error.detail, retry_after_s=RETRY_S) from error
        return web.Response(body=sealed, content_type=PROTOBUF)

    async def open(self, epoch: int, escrow_id: int, verifier: Host) -> pb.Sealed:
        """What a verifier is owed.  Raises ApiError sample_not_found; ClientError."""
        async with self.turn:
            return pb.Sealed.FromString(await self._find(epoch, escrow_id, verifier))

    async def _find(self, epoch: int, escrow_id: int, verifier: Host) -> bytes:
        seen = await self._look()
        lot = next((lot for lot in seen.lots if lot.escrow_id == escrow_id), None)
        if epoch != seen.epoch or lot is None or verifier not in [decode_address(seat.verifier) for seat in lot.seats]:
            raise ApiError("sample_not_found", f"epoch {epoch}, escrow {escrow_id}")
        if verifier not in seen.keys:
            seen.keys[verifier] = await self.source.read_serving_key(verifier)
        key = seen.keys[verifier]
        if not key:
            raise ApiError("sample_not_found", "the verifier has no serving key")
        context = compute_opening_context(self.chain_id, epoch, escrow_id, self.host, verifier)
        found = self.sealed.get((context, key))
        if found is None:
            found = self._keep((context, key), await self._seal(lot, key, context))
        return found

    async def _look(self) -> Seen:
        began_s = self.now_s()
        if self.seen is None or began_s - self.seen.seen_s >= LOOK_S:
            epoch, lots = await self.source.read_lots(self.host)
            self.seen = Seen(seen_s=began_s, epoch=epoch, lots=lots)
        return self.seen

    async def _seal(self, lot: pb.Lot, key: bytes, context: bytes) -> bytes:
        opening = pb.Opening(samples=[await self.open_sample(lot, sample) for sample in lot.samples])
        return seal_opening(opening, key, context, self.entropy(32)).SerializeToString()

    def _keep(self, place: tuple[bytes, bytes], sealed: bytes) -> bytes:
        self.sealed[place] = sealed
        while sum(map(len, self.sealed.values())) > KEPT_BYTES:
            del self.sealed[next(iter(self.sealed))]
        return sealed

    async def open_sample(self, lot: pb.Lot, sample: pb.Sample) -> pb.OpenedSample:
        """The requests of one sample, in clear.  Raises ApiError sample_not_found; ClientError."""
        hung = await self.trees.find(lot.escrow_id, sample.serial)
        if hung is None or len(hung.requests) != sample.count:
            kept = len(hung.requests) if hung else 0
            raise ApiError("sample_not_found", f"{kept} of {sample.count} receipts are kept")
        drawn = [hung.requests[position] for position in sample.positions]
        answers = self.book.read_answers(lot.escrow_id, sample.serial, drawn)
        if len(answers) != len(drawn):
            raise ApiError("sample_not_found", f"{len(answers)} of {len(drawn)} answers are kept")
        proof = hung.tree.prove(sample.positions)
        return pb.OpenedSample(requests=map(build_opened, answers), siblings=proof.siblings, splits=proof.splits)


def build_opened(answer: StoredAnswer) -> pb.OpenedRequest:
    """A request and its answers, in full."""
    receipt = answer.receipt
    return pb.OpenedRequest(
        ticket=answer.ticket,
        body=answer.body,
        host_nonce=receipt.host_nonce,
        salt=receipt.salt,
        answers=[pb.OpenedAnswer(tokens=part.tokens) for part in receipt.answers],
    )
