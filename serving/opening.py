"""The host's side of a check: the requests of its lots that were drawn, sealed to each verifier that asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from aiohttp import web

from rules.addresses import decode_address
from rules.answers import build_receipt_tree
from rules.errors import RuleError
from rules.types import Host
from serving.journal import StoredAnswer
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.openai.errors import ApiError
from wire.sealing import compute_opening_context, seal_opening

PATH: Final = "/gonka/v1/samples/{epoch}/{escrow_id}/{verifier}"
PROTOBUF: Final = "application/x-protobuf"


class Book(Protocol):
    """Where a host keeps what it answered."""

    def read_answers(self, escrow_id: int, serial: int) -> tuple[StoredAnswer, ...]:
        """The answers whose root was settled with a voucher, by request.  Raises ClientError."""
        ...


class LotSource(Protocol):
    """The chain, as far as a host that is checked looks at it.  Every method raises ClientError."""

    async def read_lots(self, host: Host) -> tuple[int, tuple[pb.Lot, ...]]:
        """The running epoch, and the host's lots in it."""
        ...

    async def read_serving_key(self, host: Host) -> bytes:
        """The serving key of a host, empty where it named none."""
        ...


class Opener:
    """Serves PATH.  `entropy` gives so many random bytes."""

    def __init__(
        self, book: Book, source: LotSource, *, chain_id: str, host: Host, entropy: Callable[[int], bytes]
    ) -> None:
        self._book = book
        self._source = source
        self._chain_id = chain_id
        self._host = host
        self._entropy = entropy

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET PATH: a Sealed.  Nobody need prove who asks: only the verifier can read it."""
        try:
            epoch, escrow_id = int(request.match_info["epoch"]), int(request.match_info["escrow_id"])
            verifier = Host(decode_address(request.match_info["verifier"]))
        except (ValueError, RuleError) as error:
            raise ApiError("request_invalid", f"epoch, escrow and verifier: {error}") from error
        sealed = await self.open(epoch, escrow_id, verifier)
        return web.Response(body=sealed.SerializeToString(), content_type=PROTOBUF)

    async def open(self, epoch: int, escrow_id: int, verifier: Host) -> pb.Sealed:
        """What a verifier is owed.  Raises ApiError sample_not_found; ClientError."""
        running, lots = await self._source.read_lots(self._host)
        lot = next((lot for lot in lots if lot.escrow_id == escrow_id), None)
        if epoch != running or lot is None or verifier not in [decode_address(seat.verifier) for seat in lot.seats]:
            raise ApiError("sample_not_found", f"epoch {epoch}, escrow {escrow_id}")
        key = await self._source.read_serving_key(verifier)
        if not key:
            raise ApiError("sample_not_found", "the verifier has no serving key")
        opening = pb.Opening(samples=[self.open_sample(lot, sample) for sample in lot.samples])
        context = compute_opening_context(self._chain_id, epoch, escrow_id, self._host, verifier)
        return seal_opening(opening, key, context, self._entropy(32))

    def open_sample(self, lot: pb.Lot, sample: pb.Sample) -> pb.OpenedSample:
        """The requests of one sample, in clear.  Raises ApiError sample_not_found; ClientError."""
        answers = self._book.read_answers(lot.escrow_id, sample.serial)
        if len(answers) != sample.count:
            raise ApiError("sample_not_found", f"{len(answers)} of {sample.count} answers are kept")
        tree = build_receipt_tree([(answer.receipt.request, answer.digest) for answer in answers])
        proof = tree.prove(sample.positions)
        requests = [build_opened(answers[position]) for position in sample.positions]
        return pb.OpenedSample(requests=requests, siblings=proof.siblings, splits=proof.splits)


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
