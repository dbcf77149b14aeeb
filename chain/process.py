"""The chain process: opens the store, the state machine, the engine and the API, and closes them in order.

HOME/genesis.json   what the chain began with
HOME/data/          the store; one process at a time
HOME/grpc-address   where the running process listens, host:port; absent while it does not
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from chain.api.local_chain import LocalChain
from chain.api.methods import build_registry
from chain.api.server import ApiServer
from chain.app import App
from chain.engine.clock import SystemClock
from chain.engine.local import EngineConfig, LocalEngine
from chain.genesis import read_genesis
from chain.store.store import Store
from rules.errors import RuleError
from wire.gonka.params.v1.genesis_pb2 import Genesis
from wire.notify import ServiceManager

GENESIS_FILE = "genesis.json"
DATA_FILE = "data"
ADDRESS_FILE = "grpc-address"
GRACE_S = 1.0

log = structlog.get_logger("chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainConfig:
    """What an operator settles: where the files are, where to listen (host:port, port 0 for a free one), the pace.

    `block_ms` of None is the genesis file's.
    """

    home: Path
    grpc: str
    block_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An open chain: a store, the state machine over it, and the engine that drives it."""

    store: Store
    app: App
    engine: LocalEngine
    genesis: Genesis


@contextmanager
def open_node(store: Store, genesis: bytes, block_ms: int | None = None) -> Iterator[Node]:
    """The chain of this genesis file in `store`, which is closed at the end.

    RuleError genesis_invalid; StoreError store_foreign.
    """
    try:
        described = read_genesis(genesis)
        app = App.open(store)
        config = EngineConfig(
            chain_id=described.chain_id,
            block_ms=block_ms or described.params.auth.block_ms,
            max_block_bytes=described.params.auth.max_block_bytes,
            max_tx_bytes=described.params.auth.max_tx_bytes,
        )
        engine = LocalEngine.open(app, store, config=config, genesis=genesis)
        yield Node(store=store, app=app, engine=engine, genesis=described)
    finally:
        store.close()


def read_genesis_file(home: Path) -> bytes:
    """The bytes of the home's genesis file.  RuleError genesis_invalid where it cannot be read."""
    try:
        return (home / GENESIS_FILE).read_bytes()
    except OSError as error:
        raise RuleError("genesis_invalid", f"{home / GENESIS_FILE}: {error.strerror}") from error


async def serve_until_signal(config: ChainConfig, manager: ServiceManager, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await serve(config, manager, on_ready, stopping)


async def serve(
    config: ChainConfig, manager: ServiceManager, on_ready: Callable[[str], None], stopping: asyncio.Event
) -> None:
    """Make blocks and answer until `stopping`; `on_ready` is told the address once it answers.

    RuleError genesis_invalid; StoreError store_locked, store_foreign, store_unreadable, store_full; OSError: the
    address cannot be had.
    """
    genesis = read_genesis_file(config.home)
    with open_node(Store.open(config.home / DATA_FILE), genesis, config.block_ms) as node:
        (config.home / ADDRESS_FILE).unlink(missing_ok=True)
        clock = SystemClock()
        if node.engine.height == 0:
            node.engine.make_block(clock.time_ns())
        server = await _listen(node, config)
        try:
            on_ready(server.address)
            manager.tell("READY=1")
            log.info("chain_started", chain_id=node.genesis.chain_id, height=node.engine.height, grpc=server.address)
            await _run(node.engine, clock, manager, stopping)
        finally:
            manager.tell("STOPPING=1")
            (config.home / ADDRESS_FILE).unlink(missing_ok=True)
            await server.close(grace_s=GRACE_S)
            log.info("chain_stopped", height=node.engine.height)


async def _listen(node: Node, config: ChainConfig) -> ApiServer:
    chain = LocalChain(app=node.app, engine=node.engine, store=node.store, chain_id=node.genesis.chain_id)
    server = await ApiServer.open(build_registry(chain), chain, address=config.grpc)
    written = config.home / f"{ADDRESS_FILE}.new"
    written.write_text(f"{server.address}\n")
    written.replace(config.home / ADDRESS_FILE)
    return server


async def _run(engine: LocalEngine, clock: SystemClock, manager: ServiceManager, stopping: asyncio.Event) -> None:
    """Until told to stop, or the engine fails: then its error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(engine.run(clock)), group.create_task(_stay_alive(manager))]
            await stopping.wait()
            for task in tasks:
                task.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def _stay_alive(manager: ServiceManager) -> None:
    """Tell the service manager so, twice as often as it asks."""
    while manager.watchdog_s:
        manager.tell("WATCHDOG=1")
        await asyncio.sleep(manager.watchdog_s)
