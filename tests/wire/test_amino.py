"""Amino JSON of the messages wallets sign with it."""

import base64
import json
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

import wire  # noqa: F401  # puts the Cosmos messages on the path
from rules.errors import RuleError
from wire.amino import MAX_DEPTH, encode_amino
from wire.gonka.sprint.v1.tx_pb2 import MsgRevealLeaves
from wire.gonka.stake.v1.tx_pb2 import MsgStake
from wire.signing import verify

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.authz.v1beta1.tx_pb2 import MsgGrant
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.tx_pb2 import MsgCancelProposal, MsgSubmitProposal, MsgVote
from cosmos.gov.v1beta1 import tx_pb2 as old_gov
from cosmos.gov.v1beta1.gov_pb2 import WeightedVoteOption
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


VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "amino.json").read_text())
ANN = VECTORS["address"]
VECTOR_MESSAGES: dict[str, Message] = {
    "/cosmos.bank.v1beta1.MsgSend": MsgSend(
        from_address=ANN, to_address=ANN, amount=[Coin(denom="ngonka", amount="5")]
    ),
    "/cosmos.gov.v1beta1.MsgVote": old_gov.MsgVote(proposal_id=7, voter=ANN, option=1),
    "/cosmos.gov.v1beta1.MsgVoteWeighted": old_gov.MsgVoteWeighted(
        proposal_id=7,
        voter=ANN,
        options=[
            WeightedVoteOption(option=1, weight=f"{7 * 10**17}"),
            WeightedVoteOption(option=3, weight=f"{3 * 10**17}"),
        ],
    ),
}


@pytest.mark.parametrize("name", VECTOR_MESSAGES)
def test_encode_amino__a_message_that_cosmjs_signed__is_the_document_that_it_signed(name: str) -> None:
    vector = next(case for case in VECTORS["cases"] if case["typeUrl"] == name)
    body = TxBody(messages=[pack(VECTOR_MESSAGES[name])], memo="a memo <&>", timeout_height=99)
    fee = Fee(amount=[Coin(denom="ngonka", amount="400000")], gas_limit=400_000)

    document = encode_amino(body, fee, "test-1", 3, 4)

    assert document.decode() == vector["document"]
    assert verify(base64.b64decode(VECTORS["public_key"]), base64.b64decode(vector["signature"]), document)


def nest(depth: int) -> Any:
    packed = pack(MsgStake(host="h"))
    for _ in range(depth - 1):
        packed = pack(MsgGrant(granter="a", grantee="b", grant=Grant(authorization=packed)))
    return packed


def test_encode_amino__messages_packed_too_deep__are_refused() -> None:
    encode_amino(TxBody(messages=[nest(MAX_DEPTH)]), FEE, "gonka-test", 1, 2)
    for depth in (MAX_DEPTH + 1, 2000):
        with pytest.raises(RuleError, match="deeper"):
            encode_amino(TxBody(messages=[nest(depth)]), FEE, "gonka-test", 1, 2)


@pytest.mark.parametrize(
    ("value", "because"),
    [
        (b"\x10\x05\x0a\x01h", "its fields are in another order"),
        (b"\x0a\x01h\x10\x00", "it writes a zero"),
        (b"\x0a\x01h\x78\x01", "it has an unknown field"),
        (b"\x0a\xff", "it is cut short"),
    ],
)
def test_encode_amino__bytes_that_are_not_the_one_encoding__are_refused(value: bytes, because: str) -> None:
    body = TxBody(messages=[Any(type_url="/gonka.stake.v1.MsgStake", value=value)])

    with pytest.raises(RuleError, match="tx_malformed"):
        encode_amino(body, FEE, "gonka-test", 1, 2)


@pytest.mark.parametrize("weight", ["0.5", "-1", "", "1" * 41])
def test_encode_amino__an_old_weight_that_is_no_whole_number__is_refused(weight: str) -> None:
    message = old_gov.MsgVoteWeighted(options=[WeightedVoteOption(option=1, weight=weight)])

    with pytest.raises(RuleError, match="tx_malformed"):
        sign_bytes(message)


@pytest.mark.parametrize("time", [Timestamp(seconds=10**15), Timestamp(seconds=-(10**15)), Timestamp(nanos=-5)])
def test_encode_amino__a_time_that_is_none__is_refused(time: Timestamp) -> None:
    grant = Grant(authorization=pack(GenericAuthorization(msg="/x")), expiration=time)
    with pytest.raises(RuleError, match="tx_malformed"):
        sign_bytes(MsgGrant(granter="a", grantee="b", grant=grant))
