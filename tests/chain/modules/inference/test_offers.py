"""What hosts may say they serve, and who of them an escrow may draw."""

import pytest

from chain.modules.auth.state import get_account
from chain.modules.inference import state
from chain.modules.inference.offers import list_servers
from chain.modules.stake import state as stake
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BOB, CAT, DAN, STRANGER
from tests.chain.market import Market, add_model, offer_of, serving_key_of
from wire.gonka.inference.v1.inference_pb2 import Offer, Policy
from wire.gonka.inference.v1.tx_pb2 import MsgSetOffer, MsgSetServingKey
from wire.gonka.stake.v1.tx_pb2 import MsgLeave, MsgRegisterHost


@pytest.fixture
def market() -> Market:
    return Market.open()


def servers(market: Market, policy: Policy | None = None) -> list[bytes]:
    return list(list_servers(market.network.store, market.model_id, policy or Policy()))


def test_set_offer__a_host__is_found_by_model_with_its_serving_key(market: Market) -> None:
    assert state.get_offer(market.network.store, Host(ANN.address)) == Offer(
        host=ANN.text,
        model_ids=[market.model_id],
        endpoint="https://host.example.org",
        region="DE",
        serving_pubkey=serving_key_of(ANN).public_key,
    )
    assert servers(market) == sorted(person.address for person in (ANN, BOB, CAT))


def test_set_offer__another_time__replaces_the_first(market: Market) -> None:
    market.network.send(MsgSetOffer(host=ANN.text))
    assert ANN.address not in servers(market)
    assert servers(market) == sorted(person.address for person in (BOB, CAT))
    market.network.send(offer_of(ANN, market.model_id))
    assert ANN.address in servers(market)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"host": STRANGER.text}, "host_unknown"),
        ({"host": DAN.text}, "host_unknown"),
        ({"endpoint": ""}, "offer_invalid"),
        ({"endpoint": "ftp://x"}, "offer_invalid"),
        ({"region": "Germany"}, "offer_invalid"),
    ],
)
def test_set_offer__one_thing_wrong__is_refused(market: Market, values: dict[str, str], code: str) -> None:
    message = offer_of(ANN, market.model_id)
    for name, value in values.items():
        setattr(message, name, value)
    with pytest.raises(RuleError) as error:
        market.network.send(message)
    assert error.value.code == code


def test_set_offer__a_model_that_is_none__is_refused(market: Market) -> None:
    with pytest.raises(RuleError, match="model_unknown"):
        market.network.send(offer_of(ANN, bytes(32)))


def test_set_offer__models_out_of_order_or_twice__are_refused(market: Market) -> None:
    response = market.network.send(add_model("other"))
    two = sorted([market.model_id, getattr(response, "model_id")])  # noqa: B009 - any message
    market.network.send(offer_of(ANN, *two))
    for wrong in (reversed(two), [two[0], two[0]]):
        with pytest.raises(RuleError, match="offer_invalid"):
            market.network.send(offer_of(ANN, *wrong))


def test_set_serving_key__one_that_is_no_key_or_another_hosts__is_refused(market: Market) -> None:
    for key, code in [
        (b"", "serving_key_invalid"),
        (b"\x02" + b"\xff" * 32, "serving_key_invalid"),
        (serving_key_of(BOB).public_key, "serving_key_taken"),
    ]:
        with pytest.raises(RuleError) as error:
            market.network.send(MsgSetServingKey(host=ANN.text, serving_pubkey=key))
        assert error.value.code == code


def test_set_serving_key__another_one__frees_the_first_and_keeps_the_offer(market: Market) -> None:
    new = serving_key_of(DAN).public_key
    market.network.send(MsgSetServingKey(host=ANN.text, serving_pubkey=new))
    market.network.send(MsgSetServingKey(host=BOB.text, serving_pubkey=serving_key_of(ANN).public_key))
    offer = state.get_offer(market.network.store, Host(ANN.address))
    assert offer is not None
    assert (offer.serving_pubkey, list(offer.model_ids)) == (new, [market.model_id])


def test_set_serving_key__makes_the_account_that_settles(market: Market) -> None:
    assert get_account(market.network.store, serving_key_of(ANN).address) is not None


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (Policy(), [ANN, BOB, CAT]),
        (Policy(regions=["DE"]), [ANN]),
        (Policy(regions=["DE", "FR"]), [ANN, BOB]),
        (Policy(hosts=[BOB.text, CAT.text]), [BOB, CAT]),
        (Policy(regions=["DE"], hosts=[BOB.text]), []),
        (Policy(regions=["US"]), []),
    ],
)
def test_list_servers__a_policy__narrows_them(market: Market, policy: Policy, found: list[object]) -> None:
    assert servers(market, policy) == sorted(getattr(person, "address") for person in found)  # noqa: B009 - Person


def test_list_servers__a_host_without_serving_key__is_not_among_them() -> None:
    market = Market.open(hosts=(ANN, BOB))
    market.network.send(offer_of(CAT, market.model_id))
    assert CAT.address not in servers(market)


def test_list_servers__a_host_without_units_yet__is_not_among_them(market: Market) -> None:
    market.network.send(MsgRegisterHost(host=DAN.text))
    market.network.send(MsgSetServingKey(host=DAN.text, serving_pubkey=serving_key_of(DAN).public_key))
    market.network.send(offer_of(DAN, market.model_id))
    assert DAN.address not in servers(market)


def test_list_servers__a_host_that_left_or_is_jailed__is_not_among_them(market: Market) -> None:
    market.network.play(Phase.SERVE)
    market.network.send(MsgLeave(host=ANN.text))
    record = market.network.record(BOB)
    record.jailed_until_epoch = market.network.epoch + 1
    stake.set_host(market.network.store, Host(BOB.address), record)
    assert servers(market) == [CAT.address]
    with pytest.raises(RuleError, match="host_left"):
        market.network.send(offer_of(ANN, market.model_id))


def test_list_servers__units__are_those_of_the_table_in_force(market: Market) -> None:
    found = list_servers(market.network.store, market.model_id, Policy())
    assert set(found.values()) == {GENESIS_UNITS}
