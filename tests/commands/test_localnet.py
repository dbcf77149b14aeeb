"""`gnk localnet` with real processes."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 240


def gnk(*words: str) -> Any:
    line = [sys.executable, "-m", "cli", *words, "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def pids(processes: list[dict[str, Any]]) -> dict[str, int | None]:
    return {process["process"]: process["pid"] for process in processes}


def test_without_a_network_nothing_runs_and_down_is_fine(tmp_path: Path) -> None:
    nothing = {"validators": [], "epoch": None, "phase": None, "round_late_blocks": None, "processes": []}
    assert gnk("localnet", "status", "--home", str(tmp_path)) == nothing
    assert gnk("localnet", "down", "--home", str(tmp_path)) == {"processes": []}


@pytest.mark.parametrize("engine", ["local", "cometbft"])
def test_a_directory_that_holds_something_else_is_refused_and_left(tmp_path: Path, engine: str) -> None:
    (tmp_path / "mine").write_text("kept")
    line = [sys.executable, "-m", "cli", "localnet", "up", "--engine", engine, "--dir", str(tmp_path), "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"]["code"] in {"network_directory_used", "cometbft_missing"}
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.e2e
def test_a_network_comes_up_survives_a_kill_and_goes_down(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path))
    try:
        first = gnk("localnet", "up", "--hosts", "2", "--grpc", "127.0.0.1:0", *home)
        running = pids(first["processes"])
        assert len(running) == 5
        assert all(running.values())
        host = str(tmp_path / "localnet" / "host-1")
        before = gnk("chain", "status", "--home", host)
        assert before["chain_id"] == first["chain_id"]
        status = gnk("localnet", "status", *home)
        assert (status["chain"], status["height"] >= before["height"]) == (first["chain"], True)
        assert (status["epoch"], status["phase"]) != (None, None)
        assert running["chain"] is not None
        os.kill(running["chain"], signal.SIGKILL)

        second = gnk("localnet", "up", *home)
        again = pids(second["processes"])
        assert second["chain"] == first["chain"]
        assert again.pop("chain") != running.pop("chain")
        assert again == running
        assert gnk("chain", "status", "--home", host)["height"] >= before["height"]
    finally:
        down = gnk("localnet", "down", *home)
    assert not any(pids(down["processes"]).values())
    status = gnk("localnet", "status", *home)
    assert (status["chain"], status["height"], status["phase"]) == (first["chain"], None, None)


@pytest.mark.e2e
def test_a_network_whose_port_was_taken_comes_up_at_another_and_its_hosts_have_stake(tmp_path: Path) -> None:
    home = ("--home", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        line = [sys.executable, "-m", "cli", "localnet", "up", "--hosts", "1", "--grpc", taken, *home, "--json"]
        done = subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        error = json.loads(done.stderr)["error"]
        assert error["code"] == "process_ended"
        assert taken in error["message"]
        try:
            second = gnk("localnet", "up", "--grpc", "127.0.0.1:0", *home)
            assert second["chain"] != taken
            assert gnk("stake", "show", "--home", str(tmp_path / "localnet" / "host-1"))["stake"] == "100 GNK"
        finally:
            gnk("localnet", "down", *home)


def find_network(directory: Path) -> list[list[str]]:
    """The command lines of whatever works in a directory."""
    lines = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if any(str(directory) in word for word in words) and int(path.name) != os.getpid():
                    lines.append(words)
    return lines


def is_free(place: str) -> bool:
    host, _, port = place.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_validators_come_up_though_the_first_command_was_killed_and_go_down_without_a_trace(tmp_path: Path) -> None:
    directory = tmp_path / "net"
    up = ("localnet", "up", "--engine", "cometbft", "--validators", "2", "--dir", str(directory))
    try:
        first = subprocess.Popen(
            [sys.executable, "-m", "cli", *up], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + TIMEOUT_S
        while not list(directory.glob("run/*-chain.pid")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        first.kill()
        first.wait()
        told = gnk(*up)
        running = pids(told["processes"])
        assert len(running) == 6
        assert all(running.values())
        status = gnk("localnet", "status", "--dir", str(directory))
        assert [one["name"] for one in status["validators"]] == ["validator-1", "validator-2"]
        for one in status["validators"]:
            assert (one["height"] > 0, one["power"], one["units"], one["peers"]) == (True, 5000, 5000, 1)
            assert len(one["app_hash"]) == 64
        assert (status["phase"], status["round_late_blocks"]) == ("GENESIS", 0)
        described = json.loads((directory / "network.json").read_text())["validators"]
        assert not any(is_free(one[kind]) for one in described for kind in ("grpc", "p2p", "rpc"))
    finally:
        down = gnk("localnet", "down", "--dir", str(directory))
    assert not any(pids(down["processes"]).values())
    assert find_network(directory) == []
    assert all(is_free(one[kind]) for one in described for kind in ("grpc", "p2p", "rpc"))
