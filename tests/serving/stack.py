"""The real stack on a tiny random model: a sidecar process, and a serving application in a thread of this one."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chain_client.cosmos import CosmosLedger
from chain_client.inference_stub import InferenceStub
from chain_client.ledger import Ledger
from chain_client.sender import Sender
from chain_client.sqlite import coded
from rules.addresses import decode_address
from rules.types import Host
from serving.api import Api, Door, Ports
from serving.application import Listen, Traffic, build_application, drain, listen
from serving.catalogue import Catalogue
from serving.chain_view import ChainView
from serving.check_view import CheckView
from serving.database import FILE_NAME, Database
from serving.journal import Journal
from serving.metrics import Metrics
from serving.open_access import OpenDoor
from serving.paid import Desk, PaidDoor
from serving.placing import Placer, Trees, keep_placing
from serving.process import add_voucher_route
from serving.settling import Settler, keep_looking, keep_settling
from tests.chain.ledger import BOB, CHAIN_ID
from tests.serving.market import SERVING, Market, key_of
from tests.sidecar.inference.tiny import make_tiny_model
from wire.openai.notes import RECEIPT_PATH

GNK = Path(sys.executable).with_name("gnk")
START_S = 120.0
LOOK_S = 0.5


@contextmanager
def run_sidecar(home: Path, *, model: str = "tiny", seed: int = 0, render_only: bool = False) -> Iterator[str]:
    """A sidecar process that serves a tiny model, of weights drawn from `seed`; gives its gRPC target."""
    make_tiny_model(home / "models", model, seed)
    socket = home / "sidecar.sock"
    target = f"unix:{socket}"
    log = (home / "sidecar.log").open("wb")
    words = ["sidecar", "start", "--home", str(home), "--models", str(home / "models"), "--devices", "cpu"]
    words += ["--socket", str(socket), *(["--render-only"] if render_only else [])]
    process = subprocess.Popen(
        [GNK, *words, "--profiles", "tiny", "--threads", "1", "--log-format", "json"],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        asyncio.run(wait_for_model(target, process))
        yield target
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
            raise
        finally:
            log.close()


async def wait_for_model(target: str, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + START_S
    async with InferenceStub.open(target) as stub:
        while time.monotonic() < end_s and process.poll() is None:
            try:
                if await stub.models():
                    return
            except Exception:  # noqa: BLE001 - whatever it is, it is not there yet
                pass
            await asyncio.sleep(0.1)
    raise AssertionError(f"the sidecar did not come up; exit {process.poll()}")


@contextmanager
def run_thread(build: Callable[[asyncio.Event, Callable[[str], None]], object]) -> Iterator[str]:
    """Runs `build(stop, ready)` in a loop of its own until the block ends; gives what it called `ready` with."""
    started = threading.Event()
    told: list[str] = []
    failed: list[BaseException] = []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def ready(url: str) -> None:
        told.append(url)
        started.set()

    def run() -> None:
        try:
            loop.run_until_complete(build(stop, ready))  # type: ignore[arg-type]
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            started.set()
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(60)
    if failed:
        raise failed[0]
    try:
        yield told[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()
        if failed:
            raise failed[0]


@contextmanager
def run_open(target: str, *, queue: int = 64) -> Iterator[str]:
    """An open-access application before a sidecar; gives its URL."""

    async def serve(stop: asyncio.Event, ready: Callable[[str], None]) -> None:
        async with InferenceStub.open(target) as sidecar:
            await serve_with(sidecar, OpenDoor(secrets.token_bytes), queue, stop, ready)

    with run_thread(serve) as url:
        yield url


async def serve_with(
    sidecar: InferenceStub,
    door: Door,
    queue: int,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    trees: Trees | None = None,
) -> None:
    catalogue = Catalogue(sidecar, queue=queue, now_s=time.monotonic)
    metrics = Metrics()
    ports = Ports(
        sidecar=sidecar,
        catalogue=catalogue,
        door=door,
        metrics=metrics,
        now_s=time.time,
        entropy=secrets.token_bytes,
    )
    traffic = Traffic(metrics)
    app = build_application(Api(ports), traffic, catalogue=catalogue, describe=dict)
    if isinstance(door, PaidDoor):
        add_voucher_route(app, door)
    if trees is not None:
        app.router.add_get(RECEIPT_PATH, trees.serve)
    runner, url = await listen(app, Listen(host="127.0.0.1", port=0))
    ready(url)
    await stop.wait()
    await drain(traffic, runner, patience_s=10)


@contextmanager
def run_paid_server(market: Market, home: Path, *, settle_s: float = 3600.0) -> Iterator[str]:
    """Bob's serving process, in a thread, with its journal in `home`; gives its URL."""
    host = Host(decode_address(BOB.text))

    async def serve(stop: asyncio.Event, ready: Callable[[str], None]) -> None:
        database = Database.open(home, chain_id=CHAIN_ID, host=host)
        journal = Journal(database, chain_id=CHAIN_ID, host=host)
        key = key_of(SERVING)
        async with CosmosLedger.open(market.chain) as ledger, InferenceStub.open(market.sidecar) as sidecar:
            view = ChainView(ledger, chain_id=CHAIN_ID, host=BOB.text, now_s=time.monotonic)
            await view.refresh()

            async def pause() -> None:
                await asyncio.sleep(0.05)

            desk = Desk(
                view=view,
                journal=journal,
                key=key,
                metrics=Metrics(),
                entropy=secrets.token_bytes,
                now_s=time.monotonic,
            )
            sender = Sender(ledger=ledger, outbox=journal, signer=key, chain_id=CHAIN_ID, pause=pause)
            settler = Settler(journal=journal, view=view, ledger=ledger, orders=sender, address=key.address)
            placer = make_placer(ledger, journal, sender, desk.metrics)
            jobs = [
                keep_settling(settler, settle_s, asyncio.sleep),
                keep_looking(view, LOOK_S),
                keep_placing(placer, LOOK_S),
            ]
            tasks = [asyncio.create_task(job) for job in jobs]
            await serve_with(sidecar, PaidDoor(desk), 64, stop, ready, placer.trees)
            for task in tasks:
                task.cancel()
        database.close()

    with run_thread(serve) as url:
        yield url


def make_placer(ledger: Ledger, journal: Journal, sender: Sender, metrics: Metrics) -> Placer:
    """Bob's."""
    return Placer(
        view=CheckView(ledger=ledger),
        book=journal,
        trees=Trees(journal),
        orders=sender,
        metrics=metrics,
        host=BOB.text,
        address=SERVING.text,
    )


async def settle_once(market: Market, home: Path) -> int:
    """Settles what the journal in `home` has, beside the server that writes it; how many applied."""
    host = Host(decode_address(BOB.text))
    with coded(FILE_NAME):
        database = Database(sqlite3.connect(home / FILE_NAME, timeout=5, isolation_level=None))
    journal, key = Journal(database, chain_id=CHAIN_ID, host=host), key_of(SERVING)
    async with CosmosLedger.open(market.chain) as ledger:
        view = ChainView(ledger, chain_id=CHAIN_ID, host=BOB.text, now_s=time.monotonic)

        async def pause() -> None:
            await asyncio.sleep(0.05)

        sender = Sender(ledger=ledger, outbox=journal, signer=key, chain_id=CHAIN_ID, pause=pause)
        settler = Settler(journal=journal, view=view, ledger=ledger, orders=sender, address=key.address)
        try:
            return await settler.settle_all()
        finally:
            database.close()
