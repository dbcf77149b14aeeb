"""A chain process in a thread of the test, with a real store and a real port."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

from chain.api.listening import Interfaces
from chain.process import GENESIS_FILE, ChainConfig, CometbftConfig, serve
from rules.params import Params
from rules.presets import MINIMAL
from tests.chain.ledger import make_genesis
from wire.notify import ServiceManager

BLOCK_MS = 50
EVERYWHERE = Interfaces(grpc="127.0.0.1:0", rest="127.0.0.1:0", rpc="127.0.0.1:0")
START_TIMEOUT_S = 30


@contextmanager
def run_chain(home: Path, params: Params = MINIMAL, block_ms: int = BLOCK_MS) -> Iterator[str]:
    """The gRPC address of a chain in `home`, begun with the people of tests.chain.ledger; stopped on leaving."""
    with run_interfaces(home, Interfaces(grpc="127.0.0.1:0"), params, block_ms) as addresses:
        yield addresses["grpc"]


@contextmanager
def run_interfaces(
    home: Path,
    interfaces: Interfaces = EVERYWHERE,
    params: Params = MINIMAL,
    block_ms: int = BLOCK_MS,
    cometbft: CometbftConfig | None = None,
) -> Iterator[Mapping[str, str]]:
    """The same, its addresses by name."""
    home.mkdir(exist_ok=True)
    if not (home / GENESIS_FILE).exists():
        (home / GENESIS_FILE).write_bytes(make_genesis(params))
    ready: Queue[Mapping[str, str] | Exception] = Queue()
    stopping = asyncio.Event()
    loop = asyncio.new_event_loop()

    def run() -> None:
        config = ChainConfig(home=home, interfaces=interfaces, block_ms=block_ms, cometbft=cometbft)
        try:
            loop.run_until_complete(serve(config, ServiceManager(), ready.put, stopping))
        except Exception as error:  # noqa: BLE001  # handed to the test, which raises it
            ready.put(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        answer = ready.get(timeout=START_TIMEOUT_S)
        if isinstance(answer, Exception):
            raise answer
        yield answer
    finally:
        with suppress(RuntimeError):  # the loop is closed: the chain has ended by itself
            loop.call_soon_threadsafe(stopping.set)
        thread.join()
