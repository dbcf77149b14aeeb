"""What the chain tells of checks: lots, who is seated, what receipts are shown, and where a host serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain_client.ledger import Ledger
from rules.addresses import encode_address
from rules.types import Host, Phase
from wire.gonka.inference.v1 import check_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.inference.v1 import receipt_pb2
from wire.gonka.inference.v1.inference_pb2 import Escrow, Model, Offer
from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryEpochRequest, QueryEpochResponse

CHECKS: Final = "/gonka.inference.v1.CheckQuery"
INFERENCE: Final = "/gonka.inference.v1.Query"
RECEIPTS: Final = "/gonka.inference.v1.ReceiptQuery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """What a verifier has before it: its lots, and what it has sent.

    What is due in the phase is taken until `last_height`, in `blocks` blocks from now, which come `block_ms` apart.
    `seed` is the one that the lots were drawn with.
    """

    epoch: int
    seed: bytes
    phase: Phase
    last_height: int
    blocks: int
    block_ms: int
    lots: tuple[pb.Lot, ...]
    sent: pb.ReportSet


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """The queries; each raises ClientError."""

    ledger: Ledger

    async def read_docket(self, verifier: str) -> Docket:
        """What a verifier (bech32) has before it now."""
        asked = await self.ledger.query("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse)
        request = pb.QueryLotsRequest(verifier=verifier)
        answer = await self.ledger.query(f"{CHECKS}/Lots", request, pb.QueryLotsResponse)
        status, last_height = asked.status, _find_last_height(asked.status)
        return Docket(
            epoch=status.epoch,
            seed=status.sample_seed,
            phase=Phase(status.phase),
            last_height=last_height,
            blocks=last_height - status.height,
            block_ms=status.block_ms,
            lots=tuple(answer.lots) if answer.epoch == status.epoch else (),
            sent=answer.reports,
        )

    async def read_lots(self, host: Host) -> tuple[int, tuple[pb.Lot, ...]]:
        """The running epoch, and a host's lots in it."""
        request = pb.QueryLotsRequest(host=encode_address(host))
        answer = await self.ledger.query(f"{CHECKS}/Lots", request, pb.QueryLotsResponse)
        return answer.epoch, tuple(answer.lots)

    async def read_showings(self, host: str) -> tuple[receipt_pb2.Showing, ...]:
        """Receipts of a host (bech32) that were shown and are not judged yet."""
        request = receipt_pb2.QueryShowingsRequest(host=host)
        answer = await self.ledger.query(f"{RECEIPTS}/Showings", request, receipt_pb2.QueryShowingsResponse)
        return tuple(answer.showings)

    async def read_height(self) -> int:
        """The latest."""
        return (await self.ledger.latest()).height

    async def read_serving_key(self, host: Host) -> bytes:
        """The serving key of a host, empty where it named none."""
        return (await self.read_offer(encode_address(host))).serving_pubkey

    async def read_offer(self, host: str) -> Offer:
        """Where a host (bech32) serves, and with which key."""
        request = query.QueryOfferRequest(host=host)
        return (await self.ledger.query(f"{INFERENCE}/Offer", request, query.QueryOfferResponse)).offer

    async def read_escrow(self, escrow_id: int) -> Escrow:
        """An escrow."""
        request = query.QueryEscrowRequest(escrow_id=escrow_id)
        return (await self.ledger.query(f"{INFERENCE}/Escrow", request, query.QueryEscrowResponse)).escrow

    async def read_credit_tokens(self) -> int:
        """How many tokens a host may work ahead of what is signed."""
        answer = await self.ledger.query(f"{INFERENCE}/Params", query.QueryParamsRequest(), query.QueryParamsResponse)
        return int(answer.params.credit_tokens)

    async def read_models(self) -> dict[bytes, Model]:
        """The chain's models by id."""
        answer = await self.ledger.query(f"{INFERENCE}/Models", query.QueryModelsRequest(), query.QueryModelsResponse)
        return {model.model_id: model for model in answer.models}


def _find_last_height(status: EpochStatus) -> int:
    """The last of the phase; in those in which reports are promised, that at which commitments close."""
    params, running = status.sprint_params, Phase(status.phase)
    lengths = {
        Phase.REVEAL: params.reveal_blocks,
        Phase.ROWS_COMMIT: params.rows_commit_blocks,
        Phase.ROWS_REVEAL: params.rows_reveal_blocks,
        Phase.DISPUTE_COMMIT: params.dispute_commit_blocks,
    }
    later = sum(blocks for phase, blocks in lengths.items() if phase > running) if running in lengths else 0
    return int(status.phase_last_height) + later
