"""Messages as JSON for people."""

from google.protobuf.any_pb2 import Any
from google.protobuf.field_mask_pb2 import FieldMask

import wire  # noqa: F401  # puts the Cosmos messages on the path
from commands.messages import describe_any, describe_message
from wire.gonka.params.v1.tx_pb2 import MsgUpdateParams
from wire.gonka.sprint.v1.tx_pb2 import MsgClaim, MsgRevealLeaves

from cosmos.authz.v1beta1.tx_pb2 import MsgExec
from cosmos.bank.v1beta1.tx_pb2 import MsgSend
from cosmos.base.v1beta1.coin_pb2 import Coin


def test_describe_message__bytes_lists_and_messages__are_readable() -> None:
    send = MsgSend(from_address="a", amount=[Coin(denom="ngonka", amount="5")])
    leaves = MsgRevealLeaves(host="h", nonces=[1, 2], tags=b"\0\xff")

    assert describe_message(send) == {
        "@type": "cosmos.bank.v1beta1.MsgSend",
        "from_address": "a",
        "amount": [{"denom": "ngonka", "amount": "5"}],
    }
    assert describe_message(leaves)["tags"] == "00ff"
    assert describe_message(leaves)["nonces"] == [1, 2]


def test_describe_message__messages_in_any__are_unpacked_at_any_depth() -> None:
    inner = Any()
    inner.Pack(MsgClaim(host="h", count=3), type_url_prefix="/")
    outer = Any()
    outer.Pack(MsgExec(grantee="g", msgs=[inner]), type_url_prefix="/")

    assert describe_any(outer) == {
        "@type": "cosmos.authz.v1beta1.MsgExec",
        "grantee": "g",
        "msgs": [{"@type": "gonka.sprint.v1.MsgClaim", "host": "h", "count": 3}],
    }


def test_describe_message__a_field_mask__is_its_paths() -> None:
    update = MsgUpdateParams(module="stake", mask=FieldMask(paths=["unbonding_epochs"]))

    assert describe_message(update)["mask"] == ["unbonding_epochs"]


def test_describe_any__unknown_or_damaged__keeps_the_bytes() -> None:
    assert describe_any(Any(type_url="/nobody.v1.Msg", value=b"\1")) == {"@type": "nobody.v1.Msg", "base64": "AQ=="}
    damaged = describe_any(Any(type_url="/cosmos.bank.v1beta1.MsgSend", value=b"\xff"))
    assert damaged == {"@type": "cosmos.bank.v1beta1.MsgSend", "base64": "/w=="}
