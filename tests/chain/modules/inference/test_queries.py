"""What wallets, gateways and hosts read of models, offers and escrows."""

import pytest

from chain.modules.inference.queries import get_escrow, get_offer, get_params, list_escrows, list_models, list_offers
from chain.modules.query import Snapshot
from rules.errors import RuleError
from rules.presets import MINIMAL
from tests.chain.ledger import ANN, BOB, CAT, CHAIN_ID, DAN, STRANGER
from tests.chain.market import BASE_PRICE, Market, add_model, offer_of, serving_key_of
from wire.codec import encode_params
from wire.gonka.inference.v1 import query_pb2 as pb
from wire.gonka.stake.v1.tx_pb2 import MsgRegisterHost

from cosmos.base.query.v1beta1.pagination_pb2 import PageRequest


@pytest.fixture
def market() -> Market:
    market = Market.open()
    market.network.send(MsgRegisterHost(host=DAN.text))
    market.network.send(offer_of(DAN, market.model_id))
    return market


def snapshot_of(market: Market) -> Snapshot:
    store = market.network.store
    return Snapshot(store=store, records=store, height=market.network.height, time_ns=0, chain_id=CHAIN_ID)


def test_params_and_models__are_what_the_chain_goes_by(market: Market) -> None:
    snapshot = snapshot_of(market)
    params = get_params(snapshot, pb.QueryParamsRequest()).params
    assert params == encode_params(MINIMAL).inference
    (model,) = list_models(snapshot, pb.QueryModelsRequest()).models
    assert (model.model_id, model.base_price_ngonka) == (market.model_id, BASE_PRICE)


def test_offer__with_weight_or_without__is_shown(market: Market) -> None:
    for person in (ANN, DAN):
        assert get_offer(snapshot_of(market), pb.QueryOfferRequest(host=person.text)).offer.host == person.text
    with pytest.raises(RuleError, match="not_found"):
        get_offer(snapshot_of(market), pb.QueryOfferRequest(host=STRANGER.text))


def test_offer__of_a_serving_key__is_that_of_its_host(market: Market) -> None:
    by_key = pb.QueryOfferRequest(serving_pubkey=serving_key_of(BOB).public_key)
    assert get_offer(snapshot_of(market), by_key).offer.host == BOB.text
    for nobody in (pb.QueryOfferRequest(), pb.QueryOfferRequest(serving_pubkey=STRANGER.public_key)):
        with pytest.raises(RuleError, match="not_found"):
            get_offer(snapshot_of(market), nobody)


def test_offers__hosts_without_weight__are_left_out(market: Market) -> None:
    found = list_offers(snapshot_of(market), pb.QueryOffersRequest())
    assert [offer.host for offer in found.offers] == [p.text for p in sorted((ANN, BOB, CAT), key=lambda p: p.address)]


def test_offers__of_a_model__are_those_that_name_it_page_by_page(market: Market) -> None:
    other = getattr(market.network.send(add_model("other")), "model_id")  # noqa: B009 - any message
    market.network.send(offer_of(ANN, other))
    snapshot = snapshot_of(market)
    assert [o.host for o in list_offers(snapshot, pb.QueryOffersRequest(model_id=other)).offers] == [ANN.text]
    first = list_offers(snapshot, pb.QueryOffersRequest(model_id=market.model_id, pagination=PageRequest(limit=1)))
    page = PageRequest(limit=1, key=first.pagination.next_key)
    second = list_offers(snapshot, pb.QueryOffersRequest(model_id=market.model_id, pagination=page))
    assert {offer.host for answer in (first, second) for offer in answer.offers} == {BOB.text, CAT.text}
    assert not second.pagination.next_key


def test_escrows__of_a_developer_a_host_or_both__are_found(market: Market) -> None:
    for developer in (DAN, DAN, ANN):
        market.escrow(developer=developer)
    snapshot = snapshot_of(market)

    def numbers(**request: str) -> list[int]:
        return [escrow.escrow_id for escrow in list_escrows(snapshot, pb.QueryEscrowsRequest(**request)).escrows]

    assert numbers() == [1, 2, 3]
    assert numbers(developer=DAN.text) == [1, 2]
    assert numbers(host=CAT.text) == [1, 2, 3]
    assert numbers(developer=ANN.text, host=CAT.text) == [3]
    assert numbers(developer=ANN.text, host=DAN.text) == []
    assert get_escrow(snapshot, pb.QueryEscrowRequest(escrow_id=3)).escrow.developer == ANN.text
    with pytest.raises(RuleError, match="escrow_unknown"):
        get_escrow(snapshot, pb.QueryEscrowRequest(escrow_id=4))
