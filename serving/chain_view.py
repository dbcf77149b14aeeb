"""What the serving process knows of the chain: read again every few seconds, used from memory in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chain_client.errors import ClientError, PermanentError
from chain_client.ledger import Ledger
from serving.check_view import RECEIPTS
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2 as query
from wire.gonka.inference.v1 import receipt_pb2
from wire.gonka.sprint.v1.query_pb2 import QueryEpochRequest, QueryEpochResponse
from wire.openai.errors import ApiError

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest

FRESH_S: Final = 5.0
STALE_S: Final = 120.0
"""Longer than this without a word from the chain, and no new request is taken: an escrow might have closed."""
LOOKUP_S: Final = 1.0
"""The chain is asked for an escrow that is not known once in so long: whoever makes numbers up gets nowhere."""
RETRY_S: Final = 5
PAGE: Final = 500
SERVICE: Final = "/gonka.inference.v1.Query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The chain at one look: escrows by number, models by id."""

    epoch: int
    credit_tokens: int
    settles_per_epoch: int
    escrows: dict[int, pb.Escrow]
    models: dict[bytes, pb.Model]


class ChainView:
    """One host's view; `now_s` is monotonic."""

    def __init__(self, ledger: Ledger, *, chain_id: str, host: str, now_s: Callable[[], float]) -> None:
        self._ledger = ledger
        self._now_s = now_s
        self._seen: Seen | None = None
        self._seen_s = 0.0
        self._looked_up_s = -LOOKUP_S
        self._turn = asyncio.Lock()
        self.chain_id = chain_id
        self.host = host

    @property
    def seen(self) -> Seen:
        """What was seen last.  Raises ApiError chain_unavailable where that is too old."""
        if self._seen is None or self._now_s() - self._seen_s > STALE_S:
            raise ApiError("chain_unavailable", retry_after_s=RETRY_S)
        return self._seen

    async def refresh(self) -> Seen:
        """Look again.  Raises ClientError."""
        async with self._turn:
            return await self._refresh()

    async def _refresh(self) -> Seen:
        began_s = self._now_s()
        ask = self._ledger.query
        epoch = await ask("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse)
        if epoch.chain_id != self.chain_id:
            raise PermanentError("chain_id_mismatch", f"this is {epoch.chain_id}, not {self.chain_id}")
        params = (await ask(f"{SERVICE}/Params", query.QueryParamsRequest(), query.QueryParamsResponse)).params
        models = (await ask(f"{SERVICE}/Models", query.QueryModelsRequest(), query.QueryModelsResponse)).models
        self._seen = Seen(
            epoch=epoch.status.epoch,
            credit_tokens=params.credit_tokens,
            settles_per_epoch=params.settles_per_epoch,
            escrows=await self._read_escrows(),
            models={model.model_id: model for model in models},
        )
        self._seen_s = began_s
        return self._seen

    async def _read_escrows(self) -> dict[int, pb.Escrow]:
        found: dict[int, pb.Escrow] = {}
        page = PageRequest(limit=PAGE)
        while True:
            request = query.QueryEscrowsRequest(host=self.host, pagination=page)
            answer = await self._ledger.query(f"{SERVICE}/Escrows", request, query.QueryEscrowsResponse)
            found |= {escrow.escrow_id: escrow for escrow in answer.escrows}
            if not answer.pagination.next_key:
                return found
            page = PageRequest(limit=PAGE, key=answer.pagination.next_key)

    async def is_closed(self, escrow_id: int, newest: int) -> bool:
        """Whether an escrow closed.  One that the chain does not know is long closed where it knows a newer one, which
        `newest` may be; else the node may not have come to it yet.  Raises ClientError.
        """
        request = query.QueryEscrowRequest(escrow_id=escrow_id)
        try:
            answer = await self._ledger.query(f"{SERVICE}/Escrow", request, query.QueryEscrowResponse)
        except PermanentError as error:
            if error.code != "escrow_unknown":
                raise
            return escrow_id < newest
        return answer.escrow.closed

    async def has_settled(self, escrow_id: int, serial: int, root: bytes) -> bool:
        """Whether the chain keeps that a voucher settled with this tree.  Raises ClientError."""
        request = receipt_pb2.QuerySettledRequest(escrow_id=escrow_id, host=self.host)
        answer = await self._ledger.query(f"{RECEIPTS}/Settled", request, receipt_pb2.QuerySettledResponse)
        return any((settled.serial, settled.receipts_root) == (serial, root) for settled in answer.settled)

    async def look_up(self, escrow_id: int) -> pb.Escrow:
        """An escrow, asked for anew where it is not known.  Raises ApiError: escrow_unknown, chain_unavailable."""
        if self._seen is None or escrow_id not in self._seen.escrows:
            await self.look_again()
        escrow = self.seen.escrows.get(escrow_id)
        if escrow is None:
            raise ApiError("escrow_unknown", f"no escrow {escrow_id} has a part for this host")
        return escrow

    async def look_again(self) -> None:
        """Ask for what may have changed, but not more often than once in LOOKUP_S.  Failing is no error: see `seen`."""
        async with self._turn:
            if self._now_s() - self._looked_up_s < LOOKUP_S:
                return
            self._looked_up_s = self._now_s()
            try:
                await self._refresh()
            except ClientError:
                return
