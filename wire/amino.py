"""Amino JSON, what hardware wallets and older clients sign: SIGN_MODE_LEGACY_AMINO_JSON, and ADR-036 for plain data.

Fields take their proto name; 64-bit integers are strings, bytes base64; an empty field is left out unless its
`amino.dont_omitempty` says otherwise; messages are named by `amino.name`.  The form holds messages, not their bytes:
it is refused for bytes that are not the one encoding of what they say.

Source: Cosmos SDK, ADR-020, ADR-036 and x/tx.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from rules.errors import RuleError
from wire.rest_json import DECIMAL_TYPE, format_decimal

from amino import amino_pb2
from cosmos.tx.v1beta1.tx_pb2 import Fee, TxBody
from gogoproto import gogo_pb2

MAX_DEPTH: Final = 4
"""Messages in messages: a proposal's, in one that is sent for another, and what these hold."""

_REPEATED = FieldDescriptor.LABEL_REPEATED
_STRINGS = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
_LONGEST_DECIMAL = 40
_ESCAPES = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode_amino(body: TxBody, fee: Fee, chain_id: str, account_number: int, sequence: int) -> bytes:
    """The bytes signed in SIGN_MODE_LEGACY_AMINO_JSON: one JSON object, keys sorted, no spaces.

    Raises RuleError message_unknown for a message without an amino name or that this program does not know,
    tx_malformed for extension options, which the form cannot hold, for a packed message that is not the one encoding
    of what it says, for one packed deeper than MAX_DEPTH, and for a time that has no text.
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
        "msgs": [_encode_any(message, 1) for message in body.messages],
        "sequence": str(sequence),
    }
    if body.timeout_height:
        document["timeout_height"] = str(body.timeout_height)
    return _encode_document(document)


def encode_adr36(signer: str, data: bytes) -> bytes:
    """The bytes that an account signs to show that `data` is its word, as ADR-036 has it: no chain takes them."""
    return _encode_document(
        {
            "account_number": "0",
            "chain_id": "",
            "fee": {"amount": [], "gas": "0"},
            "memo": "",
            "msgs": [
                {"type": "sign/MsgSignData", "value": {"data": base64.b64encode(data).decode(), "signer": signer}}
            ],
            "sequence": "0",
        }
    )


def _encode_document(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join(_ESCAPES.get(letter, letter) for letter in text).encode()


def _encode_any(packed: Message, depth: int) -> dict[str, Any]:
    if depth > MAX_DEPTH:
        raise RuleError("tx_malformed", f"messages are packed deeper than {MAX_DEPTH}")
    message = _unpack(packed)
    name = message.DESCRIPTOR.GetOptions().Extensions[amino_pb2.name]
    if not name:
        raise RuleError("message_unknown", f"{message.DESCRIPTOR.full_name} has no amino name: sign it in direct mode")
    return {"type": name, "value": _encode_message(message, depth)}


def _unpack(packed: Any) -> Message:
    type_name = packed.type_url.rpartition("/")[2]
    try:
        descriptor = amino_pb2.DESCRIPTOR.pool.FindMessageTypeByName(type_name)
    except KeyError as error:
        raise RuleError("message_unknown", f"{packed.type_url[:80]!r} is not known here") from error
    try:
        message = message_factory.GetMessageClass(descriptor).FromString(packed.value)
    except DecodeError as error:
        raise RuleError("tx_malformed", f"not a {type_name}") from error
    message.DiscardUnknownFields()
    if message.SerializeToString(deterministic=True) != packed.value:
        raise RuleError("tx_malformed", f"{type_name} is not in its canonical encoding: sign it in direct mode")
    return message


def _encode_message(message: Message, depth: int) -> Any:
    match message.DESCRIPTOR.full_name:
        case "google.protobuf.Any":
            return _encode_any(message, depth + 1)
        case "google.protobuf.Timestamp":
            return _format_time(message)
        case "google.protobuf.Duration":
            return str(message.ToNanoseconds())  # type: ignore[attr-defined]
    return {
        field.name: _encode_field(message, field, depth)
        for field in message.DESCRIPTOR.fields
        if _is_written(message, field)
    }


def _format_time(time: Any) -> str:
    try:
        text: str = time.ToJsonString()
    except ValueError as error:
        raise RuleError("tx_malformed", "a time is not within the years 1 to 9999") from error
    return text


def _is_written(message: Message, field: Any) -> bool:
    if field.GetOptions().Extensions[amino_pb2.dont_omitempty]:
        return True
    if field.label == _REPEATED or not field.has_presence:
        return bool(getattr(message, field.name))
    return message.HasField(field.name)


def _encode_field(message: Message, field: Any, depth: int) -> Any:
    value = getattr(message, field.name)
    if field.label != _REPEATED:
        return _encode_value(value, field, depth)
    if not value and field.GetOptions().Extensions[amino_pb2.encoding] != "legacy_coins":
        return None
    return [_encode_value(item, field, depth) for item in value]


def _encode_value(value: Any, field: Any, depth: int) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return _encode_message(value, depth)
    if field.cpp_type in _STRINGS:
        return str(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.GetOptions().Extensions[gogo_pb2.customtype] == DECIMAL_TYPE:
        return _format_decimal(value)
    return value


def _format_decimal(parts: str) -> str:
    if not (parts.isascii() and parts.isdigit() and len(parts) <= _LONGEST_DECIMAL):
        raise RuleError("tx_malformed", f"{parts[:40]!r} is no whole number of 10^-18")
    return format_decimal(parts)
