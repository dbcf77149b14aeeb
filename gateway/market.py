"""What a gateway knows of the chain, read by one look: models, who offers them, and its own escrows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.doubts import Standing
from gateway.policies import Territory
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.offers import check_endpoint
from rules.pricing import compute_price
from rules.receipts import Settling
from rules.types import Host
from rules.vouchers import Price, Terms
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1.query_pb2 import (
    QueryEscrowRequest,
    QueryEscrowResponse,
    QueryEscrowsRequest,
    QueryEscrowsResponse,
    QueryModelsRequest,
    QueryModelsResponse,
    QueryOffersRequest,
    QueryOffersResponse,
    QueryParamsRequest,
    QueryParamsResponse,
)
from wire.gonka.inference.v1.receipt_pb2 import (
    QuerySettledRequest,
    QuerySettledResponse,
    QueryShowingsRequest,
    QueryShowingsResponse,
)
from wire.gonka.sprint.v1.query_pb2 import QueryEpochRequest, QueryEpochResponse
from wire.gonka.stake.v1.query_pb2 import QueryTableRequest, QueryTableResponse
from wire.vouchers import find_reserve

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest

if TYPE_CHECKING:
    from chain_client.ledger import Ledger

PAGE: Final = 100
_QUERY: Final = "/gonka.inference.v1.Query"
_RECEIPT_QUERY: Final = "/gonka.inference.v1.ReceiptQuery"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChainModel:
    """A model as governance added it; `price` is what an escrow that is opened now would pay for 10^6 tokens."""

    name: str
    model_id: bytes
    content_hash: bytes
    tokenizer_hash: bytes
    max_context: int
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A host that serves models at a URL; `weight` is its effective units, `serving_pubkey` signs its receipts."""

    host: str
    model_ids: frozenset[bytes]
    endpoint: str
    region: str
    weight: int
    serving_pubkey: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Escrow:
    """An open escrow of this gateway's; `reserves` holds ngonka by host, `settled` the serial of the newest voucher
    that settled.
    """

    escrow_id: int
    model_id: bytes
    price: Price
    territory: Territory
    deposit_ngonka: int
    reserves: dict[str, int]
    settled: dict[str, int]
    voucher_pubkey: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """All of it at one time; models by name, offers by host."""

    chain_id: str
    height: int
    epoch: int
    credit_tokens: int
    group_size: int
    min_deposit_ngonka: int
    models: dict[str, OnChainModel]
    offers: dict[str, Offer]
    escrows: tuple[Escrow, ...]

    def make_terms(self, escrow: Escrow, host: str) -> Terms:
        """What an escrow promises a host of its group."""
        return Terms(
            chain_id=self.chain_id,
            escrow_id=escrow.escrow_id,
            host=Host(decode_address(host)),
            model_id=escrow.model_id,
            price=escrow.price,
            reserve_ngonka=escrow.reserves[host],
            credit_tokens=self.credit_tokens,
        )

    def list_hosts(self, model: OnChainModel, territory: Territory) -> list[Offer]:
        """Offers of a model within a territory, by host."""
        return [
            offer
            for _, offer in sorted(self.offers.items())
            if model.model_id in offer.model_ids and territory.admits(offer.host, offer.region)
        ]


async def read_market(ledger: Ledger, developer: str) -> Market:
    """What the chain says, all of it at its latest height; `developer` is the bech32 account that opens escrows.

    Raises ClientError.
    """
    block = await ledger.latest()
    height = block.height
    params = (await ledger.query(f"{_QUERY}/Params", QueryParamsRequest(), QueryParamsResponse, height=height)).params
    models = (await ledger.query(f"{_QUERY}/Models", QueryModelsRequest(), QueryModelsResponse, height=height)).models
    table_query = "/gonka.stake.v1.Query/Table"
    table = await ledger.query(table_query, QueryTableRequest(), QueryTableResponse, height=height)
    weights = {entry.host: int(entry.effective_units) for entry in table.entries}
    return Market(
        chain_id=block.chain_id,
        height=height,
        epoch=await read_epoch(ledger, height),
        credit_tokens=params.credit_tokens,
        group_size=params.group_size,
        min_deposit_ngonka=params.min_deposit_ngonka,
        models={model.name: _read_model(model) for model in models},
        offers={offer.host: offer for offer in await _read_offers(ledger, weights, height)},
        escrows=tuple(await _read_escrows(ledger, developer, height)),
    )


async def read_epoch(ledger: Ledger, height: int) -> int:
    """The epoch of the block that follows a height.  Raises ClientError."""
    answer = await ledger.query("/gonka.sprint.v1.Query/Epoch", QueryEpochRequest(), QueryEpochResponse, height=height)
    return int(answer.status.epoch)


async def read_standing(ledger: Ledger, place: tuple[int, str], epoch: int, height: int) -> Standing:
    """What the chain shows of an escrow and a host of its group, whose receipts are kept.

    Raises ClientError: `escrow_unknown` for one that is forgotten; RuleError `voucher_foreign`.
    """
    escrow_id, host = place
    request = QueryEscrowRequest(escrow_id=escrow_id)
    escrow = (await ledger.query(f"{_QUERY}/Escrow", request, QueryEscrowResponse, height=height)).escrow
    settled = await ledger.query(
        f"{_RECEIPT_QUERY}/Settled",
        QuerySettledRequest(escrow_id=escrow_id, host=host),
        QuerySettledResponse,
        height=height,
    )
    shown = await ledger.query(
        f"{_RECEIPT_QUERY}/Showings", QueryShowingsRequest(host=host), QueryShowingsResponse, height=height
    )
    return Standing(
        epoch=epoch,
        settlings=tuple(_read_settling(record) for record in settled.settled),
        newest_serial=find_reserve(escrow, host).serial,
        is_closed=escrow.closed,
        showing=next((s.receipt.request for s in shown.showings if s.receipt.escrow_id == escrow_id), None),
    )


async def _read_offers(ledger: Ledger, weights: dict[str, int], height: int) -> list[Offer]:
    """Offers of hosts with weight, whose URLs can be dialled."""
    found, key = [], b""
    while True:
        request = QueryOffersRequest(pagination=PageRequest(key=key, limit=PAGE))
        answer = await ledger.query(f"{_QUERY}/Offers", request, QueryOffersResponse, height=height)
        found += [
            Offer(
                host=offer.host,
                model_ids=frozenset(offer.model_ids),
                endpoint=offer.endpoint,
                region=offer.region,
                weight=weights[offer.host],
                serving_pubkey=offer.serving_pubkey,
            )
            for offer in answer.offers
            if weights.get(offer.host, 0) > 0 and _is_endpoint(offer.endpoint)
        ]
        key = answer.pagination.next_key
        if not key:
            return found


async def _read_escrows(ledger: Ledger, developer: str, height: int) -> list[Escrow]:
    """The developer's escrows that take new work, the newest last."""
    found, key = [], b""
    while True:
        request = QueryEscrowsRequest(developer=developer, pagination=PageRequest(key=key, limit=PAGE))
        answer = await ledger.query(f"{_QUERY}/Escrows", request, QueryEscrowsResponse, height=height)
        found += [_read_escrow(escrow) for escrow in answer.escrows if not escrow.closes_epoch]
        key = answer.pagination.next_key
        if not key:
            return sorted(found, key=lambda escrow: escrow.escrow_id)


def _is_endpoint(url: str) -> bool:
    """Looked at again: a chain of another version may take more."""
    try:
        check_endpoint(url)
    except RuleError:
        return False
    return True


def _read_settling(record: pb.Settled) -> Settling:
    return Settling(
        epoch=record.epoch,
        after_serial=record.after_serial,
        serial=record.serial,
        root=record.receipts_root,
        count=record.receipts_count,
    )


def _read_model(model: pb.Model) -> OnChainModel:
    price = compute_price(model.base_price_ngonka, model.units_per_token_in, model.units_per_token_out)
    return OnChainModel(
        name=model.name,
        model_id=model.model_id,
        content_hash=model.content_hash,
        tokenizer_hash=model.tokenizer_hash,
        max_context=model.max_context,
        price=price,
    )


def _read_escrow(escrow: pb.Escrow) -> Escrow:
    return Escrow(
        escrow_id=escrow.escrow_id,
        model_id=escrow.model_id,
        price=Price(in_ngonka=escrow.price_in_ngonka, out_ngonka=escrow.price_out_ngonka),
        territory=Territory(
            regions=tuple(sorted(escrow.policy.regions)) or None, hosts=tuple(sorted(escrow.policy.hosts)) or None
        ),
        deposit_ngonka=escrow.deposit_ngonka,
        reserves={reserve.host: reserve.reserve_ngonka for reserve in escrow.reserves},
        settled={reserve.host: reserve.serial for reserve in escrow.reserves},
        voucher_pubkey=escrow.voucher_pubkey,
    )
