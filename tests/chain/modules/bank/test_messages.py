"""Sends as wallets make them."""

from __future__ import annotations

import pytest

from chain.handlers import HANDLERS
from chain.modules.auth.state import get_account
from chain.modules.bank.coins import make_coin
from chain.modules.bank.messages import MODULE_NAMES
from chain.modules.bank.state import get_balance, get_supply
from chain.modules.handler import pack_any, read_order
from rules.addresses import encode_address, module_address
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, GAS, STRANGER, Ledger, Person, code_of

from cosmos.bank.v1beta1.bank_pb2 import Input, Output
from cosmos.bank.v1beta1.tx_pb2 import MsgMultiSend, MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


def send_to(recipient: str, *coins: Coin) -> MsgSend:
    return MsgSend(from_address=ANN.text, to_address=recipient, amount=coins)


def multi_send(total: int, *outputs: tuple[Person, int]) -> MsgMultiSend:
    return MsgMultiSend(
        inputs=[Input(address=ANN.text, coins=[make_coin(total)])],
        outputs=[Output(address=person.text, coins=[make_coin(amount)]) for person, amount in outputs],
    )


def test_send__to_a_new_account__makes_it(ledger: Ledger) -> None:
    assert ledger.send(send_to(STRANGER.text, make_coin(7)), by=ANN).code == 0
    account = get_account(ledger.store.latest, STRANGER.address)
    assert account is not None
    assert (account.sequence, account.public_key) == (0, b"")
    assert get_balance(ledger.store.latest, STRANGER.address) == 7
    assert ledger.send(send_to(ANN.text, make_coin(1)), by=ANN).code == 0


def test_send__events__are_those_of_cosmos(ledger: Ledger) -> None:
    result = ledger.send(send_to(BOB.text, make_coin(7)), by=ANN)
    events = [(event.type, dict(event.attributes)) for event in result.events]
    transfer = {"recipient": BOB.text, "sender": ANN.text, "amount": "7ngonka", "msg_index": "0"}
    assert ("transfer", transfer) in events
    assert ("tx", {"fee": f"{GAS}ngonka", "fee_payer": ANN.text}) in events
    action = {"action": "/cosmos.bank.v1beta1.MsgSend", "sender": ANN.text, "module": "bank", "msg_index": "0"}
    assert ("message", action) in events


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (send_to(BOB.text), "amount_invalid", "no coin"),
        (send_to(BOB.text, make_coin(0)), "amount_invalid", "nothing"),
        (send_to(BOB.text, Coin(denom="ngonka", amount="-5")), "amount_invalid", "less than nothing"),
        (send_to(BOB.text, Coin(denom="ngonka", amount="05")), "amount_invalid", "a leading zero"),
        (send_to(BOB.text, Coin(denom="ngonka", amount="5.0")), "amount_invalid", "a fraction"),
        (send_to(BOB.text, Coin(denom="ngonka", amount="٥")), "amount_invalid", "another script's digit"),
        (send_to(BOB.text, Coin(denom="ngonka", amount=str(2**63))), "amount_invalid", "more than can be"),
        (send_to(BOB.text, Coin(denom="ngonka", amount="")), "amount_invalid", "no number"),
        (send_to(BOB.text, Coin(denom="atom", amount="5")), "amount_invalid", "other money"),
        (send_to(BOB.text, make_coin(5), make_coin(5)), "amount_invalid", "two coins"),
        (send_to(BOB.text, make_coin(BALANCE)), "insufficient_funds", "the fee is gone already"),
        (send_to("gonka1qqqq", make_coin(5)), "address_invalid", "no address"),
        (send_to("cosmos1fl48vsnmsdzcv85q5d2q4z5ajdha8yu34mf0eh", make_coin(5)), "address_invalid", "another chain's"),
        (multi_send(9, (BOB, 4), (CAT, 4)), "amount_invalid", "out is less than in"),
        (multi_send(9), "request_invalid", "nothing comes out"),
        (multi_send(BALANCE, (BOB, BALANCE)), "insufficient_funds", "too much at once"),
    ],
)
def test_a_send_with_one_thing_wrong__is_refused(ledger: Ledger, message: MsgSend, code: str, because: str) -> None:
    supply = get_supply(ledger.store.latest)
    assert code_of(ledger.send(message, by=ANN)) == code, because
    assert get_balance(ledger.store.latest, ANN.address) == BALANCE - GAS
    assert get_supply(ledger.store.latest) == supply


@pytest.mark.parametrize("name", MODULE_NAMES)
def test_send__to_a_module__is_refused(ledger: Ledger, name: str) -> None:
    message = send_to(encode_address(module_address(name)), make_coin(1))
    assert code_of(ledger.send(message, by=ANN)) == "unauthorized"


def test_multi_send__to_several__pays_each(ledger: Ledger) -> None:
    assert ledger.send(multi_send(9, (BOB, 4), (CAT, 5)), by=ANN).code == 0
    assert get_balance(ledger.store.latest, BOB.address) == BALANCE + 4
    assert get_balance(ledger.store.latest, CAT.address) == BALANCE + 5


def test_multi_send__many_outputs__costs_each_of_them_what_a_send_costs() -> None:
    one = read_order(pack_any(send_to(BOB.text, make_coin(1))), HANDLERS).gas
    for number in (1, 2, 1000):
        assert read_order(pack_any(multi_send(number, *[(BOB, 1)] * number)), HANDLERS).gas == number * one
