"""How a module takes messages: one Handler for each, found by the message's full name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeVar

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from chain.context import Context
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError

from cosmos.msg.v1.msg_pb2 import signer

Apply = Callable[[Context, Any], Message]
Known = TypeVar("Known", bound=Message)
MAX_DEPTH: Final = 3
"""Messages in messages: a proposal, executed for another, that executes for a third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A message and what it does.

    `apply` checks and writes and gives the response; it raises RuleError, after which the caller drops its writes.  It
    never changes the message.  `gas` is the whole cost of applying it, apart from the messages it carries; where `each`
    names a repeated field, the cost for each of its entries.  `duty`: free of fees, and applied on the check state
    before it may wait for a block; `patient`: a duty over which no window closes soon, so that it goes with what pays.
    `inner` names the field of Any that carries messages; such a message is a duty when
    all that it carries are.
    """

    message: type[Message]
    apply: Apply
    gas: int
    duty: bool = False
    patient: bool = False
    inner: str = ""
    each: str = ""

    @property
    def name(self) -> str:
        """The full name of the message, as in `cosmos.bank.v1beta1.MsgSend`."""
        return self.message.DESCRIPTOR.full_name

    def compute_gas(self, message: Message) -> int:
        """What applying this message costs, apart from the messages it carries."""
        return self.gas * max(1, len(getattr(message, self.each))) if self.each else self.gas


@dataclass(frozen=True, slots=True)
class Order:
    """A message with its handler and the accounts that must sign it, at least one; `gas`, `duty`, `patient` and `exact`
    count the messages inside it.

    `exact`: of one that may be a duty, whether its bytes are the one encoding of what it says.
    """

    message: Message
    handler: Handler
    signers: tuple[bytes, ...]
    gas: int
    duty: bool
    patient: bool
    exact: bool

    def apply(self, ctx: Context) -> Message:
        """Apply the message.  Raises: RuleError, after which its writes must be dropped."""
        return self.handler.apply(ctx, self.message)


def index_handlers(*modules: Iterable[Handler]) -> Mapping[str, Handler]:
    """The handlers of all modules by full name; two for one message are a mistake of ours."""
    handlers: dict[str, Handler] = {}
    for handler in (handler for module in modules for handler in module):
        if handler.name in handlers:
            raise AssertionError(f"two handlers for {handler.name}")
        handlers[handler.name] = handler
    return handlers


def read_order(packed: AnyMessage, handlers: Mapping[str, Handler], depth: int = 1) -> Order:
    """The message in an Any, and inside it all messages that it carries.

    Raises: RuleError `message_unknown` or `params_wrong_message` for what no module takes, `tx_malformed` for bytes
    that are no such message, for unknown fields in them, for a message that nobody signs and for messages in messages
    beyond MAX_DEPTH; `address_invalid` for a signer.
    """
    handler = _find(packed.type_url, handlers)
    message = parse_strict(handler.message, packed.value)
    signers = get_signers(message)
    if not signers:
        raise RuleError("tx_malformed", f"nobody signs {handler.name}")
    exact = not handler.duty or message.SerializeToString(deterministic=True) == packed.value
    if not handler.inner:
        return Order(message, handler, signers, handler.compute_gas(message), handler.duty, handler.patient, exact)
    if depth == MAX_DEPTH:
        raise RuleError("tx_malformed", f"messages are nested deeper than {MAX_DEPTH}")
    inner = [read_order(part, handlers, depth + 1) for part in getattr(message, handler.inner)]
    gas = handler.gas + sum(order.gas for order in inner)
    duty, patient = handler.duty and all(order.duty for order in inner), all(order.patient for order in inner)
    return Order(message, handler, signers, gas, duty, patient, exact and all(order.exact for order in inner))


def parse_strict(kind: type[Known], value: bytes) -> Known:
    """The message in `value`.  Raises: RuleError `tx_malformed` for other bytes and for unknown fields at any depth."""
    try:
        message = kind.FromString(value)
    except DecodeError as error:
        raise RuleError("tx_malformed", f"not a {kind.DESCRIPTOR.full_name}") from error
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise RuleError("tx_malformed", f"{kind.DESCRIPTOR.full_name} carries unknown fields")
    return message


def read_any(packed: AnyMessage, *kinds: type[Message]) -> Message:
    """The message in an Any that must be one of `kinds`.  Raises: RuleError `tx_malformed`."""
    for kind in kinds:
        if packed.type_url == f"/{kind.DESCRIPTOR.full_name}":
            return parse_strict(kind, packed.value)
    names = ", ".join(kind.DESCRIPTOR.full_name for kind in kinds)
    raise RuleError("tx_malformed", f"{packed.type_url[:80]!r} where one of {names} belongs")


def pack_any(message: Message) -> AnyMessage:
    """The Any of a message, with a type URL as Cosmos writes it."""
    return AnyMessage(type_url=f"/{message.DESCRIPTOR.full_name}", value=message.SerializeToString(deterministic=True))


def get_signers(message: Message) -> tuple[bytes, ...]:
    """The accounts that must sign a message, without repeats, in the order of its signer option.

    Raises: RuleError `address_invalid`, for capitals too: an account has one text in the state.
    """
    addresses: dict[bytes, None] = {}
    for name in _signer_fields(message.DESCRIPTOR):
        value = getattr(message, name)
        if isinstance(value, str):
            address = decode_address(value)
            if encode_address(address) != value:
                raise RuleError("address_invalid", f"{value} is not in lower case")
            addresses[address] = None
        else:
            parts = [value] if isinstance(value, Message) else value
            addresses.update((address, None) for part in parts for address in get_signers(part))
    return tuple(addresses)


@lru_cache(maxsize=256)
def _signer_fields(descriptor: Descriptor) -> tuple[str, ...]:
    return tuple(descriptor.GetOptions().Extensions[signer])


def _find(type_url: str, handlers: Mapping[str, Handler]) -> Handler:
    handler = handlers.get(type_url[1:]) if type_url.startswith("/") else None
    if handler is not None:
        return handler
    if type_url.startswith("/cosmos.") and type_url.endswith(".MsgUpdateParams"):
        raise RuleError("params_wrong_message", f"{type_url[1:80]} changes a whole module at once")
    raise RuleError("message_unknown", f"{type_url[:80]!r}")
