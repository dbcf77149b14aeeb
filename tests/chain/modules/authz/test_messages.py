"""Warm keys: what a grant allows, and nothing else."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chain.modules.authz.state import get_grant
from chain.modules.bank.coins import make_coin
from chain.modules.bank.state import get_balance
from chain.modules.handler import pack_any
from tests.chain.ledger import ANN, BALANCE, BOB, CAT, DAN, TIME_MS, Ledger, Person, code_of
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgExec, MsgGrant, MsgRevoke
from cosmos.bank.v1beta1.authz_pb2 import SendAuthorization
from cosmos.bank.v1beta1.tx_pb2 import MsgSend

SEND_URL = "/cosmos.bank.v1beta1.MsgSend"
STAKE_URL = "/gonka.stake.v1.MsgStake"
PAST = Timestamp(seconds=TIME_MS // 1000)
BEYOND = Timestamp(seconds=253_402_300_800)
SKEW = Timestamp(seconds=TIME_MS, nanos=10**9)


def grant(authorization: Message, *, to: Person = DAN, expiration: Timestamp | None = None) -> MsgGrant:
    return MsgGrant(
        granter=ANN.text,
        grantee=to.text,
        grant=Grant(authorization=pack_any(authorization), expiration=expiration),
    )


def execute(*messages: Message) -> MsgExec:
    return MsgExec(grantee=DAN.text, msgs=[pack_any(message) for message in messages])


def send(amount: int, sender: Person = ANN, recipient: Person = BOB) -> MsgSend:
    return MsgSend(from_address=sender.text, to_address=recipient.text, amount=[make_coin(amount)])


@pytest.fixture
def ledger() -> Ledger:
    ledger = Ledger()
    ledger.block()
    return ledger


def test_exec__granted_message__acts_for_the_granter(ledger: Ledger) -> None:
    assert ledger.send(grant(GenericAuthorization(msg=SEND_URL)), by=ANN).code == 0
    before = get_balance(ledger.store.latest, ANN.address)
    assert ledger.send(execute(send(5), send(6)), by=DAN).code == 0
    assert get_balance(ledger.store.latest, ANN.address) == before - 11


def test_exec__own_message__needs_no_grant(ledger: Ledger) -> None:
    assert ledger.send(execute(send(5, DAN)), by=DAN).code == 0


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (execute(MsgStake(host=ANN.text, amount_ngonka=1)), "grant_missing", "another message than the granted one"),
        (execute(send(5, CAT)), "grant_missing", "another granter"),
        (execute(send(5), send(5, CAT)), "grant_missing", "one of two is not granted: nothing applies"),
        (execute(), "request_invalid", "nothing to do"),
        (execute(send(BALANCE)), "insufficient_funds", "what is granted can still fail"),
    ],
)
def test_exec__what_is_not_granted__is_refused(ledger: Ledger, message: MsgExec, code: str, because: str) -> None:
    ledger.send(grant(GenericAuthorization(msg=SEND_URL)), by=ANN)
    before = get_balance(ledger.store.latest, ANN.address)
    assert code_of(ledger.send(message, by=DAN)) == code, because
    assert get_balance(ledger.store.latest, ANN.address) == before


def test_exec__after_revocation__is_refused(ledger: Ledger) -> None:
    ledger.send(grant(GenericAuthorization(msg=SEND_URL)), by=ANN)
    revoke = MsgRevoke(granter=ANN.text, grantee=DAN.text, msg_type_url=SEND_URL)
    assert ledger.send(revoke, by=ANN).code == 0
    assert code_of(ledger.send(execute(send(5)), by=DAN)) == "grant_missing"
    assert code_of(ledger.send(revoke, by=ANN)) == "grant_missing"


def test_exec__after_expiration__is_refused(ledger: Ledger) -> None:
    """Blocks are 0.1 s apart; the grant is good for one second from the first."""
    soon = Timestamp(seconds=TIME_MS // 1000 + 1)
    assert ledger.send(grant(GenericAuthorization(msg=SEND_URL), expiration=soon), by=ANN).code == 0
    assert ledger.send(execute(send(5)), by=DAN).code == 0
    ledger.run_to(9)
    assert code_of(ledger.send(execute(send(5)), by=DAN)) == "grant_missing", "height 10 is at that second"


@pytest.mark.parametrize(
    ("message", "code", "because"),
    [
        (grant(GenericAuthorization(msg=SEND_URL), to=ANN), "grant_invalid", "to oneself"),
        (grant(GenericAuthorization(msg=SEND_URL), expiration=PAST), "grant_invalid", "in the past"),
        (grant(GenericAuthorization(msg=SEND_URL), expiration=BEYOND), "grant_invalid", "in the year 10000"),
        (grant(GenericAuthorization(msg=SEND_URL), expiration=SKEW), "grant_invalid", "a second of a billion parts"),
        (grant(GenericAuthorization(msg="/cosmos.bank.v1beta1.MsgBurn")), "grant_invalid", "a message of no module"),
        (grant(GenericAuthorization(msg="cosmos.bank.v1beta1.MsgSend")), "grant_invalid", "no type URL"),
        (grant(send(1)), "tx_malformed", "no authorization"),
        (grant(SendAuthorization()), "amount_invalid", "a limit of nothing"),
    ],
)
def test_a_grant_that_cannot_be__is_refused(ledger: Ledger, message: MsgGrant, code: str, because: str) -> None:
    assert code_of(ledger.send(message, by=ANN)) == code, because


def test_send_authorization__limit_is_spent__and_then_gone(ledger: Ledger) -> None:
    limited = SendAuthorization(spend_limit=[make_coin(10)], allow_list=[BOB.text])
    assert ledger.send(grant(limited), by=ANN).code == 0
    assert code_of(ledger.send(execute(send(11)), by=DAN)) == "grant_missing"
    assert code_of(ledger.send(execute(send(5, ANN, CAT)), by=DAN)) == "grant_missing"
    assert ledger.send(execute(send(6)), by=DAN).code == 0
    assert code_of(ledger.send(execute(send(5)), by=DAN)) == "grant_missing"
    assert ledger.send(execute(send(4)), by=DAN).code == 0
    assert get_grant(ledger.store.latest, ANN.address, DAN.address, SEND_URL) is None


def test_exec__grant_of_grants__does_not_reach_further(ledger: Ledger) -> None:
    """Dan may execute for Ann, but what Bob granted Ann stays Ann's."""
    bobs = grant(GenericAuthorization(msg=SEND_URL), to=ANN)
    bobs.granter = BOB.text
    ledger.send(bobs, by=BOB)
    ledger.send(grant(GenericAuthorization(msg=SEND_URL)), by=ANN)
    assert code_of(ledger.send(execute(send(5, BOB)), by=DAN)) == "grant_missing"
