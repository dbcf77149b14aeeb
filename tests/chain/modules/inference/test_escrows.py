"""A deposit for one model at the price in force, shared among a group that is drawn."""

from dataclasses import replace

import pytest

from chain.modules.bank.state import get_balance
from chain.modules.inference import state
from chain.modules.inference.offers import list_servers
from chain.modules.params.state import get_live, init_params
from rules.errors import RuleError
from rules.params import GNK
from rules.sampling import draw_group
from rules.types import Host, Phase
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, CHAIN_ID, DAN, STRANGER
from tests.chain.market import DEPOSIT, Market
from wire.gonka.inference.v1.inference_pb2 import Policy
from wire.gonka.inference.v1.tx_pb2 import (
    MsgCloseEscrow,
    MsgCloseEscrowResponse,
    MsgOpenEscrowResponse,
    MsgTopUpEscrow,
)


@pytest.fixture
def market() -> Market:
    return Market.open()


def narrow(market: Market, group_size: int) -> None:
    live = get_live(market.network.store)
    init_params(market.network.store, replace(live, inference=replace(live.inference, group_size=group_size)))


def test_open__enough_money__is_shared_among_the_group_at_the_price_in_force(market: Market) -> None:
    response = market.network.send(market.request(deposit=DEPOSIT + 1))
    escrow = market.find(1)
    assert (escrow.price_in_ngonka, escrow.price_out_ngonka) == (10**7, 4 * 10**7)
    assert [reserve.reserve_ngonka for reserve in escrow.reserves] == [3333333335, 3333333333, 3333333333]
    assert sum(reserve.reserve_ngonka for reserve in escrow.reserves) == escrow.deposit_ngonka == DEPOSIT + 1
    assert response == MsgOpenEscrowResponse(
        escrow_id=1, price_in_ngonka=10**7, price_out_ngonka=4 * 10**7, reserves=escrow.reserves
    )
    assert get_balance(market.network.store, DAN.address) == BALANCE - DEPOSIT - 1
    assert get_balance(market.network.store, state.POOL) == DEPOSIT + 1
    assert not escrow.closed


def test_open__more_hosts_than_a_group_has__draws_it_from_the_last_block_and_the_number(market: Market) -> None:
    narrow(market, 2)
    servers = list_servers(market.network.store, market.model_id, Policy())
    expected = draw_group(CHAIN_ID, market.network.ctx.last_block_hash, 1, servers, 2)
    group = [reserve.host for reserve in market.find(market.escrow()).reserves]
    texts = {person.address: person.text for person in (ANN, BOB, CAT)}
    assert group == [texts[host] for host in expected]
    assert len(group) == 2


def test_open__fewer_hosts_than_a_group_has__takes_all(market: Market) -> None:
    assert {reserve.host for reserve in market.find(market.escrow()).reserves} == {ANN.text, BOB.text, CAT.text}


def test_open__a_policy__draws_inside_it(market: Market) -> None:
    market.network.send(market.request(policy=Policy(hosts=[BOB.text])))
    escrow = market.find(1)
    assert [(reserve.host, reserve.reserve_ngonka) for reserve in escrow.reserves] == [(BOB.text, DEPOSIT)]
    assert list(escrow.policy.hosts) == [BOB.text]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"model_id": bytes(32)}, "model_unknown"),
        ({"model_id": b""}, "model_unknown"),
        ({"deposit_ngonka": GNK - 1}, "deposit_below_minimum"),
        ({"deposit_ngonka": 2**64 - 1}, "insufficient_funds"),
        ({"deposit_ngonka": BALANCE + 1}, "insufficient_funds"),
        ({"developer": STRANGER.text}, "insufficient_funds"),
        ({"voucher_pubkey": b"\x02" * 5}, "serving_key_invalid"),
        ({"voucher_pubkey": b"\x02" + b"\xff" * 32}, "serving_key_invalid"),
        ({"max_price_in_ngonka": 10**7 - 1}, "price_above_limit"),
        ({"max_price_out_ngonka": 0}, "price_above_limit"),
    ],
)
def test_open__one_thing_wrong__is_refused_and_takes_nothing(
    market: Market, values: dict[str, object], code: str
) -> None:
    request = market.request()
    for name, value in values.items():
        setattr(request, name, value)
    with pytest.raises(RuleError) as error:
        market.network.send(request)
    assert error.value.code == code
    assert get_balance(market.network.store, DAN.address) == BALANCE
    assert state.get_escrow(market.network.store, 1) is None


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (Policy(regions=["US"]), "host_missing"),
        (Policy(hosts=[DAN.text]), "host_missing"),
        (Policy(regions=["us"]), "policy_invalid"),
        (Policy(hosts=["x"]), "policy_invalid"),
    ],
)
def test_open__a_policy_that_nobody_meets__is_refused(market: Market, policy: Policy, code: str) -> None:
    with pytest.raises(RuleError) as error:
        market.network.send(market.request(policy=policy))
    assert error.value.code == code


def test_top_up__an_open_escrow__adds_to_every_reserve(market: Market) -> None:
    market.escrow(deposit=DEPOSIT)
    market.network.send(MsgTopUpEscrow(developer=DAN.text, escrow_id=1, amount_ngonka=5))
    escrow = market.find(1)
    assert [reserve.reserve_ngonka for reserve in escrow.reserves] == [
        3333333334 + 1 + 2,
        3333333333 + 1,
        3333333333 + 1,
    ]
    assert sum(reserve.reserve_ngonka for reserve in escrow.reserves) == escrow.deposit_ngonka == DEPOSIT + 5


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (MsgTopUpEscrow(developer=DAN.text, escrow_id=2, amount_ngonka=5), "escrow_unknown"),
        (MsgTopUpEscrow(developer=ANN.text, escrow_id=1, amount_ngonka=5), "unauthorized"),
        (MsgTopUpEscrow(developer=DAN.text, escrow_id=1), "amount_invalid"),
        (MsgTopUpEscrow(developer=DAN.text, escrow_id=1, amount_ngonka=2**64 - 1), "insufficient_funds"),
        (MsgCloseEscrow(developer=DAN.text, escrow_id=2), "escrow_unknown"),
        (MsgCloseEscrow(developer=DAN.text, escrow_id=2**64 - 1), "escrow_unknown"),
        (MsgCloseEscrow(developer=ANN.text, escrow_id=1), "unauthorized"),
    ],
)
def test_top_up_and_close__one_thing_wrong__are_refused(
    market: Market, message: MsgTopUpEscrow | MsgCloseEscrow, code: str
) -> None:
    market.escrow()
    with pytest.raises(RuleError) as error:
        market.network.send(message)
    assert error.value.code == code


def test_close__an_open_escrow__says_when_and_takes_no_more(market: Market) -> None:
    market.network.play(Phase.SERVE)
    market.escrow()
    response = market.network.send(MsgCloseEscrow(developer=DAN.text, escrow_id=1))
    assert response == MsgCloseEscrowResponse(closes_epoch=3)
    for message in (
        MsgCloseEscrow(developer=DAN.text, escrow_id=1),
        MsgTopUpEscrow(developer=DAN.text, escrow_id=1, amount_ngonka=5),
    ):
        with pytest.raises(RuleError, match="escrow_closed"):
            market.network.send(message)


def test_open__many_escrows__are_numbered_and_found_by_developer_and_by_host(market: Market) -> None:
    for _ in range(3):
        market.escrow()
    market.network.send(market.request(developer=ANN, policy=Policy(hosts=[CAT.text])))
    store = market.network.store

    def numbers(**owner: bytes) -> list[int]:
        return [escrow.escrow_id for escrow in state.scan_escrows(store, **owner)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(developer=DAN.address) == [1, 2, 3]
    assert numbers(developer=ANN.address) == [4]
    assert numbers(host=CAT.address) == [1, 2, 3, 4]
    assert numbers(host=Host(BOB.address)) == [1, 2, 3]
