"""The chain process: opens the store, the state machine, the engine and the API, and closes them in order.

HOME/genesis.json   what the chain began with
HOME/data/          the store; one process at a time
HOME/consensus_key.json  signs the local engine's blocks; made with its first start
HOME/cometbft/      CometBFT's own directory, where it is the engine
HOME/beacon_key     a validator's beacon secret, made with CometBFT's first start; its client reads it too
HOME/snapshots/     what nodes that join start from
HOME/grpc-address   where the running process listens, host:port; absent while it does not; so rest- and rpc-address
"""

from __future__ import annotations

import asyncio
import gc
import signal
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from chain.alarms import tell_alarms
from chain.api.abci_query import AbciQuery
from chain.api.listening import Interfaces, Rpc, listening, remove_addresses, write_addresses
from chain.api.local_chain import LocalChain
from chain.api.methods import build_registry
from chain.api.node import VERSION
from chain.api.registry import Registry
from chain.api.rpc_methods import LocalNode, RpcMethods
from chain.api.rpc_subscriptions import Subscriptions
from chain.app import App
from chain.engine.abci import AbciEngine
from chain.engine.blocklog import LoggedBlock
from chain.engine.clock import SystemClock
from chain.engine.cometbft import CometbftEngine
from chain.engine.cometbft_home import (
    Network,
    Sockets,
    describe_config,
    describe_genesis,
    make_consensus_key,
    write_home,
)
from chain.engine.errors import EngineError
from chain.engine.headerlog import is_local
from chain.engine.local import EngineConfig, LocalEngine
from chain.engine.snapshots import Shelf
from chain.engine.tip import Tip
from chain.engine.validator import NOBODY, Validator
from chain.genesis import read_genesis
from chain.modules.beacon.threshold.voting import Signer
from chain.modules.upgrade.migrating import Upgrades
from chain.store.errors import StoreError
from chain.store.store import Store
from rules.errors import RuleError
from rules.params import THRESHOLD_BLS
from wire.gonka.params.v1.genesis_pb2 import Genesis
from wire.notify import ServiceManager
from wire.threshold.keyfile import make_secret, read_secret

GENESIS_FILE = "genesis.json"
DATA_FILE = "data"
CONSENSUS_KEY_FILE = "consensus_key.json"
COMETBFT_FILE = "cometbft"
SNAPSHOTS_FILE = "snapshots"
BEACON_KEY_FILE = "beacon_key"
_OBJECTS = 50_000
"""New objects after which the youngest are looked through for cycles."""

log = structlog.get_logger("chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class CometbftConfig:
    """CometBFT as the engine: the program, and where it meets others."""

    program: Path
    network: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainConfig:
    """What an operator settles: where the files are, where to listen (host:port, port 0 for a free one), the pace.

    `block_ms` of None is the genesis file's.  Upgrades in `skipped_upgrades` are not made.  The log keeps `keep_blocks`
    blocks, 0 for all; under CometBFT there is a snapshot every `snapshot_blocks`, 0 for none.  The engine is the local
    one where there is no `cometbft`.
    """

    home: Path
    interfaces: Interfaces
    block_ms: int | None = None
    keep_blocks: int = 0
    snapshot_blocks: int = 0
    skipped_upgrades: frozenset[str] = frozenset()
    cometbft: CometbftConfig | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An open chain: a store, the state machine over it, and the engine that drives it."""

    store: Store
    app: App
    engine: LocalEngine
    genesis: Genesis


@contextmanager
def open_node(
    store: Store,
    genesis: bytes,
    block_ms: int | None = None,
    keep_blocks: int = 0,
    validator: Validator = NOBODY,
    upgrades: Upgrades | None = None,
) -> Iterator[Node]:
    """The chain of this genesis file in `store`, which is closed at the end; `validator` signs what it makes.

    RuleError genesis_invalid; StoreError store_foreign.
    """
    try:
        described = read_genesis(genesis)
        app = App.open(store, upgrades=upgrades)
        config = EngineConfig(
            chain_id=described.chain_id,
            block_ms=block_ms or described.params.auth.block_ms,
            max_block_bytes=described.params.auth.max_block_bytes,
            max_tx_bytes=described.params.auth.max_tx_bytes,
            keep_blocks=keep_blocks,
        )
        engine = LocalEngine.open(app, store, config=config, genesis=genesis, validator=validator)
        yield Node(store=store, app=app, engine=engine, genesis=described)
    finally:
        store.close()


def read_genesis_file(home: Path) -> bytes:
    """The bytes of the home's genesis file.  RuleError genesis_invalid where it cannot be read."""
    try:
        return (home / GENESIS_FILE).read_bytes()
    except OSError as error:
        raise RuleError("genesis_invalid", f"{home / GENESIS_FILE}: {error.strerror}") from error


async def serve_until_signal(
    config: ChainConfig, manager: ServiceManager, on_ready: Callable[[Mapping[str, str]], None]
) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await serve(config, manager, on_ready, stopping)


async def serve(
    config: ChainConfig,
    manager: ServiceManager,
    on_ready: Callable[[Mapping[str, str]], None],
    stopping: asyncio.Event,
) -> None:
    """Make blocks and answer until `stopping`; `on_ready` is told the addresses by name once it answers there.

    RuleError genesis_invalid; StoreError store_locked, store_foreign, store_unreadable, store_full; EngineError
    cometbft_failed; OSError: the address cannot be had.
    """
    opened = open_local(config) if config.cometbft is None else open_cometbft(config, config.cometbft)
    with opened as drive:
        spare_collections()
        remove_addresses(config.home)
        try:
            with drive.subscribe() as blocks:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(drive.run()), group.create_task(tell_alarms(blocks))]
                    if await _has_block(drive.chain, stopping):
                        await _answer(drive, config, manager, on_ready, stopping)
                    for task in tasks:
                        task.cancel()
        except ExceptionGroup as failures:
            raise _first_failure(failures) from failures


def spare_collections() -> None:
    """A block makes many objects that live until the next: looking through them for cycles at every 700, as Python does
    by itself, takes a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 20, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """An open chain, and what makes its blocks until it is cancelled; `rpc` where CometBFT does not serve its own.

    `subscribe` gives a queue of the blocks to come.
    """

    chain: LocalChain
    registry: Registry
    rpc: Rpc | None
    run: Callable[[], Coroutine[None, None, None]]
    subscribe: Callable[[], AbstractContextManager[asyncio.Queue[LoggedBlock]]]


@contextmanager
def open_local(config: ChainConfig) -> Iterator[Drive]:
    """The chain with the local engine.  Raises as `serve` does."""
    genesis = read_genesis_file(config.home)
    key = config.home / CONSENSUS_KEY_FILE
    if not key.exists():
        make_consensus_key(key)
    validator = Validator.read(key)
    store = Store.open(config.home / DATA_FILE)
    upgrades = Upgrades(skipped=config.skipped_upgrades)
    with open_node(store, genesis, config.block_ms, config.keep_blocks, validator, upgrades) as node:
        if node.engine.last and not is_local(store.latest.records, node.engine.last):
            raise StoreError("store_foreign", "its blocks are CometBFT's: start it with --engine cometbft")
        if node.genesis.params.beacon.kind == THRESHOLD_BLS:
            raise RuleError("genesis_invalid", "its seeds are signed by votes: start it with --engine cometbft")
        chain = LocalChain(app=node.app, engine=node.engine, store=node.store, chain_id=node.genesis.chain_id)
        registry = build_registry(chain)
        local = LocalNode(
            chain=chain,
            validator=validator,
            genesis=describe_genesis(genesis, node.genesis),
            query=AbciQuery(registry, chain, store).answer,
        )
        methods = RpcMethods(local)
        subscriptions = Subscriptions(methods, node.engine.subscribe, lambda: store.latest.records)
        rpc = Rpc(methods=methods, subscriptions=subscriptions)
        yield Drive(
            chain=chain,
            registry=registry,
            rpc=rpc,
            run=lambda: node.engine.run(SystemClock()),
            subscribe=node.engine.subscribe,
        )


def keep_beacon_secret(home: Path) -> int:
    """The home's beacon secret, made the first time.  EngineError beacon_key_unreadable."""
    path = home / BEACON_KEY_FILE
    try:
        if not path.exists():
            make_secret(path)
        return read_secret(path)
    except (OSError, ValueError) as error:
        raise EngineError("beacon_key_unreadable", f"{path}: {error}") from error


@contextmanager
def open_cometbft(config: ChainConfig, cometbft: CometbftConfig) -> Iterator[Drive]:
    """The chain with CometBFT as its engine.  Raises as `serve` does."""
    genesis = read_genesis_file(config.home)
    described = read_genesis(genesis)
    home = config.home.absolute() / COMETBFT_FILE
    store = Store.open(config.home / DATA_FILE)
    try:
        upgrades = Upgrades(skipped=config.skipped_upgrades)
        app = App.open(store, Signer(keep_beacon_secret(config.home)), upgrades)
        tip = Tip.open(app, store, genesis, keep_blocks=config.keep_blocks)
        if tip.last and is_local(store.latest.records, tip.last):
            raise StoreError("store_foreign", "its blocks are the local engine's: start it with --engine local")
        with tempfile.TemporaryDirectory(prefix="gnk-cometbft-") as directory:
            sockets = Sockets(app=Path(directory, "app"), rpc=Path(directory, "rpc"))
            block_ms = config.block_ms or described.params.auth.block_ms
            write_home(home, genesis, described, describe_config(cometbft.network, sockets, block_ms=block_ms))
            command = [str(cometbft.program), "start", "--home", str(home)]
            engine = CometbftEngine(tip=tip, command=command, sockets=sockets, clock=SystemClock())
            chain = LocalChain(app=app, engine=engine, store=store, chain_id=described.chain_id)
            registry = build_registry(chain)
            query = AbciQuery(registry, chain, store).answer
            shelf = Shelf.open(config.home / SNAPSHOTS_FILE, store, interval=config.snapshot_blocks)
            abci = AbciEngine(app=app, tip=tip, shelf=shelf, genesis=genesis, version=VERSION, query=query)
            yield Drive(
                chain=chain,
                registry=registry,
                rpc=None,
                run=lambda: engine.run(abci.answer),
                subscribe=tip.subscribe,
            )
    finally:
        store.close()


async def _has_block(chain: LocalChain, stopping: asyncio.Event) -> bool:
    """True once there is a block to answer from, False where `stopping` comes first."""
    first = asyncio.create_task(chain.wait_above(0))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({first, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (first, stopped):
        task.cancel()
    return not stopping.is_set()


async def _answer(
    drive: Drive,
    config: ChainConfig,
    manager: ServiceManager,
    on_ready: Callable[[Mapping[str, str]], None],
    stopping: asyncio.Event,
) -> None:
    """Serve the API until `stopping`."""
    async with listening(config.interfaces, drive.registry, drive.chain, drive.rpc) as addresses:
        try:
            write_addresses(config.home, addresses)
            on_ready(addresses)
            manager.tell("READY=1")
            snapshot = drive.chain.snapshot(0)
            log.info("chain_started", chain_id=snapshot.chain_id, height=snapshot.height, **addresses)
            await _stay_alive(manager, stopping)
        finally:
            manager.tell("STOPPING=1")
            remove_addresses(config.home)
    log.info("chain_stopped", height=drive.chain.snapshot(0).height)


def _first_failure(failures: BaseException) -> BaseException:
    while isinstance(failures, BaseExceptionGroup):
        failures = failures.exceptions[0]
    return failures


async def _stay_alive(manager: ServiceManager, stopping: asyncio.Event) -> None:
    """Until `stopping`, tell the service manager so, as often as it asks."""
    while manager.watchdog_s and not stopping.is_set():
        manager.tell("WATCHDOG=1")
        with suppress(TimeoutError):
            async with asyncio.timeout(manager.watchdog_s):
                await stopping.wait()
    await stopping.wait()
