"""Cosmos messages as JSON for people: every type of this network unpacked, others kept as base64."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from google.protobuf import message_factory
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message

import wire  # noqa: F401  # puts the Cosmos messages on the path
from commands.output import Json
from rules.errors import RuleError

_MODULES: Final = (
    "cosmos.authz.v1beta1.tx_pb2",
    "cosmos.bank.v1beta1.tx_pb2",
    "cosmos.crypto.secp256k1.keys_pb2",
    "cosmos.gov.v1.tx_pb2",
    "cosmos.gov.v1beta1.tx_pb2",
    "wire.gonka.beacon.v1.tx_pb2",
    "wire.gonka.inference.v1.tx_pb2",
    "wire.gonka.params.v1.tx_pb2",
    "wire.gonka.sprint.v1.tx_pb2",
    "wire.gonka.stake.v1.tx_pb2",
)


def describe_message(message: Message) -> dict[str, Json]:
    """A message as {"@type": its name, its fields}; what it carries in Any is unpacked too."""
    return {"@type": message.DESCRIPTOR.full_name, **_describe_fields(message)}


def describe_any(packed: AnyMessage) -> dict[str, Json]:
    """The message in an Any; where its type is not known here or its bytes do not fit, the bytes in base64."""
    try:
        return describe_message(unpack_any(packed))
    except RuleError:
        return {"@type": packed.type_url.rpartition("/")[2], "base64": base64.b64encode(packed.value).decode()}


def unpack_any(packed: AnyMessage) -> Message:
    """The message in an Any.  Raises message_unknown, tx_malformed."""
    load_messages()
    name = packed.type_url.rpartition("/")[2]
    try:
        kind = message_factory.GetMessageClass(AnyMessage.DESCRIPTOR.file.pool.FindMessageTypeByName(name))
    except KeyError as error:
        raise RuleError("message_unknown", f"{name} is not known here") from error
    try:
        return kind.FromString(packed.value)
    except DecodeError as error:
        raise RuleError("tx_malformed", f"not a {name}") from error


def load_messages() -> None:
    """Make every message of this network known to protobuf."""
    for module in _MODULES:
        import_module(module)


def _describe_fields(message: Message) -> dict[str, Any]:
    return {field.name: _describe_value(value) for field, value in message.ListFields()}


def _describe_value(value: Any) -> Any:
    if isinstance(value, AnyMessage):
        return describe_any(value)
    if isinstance(value, FieldMask):
        return list(value.paths)
    if isinstance(value, Message):
        if value.DESCRIPTOR.file.package == "google.protobuf":
            return MessageToDict(value, preserving_proto_field_name=True)
        return _describe_fields(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(name): _describe_value(item) for name, item in value.items()}
    if isinstance(value, str | int | float):
        return value
    return [_describe_value(item) for item in value]
