"""Messages, the messages inside them, and who signs."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any

from chain.handlers import HANDLERS
from chain.modules.bank.coins import make_coin
from chain.modules.bank.messages import HANDLERS as BANK
from chain.modules.handler import get_signers, index_handlers, pack_any, parse_strict, read_any, read_order
from rules.errors import RuleError
from tests.chain.ledger import ANN, BOB
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim

from cosmos.authz.v1beta1.tx_pb2 import MsgExec
from cosmos.bank.v1beta1.bank_pb2 import Input
from cosmos.bank.v1beta1.tx_pb2 import MsgMultiSend, MsgSend
from cosmos.gov.v1.tx_pb2 import MsgSubmitProposal

SEND = MsgSend(from_address=ANN.text, to_address=BOB.text, amount=[make_coin(1)])
CLAIM = MsgClaim(host=ANN.text)


def execute(*messages: MsgSend | MsgExec | MsgSubmitProposal | MsgClaim) -> MsgExec:
    return MsgExec(grantee=BOB.text, msgs=[pack_any(message) for message in messages])


def test_index_handlers__same_message_twice__is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="two handlers for"):
        index_handlers(BANK, BANK)


def test_every_message_says_who_signs_it() -> None:
    for handler in HANDLERS.values():
        with pytest.raises(RuleError, match=r"^(address_invalid|tx_malformed)"):
            read_order(pack_any(handler.message()), HANDLERS)


def test_read_order__messages_inside__count_for_gas_and_duty() -> None:
    order = read_order(pack_any(execute(SEND, CLAIM)), HANDLERS)
    assert order.gas == sum(HANDLERS[kind.DESCRIPTOR.full_name].gas for kind in (MsgExec, MsgSend, MsgClaim))
    assert order.duty is False
    assert read_order(pack_any(execute(CLAIM)), HANDLERS).duty is True
    assert order.signers == (BOB.address,)


def test_read_order__a_proposal_of_duties__is_no_duty() -> None:
    proposal = MsgSubmitProposal(proposer=ANN.text, messages=[pack_any(CLAIM)])
    assert read_order(pack_any(proposal), HANDLERS).duty is False


def test_read_order__three_deep__is_the_deepest() -> None:
    proposal = MsgSubmitProposal(proposer=ANN.text, messages=[pack_any(SEND)])
    read_order(pack_any(execute(proposal)), HANDLERS)
    with pytest.raises(RuleError, match=r"^tx_malformed: .*deeper"):
        read_order(pack_any(execute(execute(execute(SEND)))), HANDLERS)


def test_get_signers__inputs_of_a_message__sign_it_once_each() -> None:
    inputs = [Input(address=person.text) for person in (BOB, ANN, BOB)]
    assert get_signers(MsgMultiSend(inputs=inputs)) == (BOB.address, ANN.address)


def test_parse_strict__unknown_field_in_a_part__is_refused() -> None:
    coin = make_coin(1).SerializeToString() + b"\xa2\x38\x01x"
    with pytest.raises(RuleError, match="unknown fields"):
        parse_strict(MsgSend, b"\x1a" + bytes([len(coin)]) + coin)


def test_read_any__another_message__is_refused() -> None:
    assert read_any(pack_any(SEND), MsgExec, MsgSend) == SEND
    for packed in (pack_any(SEND), Any(), Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=b"\xff")):
        with pytest.raises(RuleError, match=r"^tx_malformed"):
            read_any(packed, MsgClaim)
