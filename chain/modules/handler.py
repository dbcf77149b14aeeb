"""How a module takes messages: one Handler for each, found by the message's full name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from chain.context import Context

Apply = Callable[[Context, Any], Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """A message and what it does.

    `apply` checks and writes and gives the response; it raises RuleError, after which the caller drops its writes.  It
    never changes the message.  `gas` is the whole cost of applying it, apart from the messages it carries.  `duty`:
    free of fees, and applied on the check state before it may wait for a block.  `inner` names the field of Any that
    carries messages; such a message is a duty when all that it carries are.
    """

    message: type[Message]
    apply: Apply
    gas: int
    duty: bool = False
    inner: str = ""

    @property
    def name(self) -> str:
        """The full name of the message, as in `cosmos.bank.v1beta1.MsgSend`."""
        return self.message.DESCRIPTOR.full_name


def index_handlers(*modules: Iterable[Handler]) -> Mapping[str, Handler]:
    """The handlers of all modules by full name; two for one message are a mistake of ours."""
    handlers: dict[str, Handler] = {}
    for handler in (handler for module in modules for handler in module):
        if handler.name in handlers:
            raise AssertionError(f"two handlers for {handler.name}")
        handlers[handler.name] = handler
    return handlers
