"""Everything that a node answers on: gRPC always, REST and CometBFT's RPC where they are asked for.

HOME/grpc-address, HOME/rest-address and HOME/rpc-address say where, host:port, while the node answers there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.api.http import HttpServer
from chain.api.local_chain import LocalChain
from chain.api.registry import Registry
from chain.api.rest import Rest
from chain.api.rpc_methods import RpcMethods
from chain.api.rpc_server import RpcServer
from chain.api.rpc_subscriptions import Subscriptions
from chain.api.server import ApiServer

GRACE_MS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interfaces:
    """Where to listen, host:port with port 0 for a free one; "" for nowhere."""

    grpc: str
    rest: str = ""
    rpc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """CometBFT's RPC over the local engine: what it answers, and its subscribers."""

    methods: RpcMethods
    subscriptions: Subscriptions


@asynccontextmanager
async def listening(
    interfaces: Interfaces, registry: Registry, chain: LocalChain, rpc: Rpc | None
) -> AsyncIterator[Mapping[str, str]]:
    """Listen while inside; the addresses by name.  Without `rpc`, CometBFT serves it itself, at the address given.

    OSError: an address cannot be had.
    """
    async with AsyncExitStack() as open_servers:
        addresses: dict[str, str] = {}
        grpc = await ApiServer.open(registry, chain, address=interfaces.grpc)
        open_servers.push_async_callback(grpc.close, grace_s=GRACE_MS // 1000)
        addresses["grpc"] = grpc.address
        if interfaces.rest:
            rest = await HttpServer.open(Rest(registry, chain).answer, address=interfaces.rest)
            open_servers.push_async_callback(rest.close)
            addresses["rest"] = rest.address
        if interfaces.rpc and rpc is None:
            addresses["rpc"] = interfaces.rpc
        elif interfaces.rpc and rpc is not None:
            server = RpcServer(rpc.methods, rpc.subscriptions.converse)
            opened = await HttpServer.open(server.answer, address=interfaces.rpc)
            open_servers.push_async_callback(opened.close)
            telling = asyncio.create_task(rpc.subscriptions.run())
            open_servers.push_async_callback(_end, telling)
            addresses["rpc"] = opened.address
        yield addresses


def write_addresses(home: Path, addresses: Mapping[str, str]) -> None:
    """Write the address files of a home."""
    for name, address in addresses.items():
        written = home / f"{name}-address.new"
        written.write_text(f"{address}\n")
        written.replace(home / f"{name}-address")


def remove_addresses(home: Path) -> None:
    """Remove the address files of a home."""
    for name in Interfaces.__slots__:
        (home / f"{name}-address").unlink(missing_ok=True)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
