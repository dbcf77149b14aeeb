"""What the demo reads from the chain."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from chain_client.errors import PermanentError, TransientError
from chain_client.ledger import Ledger
from wire.gonka.beacon.v1.tx_pb2 import MsgCommitSeeds, MsgRevealSeed
from wire.gonka.params.v1.query_pb2 import QueryParamsRequest, QueryParamsResponse
from wire.gonka.sprint.v1.query_pb2 import (
    EpochStatus,
    QueryEpochRequest,
    QueryEpochResponse,
    QuerySummaryRequest,
    QuerySummaryResponse,
)
from wire.gonka.sprint.v1.sprint_pb2 import EpochSummary
from wire.gonka.sprint.v1.tx_pb2 import (
    MsgClaim,
    MsgCommitDispute,
    MsgCommitRows,
    MsgRevealDispute,
    MsgRevealLeaves,
    MsgRevealRows,
)
from wire.gonka.stake.v1.query_pb2 import QueryHostRequest, QueryHostResponse

from cosmos.base.tendermint.v1beta1.query_pb2 import GetBlockByHeightRequest, GetBlockByHeightResponse
from cosmos.gov.v1.query_pb2 import QueryProposalRequest, QueryProposalResponse
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody, TxRaw

POLL_S = 0.15
DUTIES: dict[str, Any] = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (
        MsgCommitSeeds,
        MsgRevealSeed,
        MsgClaim,
        MsgRevealLeaves,
        MsgCommitRows,
        MsgRevealRows,
        MsgCommitDispute,
        MsgRevealDispute,
    )
}


class Watch:
    """Reads through a ledger; nothing here decides."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def until(
        self, reached: Callable[[EpochStatus], bool], *, timeout_s: int, guard: Callable[[], None]
    ) -> EpochStatus:
        """The first status for which `reached` holds.

        `guard` raises when something that must run does not.  Raises: PermanentError `demo_stalled` after `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            guard()
            try:
                status = await self.epoch()
                if reached(status):
                    return status
            except TransientError:
                pass  # not up yet, or busy: asked again until the deadline
            await asyncio.sleep(POLL_S)
        raise PermanentError("demo_stalled", f"waited {timeout_s} s")

    async def epoch(self) -> EpochStatus:
        """Where the chain stands."""
        answer = await self._ledger.query("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse)
        return answer.status

    async def summary(self, epoch: int) -> EpochSummary:
        """How an epoch was settled."""
        request = QuerySummaryRequest(epoch=epoch)
        return (await self._ledger.query("/gonka.sprint.v1.Query/Summary", request, QuerySummaryResponse)).summary

    async def host(self, address: str) -> QueryHostResponse:
        """A host's record and its line in the table."""
        request = QueryHostRequest(address=address)
        return await self._ledger.query("/gonka.stake.v1.Query/Host", request, QueryHostResponse)

    async def frozen_unbonding_epochs(self) -> int:
        """`stake.unbonding_epochs` as the running epoch froze it."""
        answer = await self._ledger.query("/gonka.params.v1.Query/Params", QueryParamsRequest(), QueryParamsResponse)
        return int(answer.frozen.stake.unbonding_epochs)

    async def proposal(self, proposal_id: int) -> Any:
        """A cosmos.gov.v1.Proposal."""
        request = QueryProposalRequest(proposal_id=proposal_id)
        answer = await self._ledger.query("/cosmos.gov.v1.Query/Proposal", request, QueryProposalResponse)
        return answer.proposal

    async def blocks(self, last_height: int) -> list[tuple[bytes, ...]]:
        """The transactions of every block up to a height."""
        method = "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight"
        found = []
        for height in range(1, last_height + 1):
            answer = await self._ledger.query(method, GetBlockByHeightRequest(height=height), GetBlockByHeightResponse)
            found.append(tuple(answer.block.data.txs))
        return found

    async def code_of(self, tx: bytes) -> int:
        """How a transaction in a block ended; 0 is success."""
        result = await self._ledger.find(hash_of(tx))
        return result.code if result else -1


def hash_of(tx: bytes) -> str:
    """The chain's name for a transaction."""
    return sha256(tx).hexdigest().upper()


def find_repeated(blocks: list[tuple[bytes, ...]]) -> tuple[str, ...]:
    """Hashes of transactions that stand in the blocks more than once."""
    counts = Counter(hash_of(tx) for block in blocks for tx in block)
    return tuple(sorted(name for name, count in counts.items() if count > 1))


def list_sent(blocks: list[tuple[bytes, ...]], public_key: bytes) -> list[tuple[bytes, str]]:
    """Transactions signed by a key, in order, each with the name of its duty (`name_duty` of its first message)."""
    found = []
    for tx in (tx for block in blocks for tx in block):
        raw = TxRaw.FromString(tx)
        info = AuthInfo.FromString(raw.auth_info_bytes)
        if any(public_key in signer.public_key.value for signer in info.signer_infos):
            found.append((tx, name_duty(TxBody.FromString(raw.body_bytes).messages[0])))
    return found


def name_duty(packed: Any) -> str:
    """A message's short type name, with the epoch and the round it is for where it has them: `MsgRevealSeed 2 0`."""
    name = packed.TypeName()
    short = str(name.rsplit(".", 1)[-1])
    if name not in DUTIES:
        return short
    message = DUTIES[name].FromString(packed.value)
    fields = [f for f in ("epoch", "round") if f in message.DESCRIPTOR.fields_by_name]
    return " ".join([short, *(str(getattr(message, f)) for f in fields)])
