"""Amino JSON of the messages wallets sign with it."""

import json

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

import wire  # noqa: F401  # puts the Cosmos messages on the path
from rules.errors import RuleError
from wire.amino import encode_amino
from wire.gonka.sprint.v1.tx_pb2 import MsgRevealLeaves
from wire.gonka.stake.v1.tx_pb2 import MsgStake

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgGrant
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.tx_pb2 import MsgCancelProposal, MsgSubmitProposal, MsgVote
from cosmos.tx.v1beta1.tx_pb2 import Fee, TxBody

FEE = Fee(amount=[Coin(denom="ngonka", amount="2000")], gas_limit=200_000)


def pack(message: Message) -> Any:
    packed = Any()
    packed.Pack(message, type_url_prefix="/")
    return packed


def sign_bytes(message: Message, memo: str = "", timeout_height: int = 0) -> bytes:
    body = TxBody(messages=[pack(message)], memo=memo, timeout_height=timeout_height)
    return encode_amino(body, FEE, "gonka-test", 1, 2)


def value_of(message: Message) -> object:
    return json.loads(sign_bytes(message))["msgs"][0]["value"]


def test_encode_amino__a_transfer__is_the_sorted_compact_document() -> None:
    send = MsgSend(from_address="a", to_address="b", amount=[Coin(denom="ngonka", amount="5")])

    assert sign_bytes(send, memo="<&>", timeout_height=9) == (
        b'{"account_number":"1","chain_id":"gonka-test",'
        b'"fee":{"amount":[{"amount":"2000","denom":"ngonka"}],"gas":"200000"},'
        b'"memo":"\\u003c\\u0026\\u003e",'
        b'"msgs":[{"type":"cosmos-sdk/MsgSend","value":'
        b'{"amount":[{"amount":"5","denom":"ngonka"}],"from_address":"a","to_address":"b"}}],'
        b'"sequence":"2","timeout_height":"9"}'
    )


CASES = [
    (MsgStake(host="h", amount_ngonka=2**63), {"host": "h", "amount_ngonka": str(2**63)}, "64 bits as text"),
    (MsgStake(host="h"), {"host": "h"}, "zero is left out"),
    (MsgSend(from_address="a"), {"from_address": "a", "amount": []}, "coins stay as an empty list"),
    (MsgVote(voter="v", option=1), {"proposal_id": "0", "voter": "v", "option": 1}, "kept when zero, enum as number"),
    (
        MsgRevealLeaves(host="h", nonces=[1, 2], tags=b"\x00\xff"),
        {"host": "h", "nonces": ["1", "2"], "tags": "AP8="},
        "lists of 64 bits, bytes as base64",
    ),
    (
        MsgGrant(granter="a", grantee="b", grant=Grant(authorization=pack(GenericAuthorization(msg="/x")))),
        {
            "granter": "a",
            "grantee": "b",
            "grant": {"authorization": {"type": "cosmos-sdk/GenericAuthorization", "value": {"msg": "/x"}}},
        },
        "a message inside a message",
    ),
    (
        MsgSubmitProposal(messages=[pack(MsgStake(host="h"))], proposer="p", title="t"),
        {
            "messages": [{"type": "gonka/MsgStake", "value": {"host": "h"}}],
            "initial_deposit": [],
            "proposer": "p",
            "title": "t",
        },
        "a proposal",
    ),
]


@pytest.mark.parametrize(("message", "expected", "words"), CASES)
def test_encode_amino__a_message__has_this_value(message: Message, expected: object, words: str) -> None:
    assert value_of(message) == expected


def test_encode_amino__a_message_without_amino_name__is_refused() -> None:
    with pytest.raises(RuleError, match="direct mode"):
        sign_bytes(MsgCancelProposal(proposal_id=1))


def test_encode_amino__an_unknown_message__is_refused() -> None:
    body = TxBody(messages=[Any(type_url="/nobody.v1.MsgNothing")])

    with pytest.raises(RuleError, match="message_unknown"):
        encode_amino(body, FEE, "gonka-test", 1, 2)


def test_encode_amino__extension_options__are_refused() -> None:
    body = TxBody(messages=[pack(MsgStake())], extension_options=[pack(MsgStake())])

    with pytest.raises(RuleError, match="extension"):
        encode_amino(body, FEE, "gonka-test", 1, 2)
