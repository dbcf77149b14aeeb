"""Amino JSON, what hardware wallets and older clients sign: SIGN_MODE_LEGACY_AMINO_JSON.

Fields take their proto name; 64-bit integers are strings, bytes base64; an empty field is left out unless its
`amino.dont_omitempty` says otherwise; messages are named by `amino.name`.  Source: Cosmos SDK, ADR-020 and x/tx.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from rules.errors import RuleError

from amino import amino_pb2
from cosmos.tx.v1beta1.tx_pb2 import Fee, TxBody

_REPEATED = FieldDescriptor.LABEL_REPEATED
_STRINGS = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode_amino(body: TxBody, fee: Fee, chain_id: str, account_number: int, sequence: int) -> bytes:
    """The bytes signed in SIGN_MODE_LEGACY_AMINO_JSON: one JSON object, keys sorted, no spaces.

    Raises RuleError message_unknown for a message without an amino name or that this program does not know,
    tx_malformed for extension options, which the form cannot hold.
    """
    if body.extension_options or body.non_critical_extension_options:
        raise RuleError("tx_malformed", "amino JSON holds no extension options")
    price: dict[str, Any] = {
        "amount": [{"amount": coin.amount, "denom": coin.denom} for coin in fee.amount],
        "gas": str(fee.gas_limit),
    }
    price |= {name: getattr(fee, name) for name in ("granter", "payer") if getattr(fee, name)}
    document = {
        "account_number": str(account_number),
        "chain_id": chain_id,
        "fee": price,
        "memo": body.memo,
        "msgs": [_encode_any(message) for message in body.messages],
        "sequence": str(sequence),
    }
    if body.timeout_height:
        document["timeout_height"] = str(body.timeout_height)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join(_ESCAPES.get(letter, letter) for letter in text).encode()


def _encode_any(packed: Message) -> dict[str, Any]:
    message = _unpack(packed)
    name = message.DESCRIPTOR.GetOptions().Extensions[amino_pb2.name]
    if not name:
        raise RuleError("message_unknown", f"{message.DESCRIPTOR.full_name} has no amino name: sign it in direct mode")
    return {"type": name, "value": _encode_message(message)}


def _unpack(packed: Any) -> Message:
    type_name = packed.type_url.rpartition("/")[2]
    try:
        descriptor = amino_pb2.DESCRIPTOR.pool.FindMessageTypeByName(type_name)
    except KeyError as error:
        raise RuleError("message_unknown", f"{packed.type_url} is not known here") from error
    message = message_factory.GetMessageClass(descriptor)()
    message.ParseFromString(packed.value)
    return message


def _encode_message(message: Message) -> Any:
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Any":
            return _encode_any(message)
        case "google.protobuf.Timestamp":
            return message.ToJsonString()  # type: ignore[attr-defined]
        case "google.protobuf.Duration":
            return str(message.ToNanoseconds())  # type: ignore[attr-defined]
    return {
        field.name: _encode_field(message, field) for field in message.DESCRIPTOR.fields if _is_written(message, field)
    }


def _is_written(message: Message, field: Any) -> bool:
    if field.GetOptions().Extensions[amino_pb2.dont_omitempty]:
        return True
    if field.label == _REPEATED or not field.has_presence:
        return bool(getattr(message, field.name))
    return message.HasField(field.name)


def _encode_field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.label != _REPEATED:
        return _encode_value(value, field)
    if not value and field.GetOptions().Extensions[amino_pb2.encoding] != "legacy_coins":
        return None
    return [_encode_value(item, field) for item in value]


def _encode_value(value: Any, field: Any) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _encode_message(value)
    if field.cpp_type in _STRINGS:
        return str(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    return value
