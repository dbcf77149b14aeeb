"""The one list of methods that a node answers, by full gRPC path, whatever carries the bytes."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from chain.modules.query import Query, Snapshot
from rules.errors import RuleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A method with the message class of its request."""

    path: str
    request: type[Message]
    query: Query

    def answer(self, request: bytes, snapshot: Snapshot) -> bytes:
        """The encoded response to an encoded request, read at `snapshot`; for methods that need not wait.

        RuleError: request_invalid for bytes that are no such message, and what the handler refuses.
        """
        answer = self.query.answer(snapshot, self._read(request))
        if isinstance(answer, Awaitable):
            raise AssertionError(f"{self.path} has to be awaited")
        return answer.SerializeToString()

    async def serve(self, request: bytes, snapshot: Snapshot) -> bytes:
        """As `answer`, for every method."""
        return (await self.ask(self._read(request), snapshot)).SerializeToString()

    async def ask(self, request: Message, snapshot: Snapshot) -> Message:
        """The response to a request.  RuleError: what the handler refuses."""
        answer = self.query.answer(snapshot, request)
        return await answer if isinstance(answer, Awaitable) else answer

    def _read(self, request: bytes) -> Message:
        try:
            return self.request.FromString(request)
        except DecodeError as error:
            raise RuleError("request_invalid", f"not a {self.request.DESCRIPTOR.full_name}") from error


class Registry:
    """Methods by path, as in "/cosmos.bank.v1beta1.Query/Balance".  Make it with `build`."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods

    @classmethod
    def build(cls, queries: Iterable[Query]) -> "Registry":
        """The registry of these; each must name a method of a service whose messages are imported, once."""
        methods: dict[str, Method] = {}
        for query in queries:
            method = _resolve(query)
            if method.path in methods:
                raise AssertionError(f"{method.path} is answered twice")
            methods[method.path] = method
        return cls(methods)

    @property
    def services(self) -> tuple[str, ...]:
        """Full names of the services that have a method here, in order."""
        return tuple(sorted({path.split("/")[1] for path in self._methods}))

    @property
    def methods(self) -> tuple[Method, ...]:
        """All of them."""
        return tuple(self._methods.values())

    def find(self, path: str) -> Method | None:
        """The method at this path."""
        return self._methods.get(path)


def _resolve(query: Query) -> Method:
    descriptor = descriptor_pool.Default().FindMethodByName(query.method)
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    return Method(path=path, request=message_factory.GetMessageClass(descriptor.input_type), query=query)
