"""The host's daemon: follow blocks, plan, perform.  Survives the chain or the sidecar being gone."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from chain_client.duties import JournalView, plan
from chain_client.errors import ClientError, PermanentError
from chain_client.messages import derive_beacon_key
from chain_client.perform import Performer, Ports
from chain_client.readiness import is_stale
from chain_client.view import Clock, View, decode_view
from rules.addresses import decode_address
from rules.types import Host
from wire.gonka.sprint.v1.query_pb2 import QueryViewRequest, QueryViewResponse

if TYPE_CHECKING:
    from chain_client.config import DaemonConfig
    from chain_client.ledger import Block, Ledger
    from wire.notify import ServiceManager

LONGEST_WAIT_S: Final = 0.6
"""Between looks at a chain that does not answer: the shortest windows are three blocks of half a second."""
log = structlog.get_logger("client")


async def read_view(ledger: Ledger, host: str) -> View:
    """The host's view at the latest height.  Raises ClientError."""
    answer = await ledger.query("/gonka.sprint.v1.Query/View", QueryViewRequest(host=host), QueryViewResponse)
    return decode_view(answer, Host(decode_address(host)))


class Follower:
    """Plans at every new block, and whenever something that was performed has ended."""

    def __init__(self, *, ports: Ports, performer: Performer, host: str, chain_id: str) -> None:
        self._ports = ports
        self._performer = performer
        self._host = host
        self._chain_id = chain_id
        self._beacon_key = derive_beacon_key(ports.beacon_secret)
        self.seen: tuple[View, JournalView] | None = None
        self._is_stale = False

    async def step(self) -> None:
        """One look at the chain, and one plan if there is anything new.  Raises ClientError."""
        latest, seen = await self._ports.ledger.latest(), self.seen
        height = latest.height
        self._tell_age(latest, seen[0].clock.block_ms if seen else 0)
        if seen and seen[0].clock.height == height and not self._performer.news.is_set():
            return
        self._performer.news.clear()
        view = await read_view(self._ports.ledger, self._host)
        if view.chain_id != self._chain_id:
            detail = f"this is {view.chain_id}, not {self._chain_id}"
            raise PermanentError("chain_id_mismatch", detail)
        if seen and view.clock.height < seen[0].clock.height:
            raise PermanentError("chain_answer_invalid", f"height {view.clock.height} after {seen[0].clock.height}")
        tell_round(seen[0].clock if seen else None, view.clock)
        journal = replace(self._ports.journal.read(view.clock.epoch), beacon_key=self._beacon_key)
        self._performer.perform(view, plan(view, journal))
        self.seen = (view, journal)

    def _tell_age(self, latest: Block, block_ms: int) -> None:
        """Log that the node's newest block has become old, and that it is old no longer."""
        age_ms = self._ports.now_ms() - 1000 * latest.time_s
        is_old = is_stale(age_ms, block_ms)
        if is_old and not self._is_stale:
            log.warning("node_stale", height=latest.height, newest_block_s=age_ms // 1000)
        if self._is_stale and not is_old:
            log.info("node_fresh_again", height=latest.height)
        self._is_stale = is_old


def tell_round(before: Clock | None, now: Clock) -> None:
    """Log that a round of the beacon has begun to be late, so that its phase waits, and that it is late no longer."""
    was_late = before.late_blocks if before else 0
    if now.late_blocks and not was_late:
        log.warning("round_late", epoch=now.epoch, phase=now.phase.name, blocks=now.late_blocks)
    if was_late and not now.late_blocks:
        log.info("round_complete", epoch=now.epoch, phase=now.phase.name, blocks=was_late)


async def run_daemon(
    config: DaemonConfig, ports: Ports, *, chain_id: str, manager: ServiceManager, stop: asyncio.Event
) -> None:
    """Follow the chain until `stop` is set; what is on disk then is taken up by the next process."""
    async with asyncio.TaskGroup() as tasks:
        performer = Performer(ports, tasks)
        follower = Follower(ports=ports, performer=performer, host=config.host, chain_id=chain_id)
        following = tasks.create_task(_follow(follower, performer, config.poll_s))
        watching = tasks.create_task(_watch(manager))
        log.info("client_started", host=config.host, chain_id=chain_id)
        manager.tell("READY=1")
        if config.metrics_port:
            from chain_client.metrics import serve_metrics

            serve_metrics(config.metrics_port, lambda: follower.seen)
        await stop.wait()
        manager.tell("STOPPING=1")
        following.cancel()
        watching.cancel()
        performer.cancel()
    log.info("client_stopped")


async def _follow(follower: Follower, performer: Performer, poll_s: float) -> None:
    """Step for ever; after failures wait longer, and say so once."""
    wait_s, failing = poll_s, ""
    while True:
        try:
            await follower.step()
            if failing:
                log.info("chain_works_again", after=failing)
            wait_s, failing = poll_s, ""
        except ClientError as error:
            if error.code != failing:
                log.warning("step_failed", code=error.code, detail=error.detail)
            wait_s, failing = min(2 * wait_s, LONGEST_WAIT_S), error.code
        if failing:
            await asyncio.sleep(wait_s)
            continue
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await performer.news.wait()


async def _watch(manager: ServiceManager) -> None:
    """Signs of life for the service manager; this loop runs as long as the others can."""
    while manager.watchdog_s:
        manager.tell("WATCHDOG=1")
        await asyncio.sleep(manager.watchdog_s)


def watch_signals(stop: asyncio.Event) -> None:
    """Have SIGTERM and SIGINT set `stop`.  Call inside the running loop."""
    import signal

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
