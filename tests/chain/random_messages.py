"""Messages that nobody would send: every field of any message drawn anew, or one or two of a good message changed."""

from __future__ import annotations

from random import Random
from typing import Any, Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message

from chain.handlers import HANDLERS
from chain.modules.handler import pack_any
from rules.addresses import encode_address, module_address
from tests.chain.ledger import ANN, BOB, CAT, DAN, STRANGER, make_coin

from cosmos.authz.v1beta1.authz_pb2 import GenericAuthorization
from cosmos.bank.v1beta1.authz_pb2 import SendAuthorization

NAMES: Final = ("host", "address", "sender", "er", "authority", "grantee", "payee")
ADDRESSES: Final = [
    *[person.text for person in (ANN, BOB, CAT, DAN)] * 4,
    *[STRANGER.text, encode_address(module_address("gov")), encode_address(module_address("stake")), "gonka1x", ""],
]
NUMBERS: Final = [0, 1, 2, 3, 64, 1000, 10**9, 10**11, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64 - 1]
TEXTS: Final = ["", "x", "1", "0.5", "-1", "ngonka", "stake", "ü" * 50, "\0", "9" * 30, "y" * 2000, "/", *HANDLERS]
SIZES: Final = [0, 1, 8, 20, 31, 32, 33, 48, 64, 65, 100, 1000]
BOUNDS: Final = {
    Field.TYPE_INT32: (-(2**31), 2**31 - 1),
    Field.TYPE_INT64: (-(2**63), 2**63 - 1),
    Field.TYPE_UINT32: (0, 2**32 - 1),
    Field.TYPE_UINT64: (0, 2**64 - 1),
    Field.TYPE_FIXED64: (0, 2**64 - 1),
}
DEEPEST: Final = 4


class Draw:
    """Draws messages; `epoch` is the one that most of them name."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.epoch = 0

    def any_message(self) -> Message:
        """A message of any kind, leaving the network seldom: who has left does nothing else any more."""
        kinds = [h.message for h in HANDLERS.values() if not h.name.endswith("MsgLeave") or self.random.random() < 0.05]
        return self.fill(self.random.choice(kinds)())

    def fill(self, message: Any, depth: int = 0) -> Any:
        """The message with most of its fields set."""
        for field in message.DESCRIPTOR.fields:
            if self.random.random() > 0.1 and depth <= DEEPEST:
                self._set(message, field, depth)
        return message

    def change(self, message: Message) -> Message:
        """A copy with up to two of its own fields changed."""
        copy = type(message).FromString(message.SerializeToString())
        for field in self.random.sample(list(copy.DESCRIPTOR.fields), self.random.randint(0, 2)):
            value = getattr(copy, field.name)
            if field.type == Field.TYPE_BYTES and value and self.random.random() < 0.7:
                at = self.random.randrange(len(value))
                setattr(copy, field.name, value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :])
            elif field.label == Field.LABEL_REPEATED and value and self.random.random() < 0.7:
                del value[self.random.randrange(len(value))]
            else:
                self._set(copy, field, 0)
        return copy

    def _set(self, message: Any, field: Field, depth: int) -> None:
        if field.label == Field.LABEL_REPEATED:
            for _ in range(self.random.choice([0, 1, 1, 2, 3])):
                if field.type == Field.TYPE_MESSAGE:
                    self._fill_part(getattr(message, field.name).add(), depth)
                else:
                    getattr(message, field.name).append(self._value(field))
        elif field.type == Field.TYPE_MESSAGE:
            getattr(message, field.name).SetInParent()
            self._fill_part(getattr(message, field.name), depth)
        else:
            setattr(message, field.name, self._value(field))

    def _fill_part(self, part: Any, depth: int) -> None:
        if not isinstance(part, AnyMessage):
            self.fill(part, depth + 1)
        elif self.random.random() < 0.1:
            self.fill(part, DEEPEST)
        else:
            granted = GenericAuthorization(msg=f"/{self.random.choice(list(HANDLERS))}")
            limited = SendAuthorization(spend_limit=[make_coin(10**9)])
            inner = self.fill(self.random.choice(list(HANDLERS.values())).message(), depth + 1)
            part.CopyFrom(pack_any(self.random.choice([granted, limited, inner, inner])))

    def _value(self, field: Field) -> Any:
        if field.type == Field.TYPE_STRING:
            named = field.name.endswith(NAMES) and self.random.random() < 0.9
            return self.random.choice(ADDRESSES if named else [*TEXTS, *map(str, NUMBERS), *["ngonka"] * 20])
        if field.type == Field.TYPE_BYTES:
            return self.random.randbytes(self.random.choice(SIZES))
        if field.type == Field.TYPE_BOOL:
            return self.random.random() < 0.5
        if field.type == Field.TYPE_ENUM:
            return self.random.choice([*[value.number for value in field.enum_type.values], 99])
        if field.name == "epoch" and self.random.random() < 0.8:
            return max(0, self.epoch + self.random.choice([0, 0, 1, -1]))
        least, most = BOUNDS[field.type]
        drawn = self.random.choice([*NUMBERS, *[-n for n in NUMBERS], self.random.randint(1, 5)])
        return min(max(drawn, least), most)
