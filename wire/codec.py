"""Records of `rules` to messages and back.

A record and its message have the same field names, which the tests hold; so one mapping serves them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from google.protobuf.message import Message

from rules.errors import RuleError
from rules.params import Params
from wire.gonka.params.v1 import params_pb2

Record = TypeVar("Record")
UNWIRED = {"name"}


def fill_message(record: object, message: Message) -> None:
    """Sets every field of `message` from the field of the record with the same name."""
    for f in fields(record):  # type: ignore[arg-type]
        value = getattr(record, f.name)
        if f.name in UNWIRED:
            continue
        if is_dataclass(value):
            part = getattr(message, f.name)
            part.SetInParent()
            fill_message(value, part)
        else:
            setattr(message, f.name, value)


def read_record(kind: type[Record], message: Message) -> Record:
    """A record of `kind` from `message`, checked by its own constructor.

    Raises: RuleError of the record's invariants.
    """
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for f in fields(kind):  # type: ignore[arg-type]
        if f.name in UNWIRED:
            continue
        value = getattr(message, f.name)
        values[f.name] = read_record(hints[f.name], value) if isinstance(value, Message) else value
    return kind(**values)


def encode_params(params: Params) -> params_pb2.Params:
    """The message gonka.params.v1.Params of the record."""
    message = params_pb2.Params()
    fill_message(params, message)
    return message


def decode_params(message: params_pb2.Params) -> Params:
    """The record of the message.

    Raises: RuleError `params_invalid` when an invariant does not hold.
    """
    return read_record(Params, message)


def has_unknown_fields(message: Message) -> bool:
    """True when the message, or one inside it, carries a field that its description does not know."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)):
        return True
    parts: Iterable[Any] = (value for _, value in message.ListFields())
    for value in parts:
        for part in value if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)) else (value,):
            if isinstance(part, Message) and has_unknown_fields(part):
                return True
    return False


def check_known(message: Message) -> None:
    """Raises RuleError `tx_malformed` when the message carries unknown fields."""
    if has_unknown_fields(message):
        raise RuleError("tx_malformed", f"{message.DESCRIPTOR.full_name} carries unknown fields")
