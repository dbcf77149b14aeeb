"""Where every ngonka of a local market is: read from the chain at one height, and added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chain.modules.bank.messages import MODULE_NAMES
from chain_client.transactions import DENOM
from rules.addresses import encode_address, module_address
from wire.gonka.inference.v1.query_pb2 import QueryEscrowsRequest, QueryEscrowsResponse
from wire.gonka.sprint.v1.query_pb2 import (
    QueryEpochRequest,
    QueryEpochResponse,
    QuerySummaryRequest,
    QuerySummaryResponse,
)

from cosmos.bank.v1beta1.query_pb2 import (
    QueryBalanceRequest,
    QueryBalanceResponse,
    QuerySupplyOfRequest,
    QuerySupplyOfResponse,
)
from cosmos.base.tendermint.v1beta1.query_pb2 import GetBlockByHeightRequest, GetBlockByHeightResponse
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxRaw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain_client.ledger import Ledger
    from wire.gonka.inference.v1.inference_pb2 import Escrow

BLOCKS = "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """What blocks say was moved, in ngonka: fees by payer, what settling paid and burned, what epochs minted."""

    fees: dict[str, int]
    paid: dict[str, int]
    burned: int
    minted: int
    slashed: int
    settlements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All of it at one height: balances by name, the supply, the developer's escrows, and the flows up to then."""

    height: int
    balances: dict[str, int]
    supply: int
    escrows: tuple[Escrow, ...]
    flows: Flows

    @property
    def deposited(self) -> int:
        """What the developer put into escrows."""
        return sum(escrow.deposit_ngonka for escrow in self.escrows)

    @property
    def settled(self) -> int:
        """What vouchers took out of them."""
        return sum(reserve.paid_ngonka for escrow in self.escrows for reserve in escrow.reserves)


async def read_books(ledger: Ledger, people: Mapping[str, str], developer: str, *, height: int = 0) -> Books:
    """The books at a height, 0 for the latest; `people` are bech32 accounts by name, `developer` the one that pays.

    Bonds that burn within an epoch are in its summary only once it is settled: where hosts may have failed to reveal a
    secret, read at an epoch's first height.
    """
    height = height or (await ledger.latest()).height
    accounts = {**people, **{f"module {name}": encode_address(module_address(name)) for name in MODULE_NAMES}}
    balances = {}
    for name, address in accounts.items():
        asked = QueryBalanceRequest(address=address, denom=DENOM)
        answer = await ledger.query("/cosmos.bank.v1beta1.Query/Balance", asked, QueryBalanceResponse, height=height)
        balances[name] = int(answer.balance.amount)
    supply = await ledger.query(
        "/cosmos.bank.v1beta1.Query/SupplyOf", QuerySupplyOfRequest(denom=DENOM), QuerySupplyOfResponse, height=height
    )
    escrows = await ledger.query(
        "/gonka.inference.v1.Query/Escrows",
        QueryEscrowsRequest(developer=developer),
        QueryEscrowsResponse,
        height=height,
    )
    minted, slashed = await _read_epochs(ledger, height)  # before the blocks: old heights are soon forgotten
    return Books(
        height=height,
        balances=balances,
        supply=int(supply.amount.amount),
        escrows=tuple(escrows.escrows),
        flows=await _read_flows(ledger, height, minted=minted, slashed=slashed),
    )


def find_gaps(books: Books, genesis_supply: int, developer_began: int, developer: str) -> list[str]:
    """Every sum that does not agree to the last ngonka, in words; none where all do."""
    flows, checks = books.flows, []
    checks.append(("all balances are the supply", sum(books.balances.values()), books.supply))
    now = genesis_supply + flows.minted - flows.burned - flows.slashed
    checks.append(("the supply is what was there, and minted, less what was burned and slashed", books.supply, now))
    left = developer_began - books.deposited - flows.fees.get(developer, 0)
    checks.append(("the developer has what it had less deposits and fees", books.balances["developer"], left))
    checks.append(
        (
            "the escrows hold deposits less what was settled",
            books.balances["module inference"],
            books.deposited - books.settled,
        )
    )
    checks.append(
        (
            "what was settled is what hosts got and what was burned",
            books.settled,
            sum(flows.paid.values()) + flows.burned,
        )
    )
    return [f"{what}: {found} and {wanted} ngonka" for what, found, wanted in checks if found != wanted]


async def _read_flows(ledger: Ledger, height: int, *, minted: int, slashed: int) -> Flows:
    fees: dict[str, int] = {}
    paid: dict[str, int] = {}
    burned = settlements = 0
    for at in range(1, height + 1):
        block = (await ledger.query(BLOCKS, GetBlockByHeightRequest(height=at), GetBlockByHeightResponse)).block
        for tx in block.data.txs:
            payer, fee = _read_fee(tx)
            fees[payer] = fees.get(payer, 0) + fee
            for host, host_part, burnt in await _find_settled(ledger, tx):
                paid[host] = paid.get(host, 0) + host_part
                burned += burnt
                settlements += 1
    return Flows(fees=fees, paid=paid, burned=burned, minted=minted, slashed=slashed, settlements=settlements)


def _read_fee(tx: bytes) -> tuple[str, int]:
    """Who signed a transaction, and the fee that it paid in its block."""
    from rules.addresses import address_from_pubkey

    info = AuthInfo.FromString(TxRaw.FromString(tx).auth_info_bytes)
    key = info.signer_infos[0].public_key.value[2:]
    return encode_address(address_from_pubkey(key)), sum(int(coin.amount) for coin in info.fee.amount)


async def _find_settled(ledger: Ledger, tx: bytes) -> list[tuple[str, int, int]]:
    """Host, its part and what was burned, for each voucher that a transaction settled."""
    import hashlib

    result = await ledger.find(hashlib.sha256(tx).hexdigest().upper())
    found = []
    for event in result.events if result else ():
        told = dict(event.attributes)
        if event.kind.endswith("voucher_settled"):
            found.append((told["host"], int(told["paid_ngonka"]), int(told["burned_ngonka"])))
    return found


async def _read_epochs(ledger: Ledger, height: int) -> tuple[int, int]:
    """What the epochs settled by `height` minted and slashed."""
    asked = "/gonka.sprint.v1.Query/Epoch"
    status = (await ledger.query(asked, QueryEpochRequest(), QueryEpochResponse, height=height)).status
    minted = slashed = 0
    for epoch in range(1, int(status.epoch)):
        request = QuerySummaryRequest(epoch=epoch)
        answer = await ledger.query("/gonka.sprint.v1.Query/Summary", request, QuerySummaryResponse, height=height)
        minted += int(answer.summary.minted_ngonka)
        slashed += int(answer.summary.slashed_ngonka)
    return minted, slashed
