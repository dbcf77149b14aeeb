"""The process `gnk host serve`: it says that it is up, is scraped, and goes down in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from commands.ports import find_free_ports
from tests.serving.market import connect, poll
from tests.serving.stack import GNK


def get(url: str) -> tuple[int, str, str]:
    """Status, body and Retry-After; status 0 where nobody listens."""

    async def run() -> tuple[int, str, str]:
        async with connect() as session:
            try:
                async with session.get(url) as answer:
                    return answer.status, await answer.text(), answer.headers.get("Retry-After", "")
            except aiohttp.ClientError:
                return 0, "", ""

    return asyncio.run(run())


@contextmanager
def run_open_process(
    home: Path, sidecar: str, port: int, metrics_port: int = 0
) -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    """The process, and the socket where it tells its service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        manager.settimeout(60)
        words = ["--home", home, "--sidecar", sidecar, "--listen", f"127.0.0.1:{port}", "--open-access"]
        process = subprocess.Popen(
            [GNK, "host", "serve", *words, "--metrics-port", str(metrics_port), "--log-format", "json"],
            env=os.environ | {"NOTIFY_SOCKET": str(home / "notify"), "WATCHDOG_USEC": "2000000"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, manager
        finally:
            process.kill()
            process.communicate(timeout=30)


def test_a_process__is_up_scraped_and_stopped(sidecar: str, tmp_path: Path) -> None:
    port, metrics_port = find_free_ports(2)
    with run_open_process(tmp_path, sidecar, port, metrics_port) as (process, manager):
        told = {manager.recv(100) for _ in range(2)}
        assert told == {b"READY=1", b"WATCHDOG=1"}
        assert get(f"http://127.0.0.1:{port}/v1/models/nothing")[0] == 404
        assert json.loads(get(f"http://127.0.0.1:{port}/gonka/v1/status")[1])["running"] == 0
        scraped = get(f"http://127.0.0.1:{metrics_port}/metrics")[1]
        names = {line.split(" ")[2] for line in scraped.splitlines() if line.startswith("# TYPE")}
        assert "gonka_serving_requests_total" in {
            name if name.endswith("_total") else f"{name}_total" for name in names
        }
        assert all(name.startswith("gonka_serving_") for name in names)
        assert 'path="/v1/models/{name}",status="404"' in scraped
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        while (word := manager.recv(100)) == b"WATCHDOG=1":
            pass
        assert word == b"STOPPING=1"


def test_a_process_without_its_sidecar__says_so_and_when_to_try_again(tmp_path: Path) -> None:
    (port,) = find_free_ports(1)
    with run_open_process(tmp_path, f"unix:{tmp_path / 'nobody.sock'}", port) as (process, manager):
        assert manager.recv(100) in {b"READY=1", b"WATCHDOG=1"}
        poll(lambda: get(f"http://127.0.0.1:{port}/health")[0] > 0)
        for path in ("/health", "/v1/models", "/gonka/v1/status"):
            status, body, retry = get(f"http://127.0.0.1:{port}{path}")
            assert (status, json.loads(body)["error"]["code"], bool(retry)) == (503, "sidecar_unavailable", True)
        assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_stopped_at_once__ends_well(sidecar: str, tmp_path: Path, number: signal.Signals) -> None:
    (port,) = find_free_ports(1)
    with run_open_process(tmp_path, sidecar, port) as (process, manager):
        manager.recv(100)
        process.send_signal(number)
        assert process.wait(30) == 0
