"""Messages in REST's JSON."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

import wire  # noqa: F401  # puts the Cosmos messages on the path
from wire.rest_json import MAX_DEPTH, format_decimal, write_message

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization, Grant
from cosmos.bank.v1beta1.query_pb2 import QueryBalanceResponse
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos.gov.v1.gov_pb2 import PROPOSAL_STATUS_PASSED, Proposal
from cosmos.gov.v1beta1.gov_pb2 import TallyParams
from cosmos.staking.v1beta1.staking_pb2 import DelegationResponse, Validator
from cosmos.tx.v1beta1.tx_pb2 import TxRaw


def pack(message: Message) -> Any:
    packed = Any()
    packed.Pack(message, type_url_prefix="/")
    return packed


CASES = [
    (
        QueryBalanceResponse(balance=Coin(denom="ngonka", amount="5")),
        {"balance": {"denom": "ngonka", "amount": "5"}},
        "fields by their proto names",
    ),
    (QueryBalanceResponse(), {"balance": None}, "an absent message is null"),
    (MsgSend(from_address="a"), {"from_address": "a", "to_address": "", "amount": []}, "empty fields are written"),
    (TxRaw(body_bytes=b"\x00\xff"), {"body_bytes": "AP8=", "auth_info_bytes": "", "signatures": []}, "bytes"),
    (
        GenericAuthorization(msg="/x"),
        {"msg": "/x"},
        "a text",
    ),
    (
        Grant(authorization=pack(GenericAuthorization(msg="/x"))),
        {
            "authorization": {"@type": "/cosmos.authz.v1beta1.GenericAuthorization", "msg": "/x"},
            "expiration": None,
        },
        "a packed message, opened",
    ),
    (
        Grant(expiration=Timestamp(seconds=2**62)),
        {"authorization": None, "expiration": None},
        "a time that is none, in a transaction that was refused for it",
    ),
    (
        Grant(authorization=Any(type_url="/nobody.v1.Nothing", value=b"\x01")),
        {"authorization": {"type_url": "/nobody.v1.Nothing", "value": "AQ=="}, "expiration": None},
        "a packed message that nobody knows",
    ),
    (
        TallyParams(quorum=b"334000000000000000"),
        {"quorum": "0.334000000000000000", "threshold": "", "veto_threshold": ""},
        "decimals in bytes",
    ),
]


@pytest.mark.parametrize(("message", "value", "words"), CASES)
def test_write_message__a_message__is_this_value(message: Message, value: object, words: str) -> None:
    assert write_message(message) == value


def test_write_message__enums_times_and_long_integers__are_texts() -> None:
    proposal = Proposal(id=2**63, status=PROPOSAL_STATUS_PASSED)
    proposal.submit_time.FromJsonString("2026-11-23T18:03:07.622Z")
    written = write_message(proposal)
    assert (written["id"], written["status"]) == (str(2**63), "PROPOSAL_STATUS_PASSED")
    assert written["submit_time"] == "2026-11-23T18:03:07.622Z"
    assert write_message(Proposal(status=99))["status"] == 99


def test_write_message__decimals__are_written_as_such() -> None:
    assert write_message(Validator(delegator_shares=str(5 * 10**18)))["delegator_shares"] == "5.000000000000000000"
    assert write_message(DelegationResponse())["delegation"] is None


@pytest.mark.parametrize(
    ("parts", "decimal"),
    [
        ("0", "0.000000000000000000"),
        ("1", "0.000000000000000001"),
        (str(10**18), "1.000000000000000000"),
        ("-5" + "0" * 17, "-0.500000000000000000"),
        ("", ""),
        ("0.5", "0.5"),
    ],
)
def test_format_decimal__any_text__is_a_decimal_or_as_it_was(parts: str, decimal: str) -> None:
    assert format_decimal(parts) == decimal


def test_write_message__packed_in_packed_without_end__ends() -> None:
    packed = pack(GenericAuthorization(msg="/x"))
    for _ in range(3 * MAX_DEPTH):
        packed = pack(Grant(authorization=packed))
    written = write_message(packed)
    depth = 0
    while isinstance(written, dict) and "authorization" in written:
        written, depth = written["authorization"], depth + 1
    assert 0 < depth <= MAX_DEPTH
    assert set(written) == {"type_url", "value"}
