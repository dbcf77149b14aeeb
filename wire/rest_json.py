"""Messages in the JSON of a Cosmos node's REST interface.

Fields take their proto name and are all written; 64-bit integers are texts, bytes base64, enums their names, an absent
message null; an Any is the message in it with its "@type"; a LegacyDec, a whole number of 10^-18 in protobuf, is a
decimal.  Source: proto3's JSON mapping; gogoproto's jsonpb as the Cosmos SDK sets it up.
"""

from base64 import b64encode
from typing import Any, Final

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

import wire  # noqa: F401  # puts the Cosmos messages on the path

from gogoproto import gogo_pb2

MAX_DEPTH: Final = 32
"""Messages in messages that are written out; deeper ones are given as type and bytes."""
DECIMAL_TYPE: Final = "cosmossdk.io/math.LegacyDec"
_PLACES: Final = 18
_INT64: Final = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
_TEXTUAL: Final = {"google.protobuf.Timestamp", "google.protobuf.Duration"}


def write_message(message: Message, depth: int = 0) -> Any:
    """The JSON value of a message: an object, or a text for a time or a duration."""
    name = message.DESCRIPTOR.full_name
    if name in _TEXTUAL:
        return _write_time(message)
    if name == "google.protobuf.Any":
        return _write_any(message, depth)
    return {field.name: _write_field(message, field, depth) for field in message.DESCRIPTOR.fields}


def _write_time(time: Any) -> str | None:
    """The text of a time or a duration; None for one out of bounds, as a refused transaction may carry it."""
    try:
        text: str = time.ToJsonString()
    except ValueError:
        return None
    return text


def format_decimal(parts: str) -> str:
    """The decimal with 18 places of a whole number of 10^-18; what is no whole number stays as it is."""
    digits = parts.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        return parts
    digits = digits.rjust(_PLACES + 1, "0")
    return f"{'-' * parts.startswith('-')}{digits[:-_PLACES]}.{digits[-_PLACES:]}"


def _write_any(packed: Any, depth: int) -> Any:
    message = _unpack(packed) if depth < MAX_DEPTH else None
    if message is None:
        return {"type_url": packed.type_url, "value": b64encode(packed.value).decode()} if packed.type_url else None
    written = write_message(message, depth + 1)
    return {"@type": packed.type_url, **(written if isinstance(written, dict) else {"value": written})}


def _unpack(packed: Any) -> Message | None:
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(packed.type_url.rpartition("/")[2])
        return message_factory.GetMessageClass(descriptor).FromString(packed.value)
    except (KeyError, DecodeError):
        return None


def _write_field(message: Message, field: Any, depth: int) -> Any:
    value = getattr(message, field.name)
    if _is_map(field):
        return {
            str(key): _write_value(item, field.message_type.fields_by_name["value"], depth)
            for key, item in sorted(value.items())
        }
    if field.label == FieldDescriptor.LABEL_REPEATED:
        return [_write_value(item, field, depth) for item in value]
    if field.has_presence and not message.HasField(field.name):
        return None
    return _write_value(value, field, depth)


def _write_value(value: Any, field: Any, depth: int) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        return write_message(value, depth + 1)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        named = field.enum_type.values_by_number.get(value)
        return named.name if named else value
    if field.GetOptions().Extensions[gogo_pb2.customtype] == DECIMAL_TYPE:
        return format_decimal(value.decode("ascii", "replace") if isinstance(value, bytes) else value)
    if field.cpp_type in _INT64:
        return str(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b64encode(value).decode()
    return value


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)
