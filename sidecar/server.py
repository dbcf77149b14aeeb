"""The sidecar process: opens everything, serves until told to stop, and closes it in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any, Final

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from sidecar.bell import Bell
from sidecar.checks import Checks
from sidecar.config import SidecarConfig, Tls
from sidecar.device import DeviceSpec, WorkerDiedError, list_devices
from sidecar.errors import SidecarError
from sidecar.inference.roster import Roster, build_engines
from sidecar.inference.service import INFERENCE, InferenceService
from sidecar.journal import Journal, lock_file
from sidecar.lane import Floor, Lane, Meter
from sidecar.service import SERVICE, SidecarService
from sidecar.sprints import Sprints
from wire.notify import ServiceManager

MAX_MESSAGE: Final = 1 << 20
"""Bytes of the largest request: a verification of 10,000 nonces stays below a fifth of it."""
GRACE_S: Final = 1.0
HEALTH_S: Final = 0.5
START_TRIES: Final = 3
ALL_DEVICES: Final = ("all",)
CPU_PROFILES: Final = ("tiny", "dev")
GPU_PROFILES: Final = ("tiny", "dev", "whitepaper")
"""What a device can be asked for where the operator does not say."""

log = structlog.get_logger("sidecar")


async def serve(config: SidecarConfig, manager: ServiceManager) -> None:
    """Run a sidecar until SIGTERM or SIGINT.

    Raises SidecarError: state_dir_in_use, socket_in_use, journal_unreadable, journal_write_failed, no_device_usable,
    listen_failed, and what is wrong with a model.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with contextlib.AsyncExitStack() as stack:
        journal = Journal.open(config.state_dir)
        stack.callback(journal.close)
        bell = Bell()
        sprints = Sprints.open(journal, bell, now_ms)
        stack.callback(sprints.close)
        names = await _choose_devices(config)
        threads = config.threads or max(1, (os.cpu_count() or 1) // max(1, len(names)))
        roster = Roster(build_engines(config, names, threads, bell.ring))
        stack.push_async_callback(roster.close)
        floor = Floor(
            sprints=sprints,
            checks=Checks(bell, now_ms),
            roster=roster,
            bell=bell,
            meter=Meter(),
            now_ms=now_ms,
        )
        opening = asyncio.gather(_open_lanes(config, names, threads, floor), roster.open())
        if not await _is_done_before(stopping, opening):
            log.info("sidecar_stopping")
            return
        lanes, _ = opening.result()
        for lane in lanes:
            stack.push_async_callback(lane.close)
        if config.metrics_port:
            from sidecar.metrics import serve_metrics

            serve_metrics(config.metrics_port, floor, len(lanes))
        server, checkup = await _listen(config, SidecarService(floor, lanes), InferenceService(roster))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(lane.run()) for lane in lanes]
            tasks.extend(group.create_task(engine.run()) for engine in roster.engines)
            tasks.append(group.create_task(_report(checkup, floor, lanes, manager)))
            manager.tell("READY=1")
            log.info("sidecar_ready", socket=str(config.socket), listen=config.listen, devices=len(lanes))
            await stopping.wait()
            manager.tell("STOPPING=1")
            log.info("sidecar_stopping")
            floor.sprints.refuse()
            floor.checks.refuse()
            await roster.close()
            await server.stop(GRACE_S)
            for task in tasks:
                task.cancel()


async def _is_done_before(stopping: asyncio.Event, opening: asyncio.Future[Any]) -> bool:
    """Whether it is done, or has failed, before the signal to stop; otherwise it is given up."""
    told = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((told, opening), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if opening.done():
        return True
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await opening
    return False


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def _choose_devices(config: SidecarConfig) -> tuple[str, ...]:
    """By torch's names; none for a sidecar that only renders."""
    if config.render_only:
        return ()
    return await list_devices() if config.devices == ALL_DEVICES else config.devices


def _get_profiles(device: str) -> tuple[str, ...]:
    return CPU_PROFILES if device == "cpu" else GPU_PROFILES


async def _open_lanes(config: SidecarConfig, names: tuple[str, ...], threads: int, floor: Floor) -> tuple[Lane, ...]:
    """A lane for each device, its worker started; a device that fails is tried again later, one must be left."""
    lanes = tuple(
        Lane(
            DeviceSpec(index=index, name=name, threads=threads, profiles=config.profiles or _get_profiles(name)),
            floor,
        )
        for index, name in enumerate(names)
    )
    results = await asyncio.gather(*(_open_lane(lane) for lane in lanes), return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    for failure in failures:
        if not isinstance(failure, SidecarError | WorkerDiedError):
            raise failure
    if lanes and len(failures) == len(lanes):
        raise SidecarError("no_device_usable", "; ".join(map(_reason_of, failures)))
    return lanes


async def _open_lane(lane: Lane) -> None:
    """Open it; a worker that ends while it starts has said nothing of its device, so another is started."""
    for _ in range(START_TRIES - 1):
        try:
            await lane.open()
        except WorkerDiedError as error:
            log.warning("worker_lost", device=lane.spec.name, reason=str(error))
        else:
            return
    await lane.open()


def _reason_of(failure: BaseException) -> str:
    return failure.detail if isinstance(failure, SidecarError) else str(failure)


async def _listen(config: SidecarConfig, *services: SidecarService | InferenceService) -> tuple[Any, Any]:
    """The started server, and the servicer that tells its health.  Raises socket_in_use, listen_failed."""
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_concurrent_streams", 256),
            ("grpc.so_reuseport", 0),
        ]
    )
    checkup = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checkup, server)
    server.add_generic_rpc_handlers(tuple(service.build_handler() for service in services))
    reflection.enable_server_reflection((SERVICE, INFERENCE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
    try:
        if config.tls is None:
            _bind_socket(server, config.socket)
        else:
            server.add_secure_port(config.listen, _read_credentials(config.tls))
    except RuntimeError as error:
        raise SidecarError("listen_failed", f"{config.listen or config.socket}") from error
    await server.start()
    return server, checkup


def _bind_socket(server: Any, path: Path) -> None:
    """Listen on a unix socket of mode 0660; what a killed sidecar left there is replaced."""
    lock_file(path.with_name(path.name + ".lock"), "socket_in_use")
    path.unlink(missing_ok=True)
    before = os.umask(0o117)
    try:
        server.add_insecure_port(f"unix:{path}")
    finally:
        os.umask(before)


def _read_credentials(tls: Tls) -> Any:
    try:
        cert, key, client_ca = (path.read_bytes() for path in (tls.cert, tls.key, tls.client_ca))
    except OSError as error:
        raise SidecarError("tls_incomplete", f"{error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials([(key, cert)], root_certificates=client_ca, require_client_auth=True)


async def _report(checkup: Any, floor: Floor, lanes: tuple[Lane, ...], manager: ServiceManager) -> None:
    """Keep the health service and the service manager's watchdog informed."""
    pause_s = min(HEALTH_S, manager.watchdog_s or HEALTH_S)
    while True:
        has_device = not lanes or any(lane.device is not None for lane in lanes)
        is_well = floor.sprints.fault is None and has_device
        serving, ailing = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
        for name in (health.OVERALL_HEALTH, SERVICE):
            await checkup.set(name, serving if is_well else ailing)
        if manager.watchdog_s:
            manager.tell("WATCHDOG=1")
        await asyncio.sleep(pause_s)
