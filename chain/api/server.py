"""The registry over gRPC: one handler for every method, with health, reflection and notices of new blocks."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc
import structlog
from grpc_health.v1.health import aio as health
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from chain.api.registry import Method, Registry
from chain.modules.query import Snapshot
from rules.errors import RuleError
from wire.errors import status_of
from wire.gonka.sprint.v1.query_pb2 import BlockNotice, FollowRequest
from wire.gonka.sprint.v1.query_pb2_grpc import BlocksServicer, add_BlocksServicer_to_server

HEIGHT_HEADER = "x-cosmos-block-height"
MAX_REQUEST_BYTES = 2 * 2**20
MAX_CALLS = 4096
"""Calls that are answered at once; further ones are refused with RESOURCE_EXHAUSTED."""
MAX_CALLS_OF_ONE = 256
"""Of these, calls over one connection; further ones wait their turn, so that no client takes every place."""
MAX_DETAILS = 2000
"""Letters of a refusal, which travels in a header."""
_OPTIONS = (
    ("grpc.max_concurrent_streams", MAX_CALLS_OF_ONE),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", 64 * 2**20),
    ("grpc.max_metadata_size", 16 * 2**10),
    ("grpc.so_reuseport", 0),
)
_OTHER_SERVICES = ("gonka.sprint.v1.Blocks", "grpc.health.v1.Health", reflection.SERVICE_NAME)

log = structlog.get_logger(__name__)


class Chain(Protocol):
    """What the server reads."""

    def snapshot(self, height: int) -> Snapshot:
        """The state committed at `height`, 0 for the latest.  RuleError height_not_kept."""
        ...

    async def wait_above(self, height: int) -> BlockNotice:
        """The latest block, as soon as its height is above `height`."""
        ...


class ApiServer:
    """A gRPC server that is listening.  Open it with `open`."""

    def __init__(self, server: grpc.aio.Server, address: str) -> None:
        self._server = server
        self.address = address

    @classmethod
    async def open(cls, registry: Registry, chain: Chain, *, address: str) -> "ApiServer":
        """Listen on `address` (host:port, port 0 for a free one); `address` of the server has the real port.

        OSError: the address cannot be had.
        """
        server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_CALLS)
        server.add_generic_rpc_handlers((_Methods(registry, chain),))
        add_BlocksServicer_to_server(_Blocks(chain), server)
        add_HealthServicer_to_server(health.HealthServicer(), server)
        reflection.enable_server_reflection((*registry.services, *_OTHER_SERVICES), server)
        try:
            port = server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}") from error
        await server.start()
        return cls(server, f"{address.rpartition(':')[0]}:{port}")

    async def close(self, *, grace_s: float) -> None:
        """Take no more calls; running ones have `grace_s` seconds to end."""
        await self._server.stop(grace_s)


class _Methods(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """Every method of the registry, bytes in and bytes out."""

    def __init__(self, registry: Registry, chain: Chain) -> None:
        self._registry = registry
        self._chain = chain

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method = self._registry.find(details.method)
        if method is None:
            return None

        async def behave(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return await self._serve(method, request, context)

        return grpc.unary_unary_rpc_method_handler(behave)

    async def _serve(self, method: Method, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        try:
            snapshot = self._chain.snapshot(_read_height(context))
            await context.send_initial_metadata(((HEIGHT_HEADER, str(snapshot.height)),))
            return await method.serve(request, snapshot)
        except RuleError as error:
            refusal = error
        except Exception:  # the edge of the process: one bad handler must not take the node down
            log.exception("query_failed", method=method.path)
            refusal = RuleError("internal")
        await context.abort(status_of(refusal.code), str(refusal)[:MAX_DETAILS])
        raise AssertionError("abort returned")


class _Blocks(BlocksServicer):
    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def Follow(self, request: FollowRequest, _context: Any) -> AsyncIterator[BlockNotice]:  # noqa: N802  # gRPC's
        height = request.after_height
        while True:
            notice = await self._chain.wait_above(height)
            height = notice.height
            yield notice


def _read_height(context: grpc.aio.ServicerContext) -> int:
    """The height that the caller asks for in its metadata, 0 for the latest."""
    for name, value in context.invocation_metadata() or ():
        if name == HEIGHT_HEADER:
            return parse_height(value)
    return 0


def parse_height(text: str) -> int:
    """The height in a header.  RuleError request_invalid."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise RuleError("request_invalid", f"{HEIGHT_HEADER} is a whole number")
    return int(text)
