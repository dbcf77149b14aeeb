"""`gnk sidecar`: the GPU process, started and asked."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from commands.call import Call, local
from commands.output import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_TIMEOUT_S = 5


@click.group()
def group() -> None:
    """The GPU process: start it, ask it."""


@group.command()
@click.option("--socket", metavar="PATH", help="Listen on this unix socket, mode 0660 [HOME/sidecar.sock].")
@click.option("--state-dir", metavar="DIR", help="Where the journal of proofs lives [HOME/sidecar].")
@click.option("--models", metavar="DIR", help="Serve the models in this folder; HOME/models is where they land.")
@click.option("--model", metavar="NAMES", help="Serve only these of them, with commas between [all].")
@click.option("--vllm", metavar="PYTHON", help="Serve by vLLM, from the environment of this interpreter.")
@click.option("--render-only", flag_value="true", help="Only turn requests into tokens, for a gateway: no device.")
@click.option("--devices", metavar="NAMES", help="cpu, cuda:0,cuda:1 or all; one worker process each [all].")
@click.option("--threads", metavar="N", help="CPU threads a worker [cores / workers].")
@click.option("--profiles", metavar="NAMES", help="Proof functions to test and offer [the device's usual ones].")
@click.option("--metrics-port", metavar="PORT", help="Serve Prometheus metrics on 127.0.0.1:PORT [0: no].")
@click.option("--log-format", metavar="KIND", help="console or json [console].")
@click.option("--listen", metavar="HOST:PORT", help="Listen on TCP instead, with mutual TLS only.")
@click.option("--tls-cert", metavar="FILE", help="The server's certificate, PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key, PEM.")
@click.option("--tls-client-ca", metavar="FILE", help="The authority that signs clients' certificates, PEM.")
@local
def start(call: Call, **flags: str | None) -> None:
    """Run the sidecar in the foreground until SIGTERM or Ctrl-C.

    Settings come from HOME/sidecar.toml, then GNK_SIDECAR_* variables, then flags.  With --render-only the socket is
    HOME/renderer.sock and the state HOME/renderer.
    """
    from commands.logs import configure_logs
    from sidecar.config import read_config
    from sidecar.server import serve
    from wire.notify import ServiceManager

    config = read_config(flags, os.environ, call.config.home)
    configure_logs(config.log_format)
    asyncio.run(serve(config, ServiceManager.read(os.environ)))


@group.command(short_help="Devices, jobs, models, and the useful share.")
@click.option("--sidecar", metavar="TARGET", help="unix:PATH, or host:port [unix:HOME/sidecar.sock].")
@local
def status(call: Call) -> None:
    """Devices, jobs, models, and the share of device time left for serving."""
    capabilities, state, models = asyncio.run(_ask(call.config.sidecar))
    call.emit(describe(capabilities, state) | {"models": describe_models(models)})


def describe_models(models: Any) -> list[dict[str, Json]]:
    """The models that are loaded, once for each device."""
    return [
        {
            "name": model.name,
            "content_hash": model.content_hash.hex(),
            "engine": model.engine,
            "device": model.device,
            "requests": model.running_requests,
        }
        for model in models.models
    ]


def describe(capabilities: Any, state: Any) -> dict[str, Json]:
    """The first two answers of a sidecar as one JSON value; `useful_share` is in [0, 1], null in the first second."""
    devices: list[Mapping[str, Json]] = [
        {
            "name": device.name,
            "model": device.model,
            "memory_gib": round(device.memory_bytes / 2**30, 1),
            "backend": device.backend or "none",
            "refused": [f"{refused.backend}: {refused.reason}" for refused in device.refused],
        }
        for device in capabilities.devices
    ]
    jobs: list[Mapping[str, Json]] = [
        {
            "job_id": job.job_id,
            "running": job.running,
            "proofs": job.last_number,
            "acked": job.acked_number,
            "evaluated": job.evaluated,
        }
        for job in state.jobs
    ]
    spent_ms = state.proof_device_ms + state.verify_device_ms
    return {
        "version": capabilities.version,
        "uptime_s": state.uptime_ms // 1000,
        "useful_share": round(1 - spent_ms / state.device_up_ms, 4) if state.device_up_ms >= 1000 else None,
        "profiles": list(capabilities.profiles),
        "devices": devices,
        "jobs": jobs,
    }


async def _ask(target: str) -> tuple[Any, Any, Any]:
    import grpc

    from chain_client.errors import TransientError
    from wire.gonka.sidecar.v1 import inference_pb2
    from wire.gonka.sidecar.v1 import sidecar_pb2 as pb
    from wire.gonka.sidecar.v1.inference_pb2_grpc import InferenceStub
    from wire.gonka.sidecar.v1.sidecar_pb2_grpc import SidecarStub

    async with grpc.aio.insecure_channel(target) as channel:
        stub = SidecarStub(channel)
        try:
            capabilities = await stub.Capabilities(pb.CapabilitiesRequest(), timeout=ANSWER_TIMEOUT_S)
            state = await stub.Status(pb.StatusRequest(), timeout=ANSWER_TIMEOUT_S)
            asked = inference_pb2.ModelsRequest()
            return capabilities, state, await InferenceStub(channel).Models(asked, timeout=ANSWER_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            late = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            code = "sidecar_timed_out" if late else "sidecar_unreachable"
            raise TransientError(code, f"{target}: {error.details()}") from error
