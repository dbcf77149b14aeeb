"""At a SETTLE rests return to the last ngonka, prices follow volume, and what is over is forgotten."""

from dataclasses import replace

import pytest

from chain.modules.bank.state import get_balance
from chain.modules.inference import settling, state
from chain.modules.params.state import get_live, set_live
from chain.modules.stake.state import get_host
from chain.settlement import Settlement
from rules.errors import RuleError
from rules.presets import GENESIS_UNITS
from rules.types import Host, Phase
from rules.vouchers import Tokens
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, DAN
from tests.chain.market import BASE_PRICE, DEPOSIT, Market
from wire.gonka.inference.v1.tx_pb2 import MsgCloseEscrow, MsgSetOffer, MsgSettleVoucher
from wire.gonka.stake.v1.tx_pb2 import MsgLeave

TOKENS = Tokens(tokens_in=1000, tokens_out=500)
AMOUNT = 28_500
"""What TOKENS cost after one SETTLE without volume: 0.0095 and 0.038 GNK for 10^6 tokens."""


@pytest.fixture
def market() -> Market:
    market = Market.open()
    market.network.play(Phase.SERVE)
    market.escrow()
    return market


def test_refunds__a_closed_escrow__returns_the_rest_exactly(market: Market) -> None:
    market.settle(1, ANN, 1, TOKENS)
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.settle(1, BOB, 1, TOKENS)
    market.network.play(Phase.SETTLE, 2)
    assert market.network.epoch == 3
    market.settle(1, CAT, 1, TOKENS)
    market.network.step()
    escrow = market.find(1)
    assert escrow.closed
    assert escrow.refunded_ngonka == DEPOSIT - 3 * AMOUNT
    assert sum(reserve.paid_ngonka for reserve in escrow.reserves) + escrow.refunded_ngonka == escrow.deposit_ngonka
    assert get_balance(market.network.store, DAN.address) == BALANCE - 3 * AMOUNT
    assert get_balance(market.network.store, state.POOL) == 0


def test_refunds__a_voucher_in_the_very_block_of_settle__is_paid_and_one_after_it_is_not(market: Market) -> None:
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.network.play(Phase.SETTLE, 2)
    market.settle(1, ANN, 1, TOKENS)
    market.network.step()
    voucher = market.voucher(1, ANN, 2, Tokens(tokens_in=2000, tokens_out=500))
    with pytest.raises(RuleError, match="escrow_closed"):
        market.network.send(MsgSettleVoucher(sender=ANN.text, voucher=voucher))


def test_refunds__nothing_left__closes_all_the_same(market: Market) -> None:
    price = market.find(1).price_in_ngonka
    for reserve in market.find(1).reserves:
        host = next(person for person in (ANN, BOB, CAT) if person.text == reserve.host)
        market.settle(1, host, 1, Tokens(tokens_in=reserve.reserve_ngonka * 10**6 // price))
    left = get_balance(market.network.store, state.POOL)
    assert 0 < left < 30
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.network.play(Phase.SETTLE, 2)
    market.network.step()
    assert (market.find(1).closed, market.find(1).refunded_ngonka) == (True, left)


def test_refunds__a_host_that_left_without_a_voucher__gives_its_reserve_back(market: Market) -> None:
    market.network.send(MsgLeave(host=ANN.text))
    market.network.players = [player for player in market.network.players if player.person is not ANN]
    market.network.play(Phase.SERVE, 3)
    assert get_host(market.network.store, Host(ANN.address)) is None
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.network.play(Phase.SERVE, 2)
    assert market.find(1).refunded_ngonka == DEPOSIT
    assert get_balance(market.network.store, DAN.address) == BALANCE


def test_refunds__opened_and_closed_before_the_first_epoch__return_at_the_second_settle() -> None:
    market = Market.open()
    market.escrow()
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.network.play(Phase.SERVE)
    assert not market.find(1).closed
    market.network.play(Phase.SERVE)
    assert market.find(1).closed
    assert get_balance(market.network.store, DAN.address) == BALANCE


def base_price(market: Market) -> int:
    return state.find_model(market.network.store, market.model_id).base_price_ngonka


def test_prices__nothing_settled__fall_a_step_an_epoch(market: Market) -> None:
    assert base_price(market) == BASE_PRICE * 95 // 100
    market.network.play(Phase.SERVE)
    assert base_price(market) == BASE_PRICE * 95 // 100 * 95 // 100


def test_prices__volume_on_target__stay_and_the_volume_is_counted_anew(market: Market) -> None:
    before = base_price(market)
    settle_units(market, 1, capacity_of(market))
    market.network.play(Phase.SERVE)
    assert base_price(market) == before
    assert state.get_volume(market.network.store, market.model_id) == 0


def test_prices__volume_beyond_twice_the_target__rise_a_step(market: Market) -> None:
    before = base_price(market)
    settle_units(market, 1, 5 * capacity_of(market))
    market.network.play(Phase.SERVE)
    assert base_price(market) == before * 105 // 100


def test_prices__an_open_escrow__keeps_its_own(market: Market) -> None:
    before = market.find(1).price_in_ngonka
    market.network.play(Phase.SERVE, 2)
    assert market.find(1).price_in_ngonka == before != base_price(market)


def test_prices__nobody_offers_the_model__stay(market: Market) -> None:
    before = base_price(market)
    for host in (ANN, BOB, CAT):
        market.network.send(MsgSetOffer(host=host.text))
    market.network.play(Phase.SERVE)
    assert base_price(market) == before


def test_prices__bounds_that_governance_moved__are_kept_from_the_next_settle(market: Market) -> None:
    live = get_live(market.network.store)
    set_live(market.network.store, replace(live, inference=replace(live.inference, min_price_ngonka=2 * BASE_PRICE)))
    market.network.play(Phase.SERVE)
    assert base_price(market) == 2 * BASE_PRICE


def capacity_of(market: Market) -> int:
    """What the hosts of the market have together: MINIMAL's target is a unit settled for each."""
    table = Settlement.open(market.network.ctx, market.network.epoch).table
    assert set(table) == {person.address for person in (ANN, BOB, CAT)}
    assert sum(table.values()) <= 3 * GENESIS_UNITS
    return sum(table.values())


def settle_units(market: Market, serial: int, units: int) -> None:
    """One unit for each token read."""
    market.settle(1, ANN, serial, Tokens(tokens_in=units))


def test_forgetting__what_was_settled__is_kept_for_four_epochs(market: Market) -> None:
    market.settle(1, ANN, 1, TOKENS)
    epoch = market.network.epoch
    market.network.play(Phase.SERVE, settling.SETTLED_EPOCHS - 1)
    assert len(list(state.scan_settled(market.network.store, epoch))) == 1
    market.network.play(Phase.SERVE)
    assert not list(state.scan_settled(market.network.store, epoch))


def test_forgetting__a_closed_escrow__goes_after_its_epochs_and_leaves_nothing(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "KEPT_EPOCHS", 2)
    market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    market.network.play(Phase.SERVE, 3)
    assert market.find(1).closed
    market.network.play(Phase.SERVE)
    store = market.network.store
    assert state.get_escrow(store, 1) is None
    left = {key.split(b"/")[1] for key, _ in store.scan(b"inference/")}
    assert left == {b"last_escrow", b"model", b"name", b"offer", b"offered", b"serving_key"}
    assert market.escrow() == 2
