"""The daemon over gRPC: a running chain, a sidecar process, a service manager that listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
import structlog

from chain_client.config import DaemonConfig
from chain_client.cosmos import CosmosLedger
from chain_client.daemon import Follower, _follow, read_view, run_daemon, tell_round, watch_signals
from chain_client.errors import PermanentError
from chain_client.journal import Journal
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.perform import Performer, Ports
from chain_client.sender import Sender
from chain_client.sidecar_stub import SidecarStub
from chain_client.view import View
from commands.ports import find_free_port
from rules.presets import MINIMAL
from rules.types import Host, Phase
from tests.chain.api.running import run_chain
from tests.chain.ledger import ANN, CHAIN_ID
from tests.chain_client.fake_ledger import FakeLedger
from tests.chain_client.views import make_clock
from tests.sidecar.conftest import SidecarProcess, now_ms
from wire.notify import ServiceManager

PARAMS = replace(MINIMAL, sprint=replace(MINIMAL.sprint, genesis_blocks=8, sprint_blocks=16, claim_blocks=6))
BLOCK_MS = 150


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where everything of a test is."""

    home: Path
    target: str
    sidecar: Path
    manager: ServiceManager
    config: DaemonConfig


@contextlib.asynccontextmanager
async def running(place: Place, stop: asyncio.Event) -> AsyncIterator[CosmosLedger]:
    """The daemon as `gnk host run` puts it together."""

    async def pause() -> None:
        await asyncio.sleep(0.05)

    key = SigningKey(Secret(ANN.secret))
    journal = Journal.open(place.home, chain_id=CHAIN_ID, host=Host(ANN.address))
    ledger = CosmosLedger.open(place.target, timeout_s=2)
    async with SidecarStub.open(f"unix:{place.sidecar}", now_ms) as sidecar:
        sender = Sender(ledger=ledger, outbox=journal, signer=key, chain_id=CHAIN_ID, pause=pause)
        ports = Ports(
            ledger=ledger,
            sidecar=sidecar,
            sender=sender,
            signer=key,
            journal=journal,
            entropy=secrets.token_bytes,
            now_ms=now_ms,
            pause=pause,
        )
        daemon = asyncio.create_task(
            run_daemon(place.config, ports, chain_id=CHAIN_ID, manager=place.manager, stop=stop)
        )
        try:
            yield ledger
        finally:
            stop.set()
            async with asyncio.timeout(10):
                await daemon
            await ledger.__aexit__(None, None, None)
            journal.close()


async def wait_for(ledger: CosmosLedger, holds: Callable[[View], bool], seconds: float = 20) -> View:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        view = await read_view(ledger, ANN.text)
        if holds(view):
            return view
        await asyncio.sleep(0.05)
    raise AssertionError("it never came to that")


@contextlib.contextmanager
def listening(path: Path) -> Iterator[list[str]]:
    """What is said to a service manager at `path`, as it is said."""
    said: list[str] = []
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
        listener.bind(str(path))

        def listen() -> None:
            while word := listener.recv(200).decode():
                said.append(word)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield said
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(path))
            thread.join(5)


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[SidecarProcess]:
    process = SidecarProcess(home=tmp_path / "s").start()
    yield process
    process.kill()


def test_a_daemon_does_its_duties_is_stopped_and_takes_them_up_again(tmp_path: Path, sidecar: SidecarProcess) -> None:
    with (
        listening(tmp_path / "notify") as said,
        run_chain(tmp_path / "chain", PARAMS, BLOCK_MS) as target,
    ):
        manager = ServiceManager(address=str(tmp_path / "notify"), watchdog_s=0.2)
        config = DaemonConfig(host=ANN.text, metrics_port=find_free_port(), poll_s=0.03)
        place = Place(home=tmp_path / "h", target=target, sidecar=sidecar.socket, manager=manager, config=config)

        async def until(holds: Callable[[View], bool]) -> tuple[View, str]:
            async with running(place, asyncio.Event()) as ledger:
                view = await wait_for(ledger, holds)
                return view, await asyncio.to_thread(scrape, config.metrics_port)

        asyncio.run(until(lambda view: view.clock.phase is Phase.CLAIM))
        assert (said[0], said[-1]) == ("READY=1", "STOPPING=1")
        assert "WATCHDOG=1" in said

        place = replace(place, config=replace(config, metrics_port=find_free_port()))
        config = place.config
        view, metrics = asyncio.run(until(lambda view: view.my_claim is not None and view.my_claim.revealed))
        assert view.my_claim is not None
        assert view.my_claim.claim.count > 0
        assert f"gonka_client_claimed {float(view.my_claim.claim.count)}" in metrics
        journal = Journal.peek(place.home)
        assert journal is not None
        assert view.my_claim.claim.root in journal.read(view.clock.epoch).roots
        journal.close()


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return str(answer.read().decode())


def test_a_daemon_without_chain_and_sidecar_waits_says_so_once_and_stops_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = DaemonConfig(host=ANN.text, poll_s=0.02)
    place = Place(
        home=tmp_path,
        target=f"unix:{tmp_path / 'nobody'}",
        sidecar=tmp_path / "nobody",
        manager=ServiceManager(),
        config=config,
    )

    async def story() -> None:
        async with running(place, asyncio.Event()):
            await asyncio.sleep(0.8)

    before = time.monotonic()
    asyncio.run(story())
    assert time.monotonic() - before < 3
    assert capsys.readouterr().out.count("step_failed") == 1


def test_follow__cancelled_just_as_news_come__ends() -> None:
    """A host's daemon that was told to stop while a duty ended went on for ever."""

    class Idle:
        async def step(self) -> None: ...

    async def story() -> bool:
        async with asyncio.TaskGroup() as tasks:
            performer = Performer(Ports(**dict.fromkeys(Ports.__slots__)), tasks)
            following = asyncio.create_task(_follow(Idle(), performer, 60))
            await asyncio.sleep(0.01)
            performer.news.set()
            following.cancel()
            await asyncio.wait({following}, timeout=1)
            ended = following.cancelled()
            following.cancel()
            return ended

    assert asyncio.run(story())


def test_step__another_chain__is_refused(tmp_path: Path) -> None:
    with run_chain(tmp_path / "chain", MINIMAL, BLOCK_MS) as target:

        async def story() -> None:
            async with CosmosLedger.open(target) as ledger, asyncio.TaskGroup() as tasks:
                ports = Ports(**dict.fromkeys(Ports.__slots__) | {"ledger": ledger, "now_ms": now_ms})
                performer = Performer(ports, tasks)
                with pytest.raises(PermanentError, match="chain_id_mismatch"):
                    await Follower(ports=ports, performer=performer, host=ANN.text, chain_id="other-1").step()

        asyncio.run(story())


def test_watch_signals__sigterm__sets_stop() -> None:
    async def story() -> bool:
        stop = asyncio.Event()
        watch_signals(stop)
        os.kill(os.getpid(), 15)
        async with asyncio.timeout(5):
            await stop.wait()
        return stop.is_set()

    assert asyncio.run(story())


def test_tell_round__late_and_complete_again__is_said_once_each() -> None:
    on_time = make_clock(Phase.SEED)
    late, later = (replace(on_time, late_blocks=blocks) for blocks in (1, 2))
    with structlog.testing.capture_logs() as logs:
        for before, now in pairwise([None, on_time, late, later, on_time, None]):
            if now is not None:
                tell_round(before, now)
    assert [(line["event"], line["phase"], line["blocks"]) for line in logs] == [
        ("round_late", "SEED", 1),
        ("round_complete", "SEED", 2),
    ]


def test_tell_round__late_when_the_client_starts__is_said() -> None:
    with structlog.testing.capture_logs() as logs:
        tell_round(None, replace(make_clock(Phase.BEACON2), late_blocks=4))
    assert [(line["event"], line["blocks"]) for line in logs] == [("round_late", 4)]


def test_step__the_newest_block_grows_old_and_a_new_one_comes__is_said_once_each() -> None:
    """As it is for a host whose node is cut off from the others."""
    moments = iter([10_000, 39_000, 41_000, 60_000, 90_000, 91_000])

    async def story() -> None:
        chain = FakeLedger(height=10)
        async with asyncio.TaskGroup() as tasks:
            ports = Ports(**dict.fromkeys(Ports.__slots__) | {"ledger": chain, "now_ms": lambda: next(moments)})
            performer = Performer(ports, tasks)
            follower = Follower(ports=ports, performer=performer, host=ANN.text, chain_id=CHAIN_ID)
            for height in (10, 10, 10, 10, 90, 91):
                chain.height = height
                with contextlib.suppress(PermanentError):  # it answers no view
                    await follower.step()

    with structlog.testing.capture_logs() as logs:
        asyncio.run(story())
    assert [(line["event"], line["height"]) for line in logs] == [("node_stale", 10), ("node_fresh_again", 90)]
    assert logs[0]["newest_block_s"] == 31
