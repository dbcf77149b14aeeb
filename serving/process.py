"""The serving process: opens everything, serves until told to stop, and closes it in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web
from google.protobuf.message import DecodeError

from chain_client.errors import PermanentError
from serving.api import Api, Door, Ports
from serving.application import Traffic, build_application, drain, listen
from serving.catalogue import Catalogue
from serving.chain_view import FRESH_S
from serving.metrics import Metrics
from serving.open_access import OpenDoor
from serving.opening import PATH as SAMPLES_PATH
from serving.opening import Opener
from serving.paid import Desk, PaidDoor
from serving.placing import LOOK_S, Placer, Trees, keep_placing
from serving.settling import Settler, keep_looking, keep_settling
from serving.verifying import Verifier, keep_verifying
from wire.gonka.inference.v1.inference_pb2 import Voucher
from wire.openai.errors import ApiError
from wire.openai.limits import VOUCHER_BYTES
from wire.openai.notes import PROTOBUF, RECEIPT_PATH, VOUCHERS_PATH
from wire.openai.web import read_body

if TYPE_CHECKING:
    from chain_client.inference_stub import InferenceStub
    from serving.config import ServingConfig
    from wire.notify import ServiceManager

GAUGES_S: Final = 1.0
log = structlog.get_logger("serving")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Clock, chance, the sidecar, and who started this; `now_s` is Unix time, `monotonic_s` never goes back."""

    sidecar: InferenceStub
    manager: ServiceManager
    now_s: Callable[[], float]
    monotonic_s: Callable[[], float]
    entropy: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Both sides of checking answers: what this host opens to others and places, and what it verifies of theirs."""

    opener: Opener
    placer: Placer
    verifier: Verifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """What requests meet: the door, and where escrows are served who opens samples and places receipts."""

    door: OpenDoor | PaidDoor
    metrics: Metrics
    opener: Opener | None = None
    trees: Trees | None = None


async def run_open(config: ServingConfig, around: Surroundings, stop: asyncio.Event) -> None:
    """Serve without tickets until `stop` is set.  Raises PermanentError listen_failed."""
    metrics = Metrics()
    await _run(config, around, stop, Front(door=OpenDoor(around.entropy), metrics=metrics), jobs=())


async def run_paid(
    config: ServingConfig, around: Surroundings, stop: asyncio.Event, desk: Desk, settler: Settler, checks: Checks
) -> None:
    """Serve escrows until `stop` is set; the journal has what is not settled.  Raises PermanentError listen_failed."""
    jobs = (
        keep_looking(desk.view, FRESH_S),
        keep_settling(settler, config.settle_s, asyncio.sleep),
        keep_placing(checks.placer, LOOK_S),
        keep_verifying(checks.verifier),
    )
    front = Front(door=PaidDoor(desk), metrics=desk.metrics, opener=checks.opener, trees=checks.placer.trees)
    await _run(config, around, stop, front, jobs=jobs)


async def _run(
    config: ServingConfig,
    around: Surroundings,
    stop: asyncio.Event,
    front: Front,
    *,
    jobs: Sequence[Coroutine[Any, Any, None]],
) -> None:
    catalogue = Catalogue(around.sidecar, queue=config.queue, now_s=around.monotonic_s)
    traffic = Traffic(front.metrics)
    app = _build(around, catalogue, front, traffic)
    if config.metrics_port:
        front.metrics.serve(config.metrics_port)
    async with _beside([*jobs, _keep_gauges(front.metrics, catalogue, front.door), _watch(around.manager)]):
        runner, url = await _listen(config, app)
        around.manager.tell("READY=1")
        log.info("serving_ready", url=url)
        await stop.wait()
        around.manager.tell("STOPPING=1")
        log.info("serving_stopping")
        await drain(traffic, runner, patience_s=config.drain_s)
    log.info("serving_stopped")


def _build(around: Surroundings, catalogue: Catalogue, front: Front, traffic: Traffic) -> web.Application:
    door = front.door
    ports = Ports(
        sidecar=around.sidecar,
        catalogue=catalogue,
        door=door,
        metrics=front.metrics,
        now_s=around.now_s,
        entropy=around.entropy,
    )
    host = {"host": door.host} if isinstance(door, PaidDoor) else {}
    app = build_application(Api(ports), traffic, catalogue=catalogue, describe=lambda: host)
    if isinstance(door, PaidDoor):
        add_voucher_route(app, door)
    if front.opener is not None:
        app.router.add_get(SAMPLES_PATH, front.opener.serve)
    if front.trees is not None:
        app.router.add_get(RECEIPT_PATH, front.trees.serve)
    return app


def add_voucher_route(app: web.Application, door: PaidDoor) -> None:
    """POST of vouchers: 204, or what is wrong with it."""

    async def take(request: web.Request) -> web.StreamResponse:
        body = await read_body(request, PROTOBUF, VOUCHER_BYTES)
        try:
            voucher = Voucher.FromString(body)
        except DecodeError as error:
            raise ApiError("request_invalid", "this is no voucher") from error
        await door.take(voucher)
        return web.Response(status=204)

    app.router.add_post(VOUCHERS_PATH, take)


async def _listen(config: ServingConfig, app: web.Application) -> tuple[web.AppRunner, str]:
    try:
        return await listen(app, config.listen)
    except OSError as error:
        detail = f"{config.listen.host}:{config.listen.port}: {error.strerror or error}"
        raise PermanentError("listen_failed", detail) from error


@contextlib.asynccontextmanager
async def _beside(jobs: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs jobs that never end while the block does."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job) for job in jobs]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


async def _keep_gauges(metrics: Metrics, catalogue: Catalogue, door: Door) -> None:
    while True:
        metrics.running.set(sum(gate.running for gate in catalogue.gates))
        metrics.waiting.set(sum(gate.waiting for gate in catalogue.gates))
        if isinstance(door, PaidDoor):
            metrics.unsigned.set(door.unsigned)
        await asyncio.sleep(GAUGES_S)


async def _watch(manager: ServiceManager) -> None:
    """Signs of life for the service manager."""
    while True:
        if manager.watchdog_s:
            manager.tell("WATCHDOG=1")
        await asyncio.sleep(manager.watchdog_s or 3600)
