"""The one list of methods that a node answers, by full gRPC path, whatever carries the bytes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from chain.modules.query import Query, Snapshot
from rules.errors import RuleError


@dataclass(frozen=True, slots=True)
class Call:
    """A unary method that does more than read the state, as "cosmos.tx.v1beta1.Service.BroadcastTx".

    `answer` gets the method's request, returns its response or a coroutine of it, and raises RuleError.
    """

    method: str
    answer: Callable[[Any], Message | Awaitable[Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method with the message class of its request."""

    path: str
    request: type[Message]
    handler: Query | Call


class Registry:
    """Methods by path, as in "/cosmos.bank.v1beta1.Query/Balance".  Make it with `build`."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods

    @classmethod
    def build(cls, handlers: Iterable[Query | Call]) -> "Registry":
        """The registry of these handlers; each must name a method of a service whose messages are imported, once."""
        methods: dict[str, Method] = {}
        for handler in handlers:
            method = _resolve(handler)
            if method.path in methods:
                raise AssertionError(f"{method.path} is answered twice")
            methods[method.path] = method
        return cls(methods)

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services that have a method here, in order."""
        return tuple(sorted({path.split("/")[1] for path in self._methods}))

    def find(self, path: str) -> Method | None:
        """The method at this path."""
        return self._methods.get(path)

    async def answer(self, method: Method, request: bytes, snapshot: Snapshot) -> bytes:
        """The encoded response to an encoded request, read at `snapshot`.

        RuleError: request_invalid for bytes that are no such message, and what the handler refuses.
        """
        message = _decode(method, request)
        if isinstance(method.handler, Query):
            return method.handler.answer(snapshot, message).SerializeToString()
        response = method.handler.answer(message)
        if isawaitable(response):
            response = await response
        return response.SerializeToString()


def _resolve(handler: Query | Call) -> Method:
    descriptor = descriptor_pool.Default().FindMethodByName(handler.method)
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    return Method(path=path, request=message_factory.GetMessageClass(descriptor.input_type), handler=handler)


def _decode(method: Method, request: bytes) -> Message:
    try:
        return method.request.FromString(request)
    except DecodeError as error:
        raise RuleError("request_invalid", f"not a {method.request.DESCRIPTOR.full_name}") from error
