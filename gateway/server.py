"""The gateway's process: opens everything, serves until it is told to stop, closes everything."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from chain_client.errors import ClientError, PermanentError
from chain_client.inference_stub import InferenceStub
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from chain_client.ledger import Ledger
from gateway.api import GatewayApi
from gateway.charges import settle_left
from gateway.config import GatewayConfig
from gateway.desk import Desk
from gateway.guard import open_session
from gateway.hosts import HostClient
from gateway.keeper import Purse, keep_escrows, watch_chain, watch_hosts
from gateway.metrics import serve_metrics
from gateway.promises import read_voucher_secret
from gateway.prompts import PromptCounter
from gateway.relay import Relay
from gateway.routing import Chance
from gateway.showing import keep_receipts
from gateway.store import Store, hold_home
from wire.notify import ServiceManager
from wire.openai.web import make_runner

log = structlog.get_logger("gateway")

GOODBYE_S: Final = 5.0
"""Streams that run when the gateway is told to stop may go on for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the process is given: the chain and its id, the developer's account, the service manager, a version."""

    ledger: Ledger
    chain_id: str
    purse: Purse
    manager: ServiceManager
    version: str


async def serve(
    config: GatewayConfig, around: Surroundings, *, stop: asyncio.Event, ready: Callable[[str], None]
) -> None:
    """Serve until `stop` is set; `ready` is told the URL once the API answers.

    Raises ClientError: `home_locked`, `journal_unreadable`, `journal_foreign`, `listen_failed`, `chain_id_mismatch`.
    """
    try:
        async with _open_desk(config, around) as desk:
            await _serve_desk(config, around, desk, stop, ready)
    except* ClientError as group:
        raise _find_first(group) from group


@contextlib.asynccontextmanager
async def _open_desk(config: GatewayConfig, around: Surroundings) -> AsyncIterator[Desk]:
    chance = Chance(now_ms=lambda: time.time_ns() // 10**6, entropy=secrets.token_bytes, draw=secrets.randbelow)
    with hold_home(around.purse.home), Store.open(around.purse.home) as store, store.serve():
        store.write_now(lambda connection: _bind(connection, around.chain_id))
        left = store.write_now(lambda connection: settle_left(connection, chance.now_ms()))
        if left:
            log.info("requests_settled", count=left)
        secret = read_voucher_secret(store.connection)
        connections = 2 * config.most_requests
        async with (
            open_session(config.networks, connections=connections) as session,
            open_counter(config.renderer) as counter,
            asyncio.TaskGroup() as tasks,
        ):
            yield Desk(
                store=store,
                client=HostClient(session, silence_s=config.host_timeout_s),
                tasks=tasks,
                secret=secret,
                voucher_key=SigningKey(Secret(secret)).public_key,
                chance=chance,
                own=config.territory,
                counter=counter,
                requires_tokens=config.requires_tokens,
            )


@contextlib.asynccontextmanager
async def open_counter(target: str) -> AsyncIterator[PromptCounter | None]:
    """What counts prompts, where the operator names a sidecar for it."""
    if not target:
        yield None
        return
    async with InferenceStub.open(target) as sidecar:
        counter = PromptCounter(sidecar, time.monotonic)
        try:
            yield counter
        finally:
            counter.close()


async def _serve_desk(
    config: GatewayConfig,
    around: Surroundings,
    desk: Desk,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    relay = Relay(desk)
    api = GatewayApi(desk, relay, version=around.version, most_requests=config.most_requests)
    if config.metrics_port:
        serve_metrics(config.metrics_port, desk, api)
    ledger, purse, chain_id = around.ledger, around.purse, around.chain_id
    developer, pause = purse.signer.address, asyncio.sleep
    loops = [
        desk.tasks.create_task(watch_chain(desk, ledger, developer, chain_id=chain_id, pause=pause)),
        desk.tasks.create_task(watch_hosts(desk, pause=pause)),
        desk.tasks.create_task(keep_escrows(desk, ledger, purse, chain_id=chain_id, pause=pause)),
        desk.tasks.create_task(keep_receipts(desk, ledger, purse, chain_id=chain_id, pause=pause)),
        desk.tasks.create_task(_watch(around.manager)),
    ]
    async with _listen(api.build(), config) as url:
        log.info("gateway_started", url=url, developer=developer, chain_id=chain_id)
        around.manager.tell("READY=1")
        ready(url)
        await stop.wait()
        around.manager.tell("STOPPING=1")
        relay.close()
    await relay.drain()
    for task in [*loops, *desk.deliveries.values()]:
        task.cancel()
    log.info("gateway_stopped")


@contextlib.asynccontextmanager
async def _listen(application: web.Application, config: GatewayConfig) -> AsyncIterator[str]:
    runner = make_runner(application, close_s=GOODBYE_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, config.host, config.port, backlog=1024)
        try:
            await site.start()
        except OSError as error:
            raise PermanentError("listen_failed", f"{config.host}:{config.port}: {error.strerror}") from error
        host, port = runner.addresses[0][:2]
        yield f"http://{f'[{host}]' if ':' in host else host}:{port}"
    finally:
        await runner.cleanup()


async def _watch(manager: ServiceManager) -> None:
    """Signs of life for the service manager."""
    while manager.watchdog_s:
        manager.tell("WATCHDOG=1")
        await asyncio.sleep(manager.watchdog_s)


def _bind(connection: sqlite3.Connection, chain_id: str) -> None:
    """A ledger belongs to the chain that it was first used with: its escrows are that chain's."""
    connection.execute("INSERT OR IGNORE INTO identity VALUES ('chain_id', ?)", (chain_id.encode(),))
    (kept,) = connection.execute("SELECT value FROM identity WHERE name = 'chain_id'").fetchone()
    if bytes(kept) != chain_id.encode():
        raise PermanentError("journal_foreign", f"the ledger is of {bytes(kept).decode()}, this is {chain_id}")


def _find_first(group: BaseExceptionGroup[ClientError]) -> ClientError:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if isinstance(first, ClientError) else PermanentError("gateway_config_invalid", str(first))
