"""Words to a service manager that listens, and to none."""

import socket
from pathlib import Path

import pytest

from chain_client.notify import ServiceManager


@pytest.mark.parametrize("abstract", [False, True])
def test_tell__somebody_listens__hears_it(tmp_path: Path, abstract: bool) -> None:
    name = f"@gnk-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name[1:]}" if abstract else name)
        listener.settimeout(5)
        ServiceManager(address=name).tell("READY=1")
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_tell__nobody_listens__is_no_error(address: str) -> None:
    ServiceManager(address=address).tell("READY=1")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ServiceManager()),
        ({"NOTIFY_SOCKET": "/a", "WATCHDOG_USEC": "30000000"}, ServiceManager(address="/a", watchdog_s=30.0)),
        ({"WATCHDOG_USEC": "soon"}, ServiceManager()),
    ],
)
def test_read__environments__are_understood(environ: dict[str, str], expected: ServiceManager) -> None:
    assert ServiceManager.read(environ) == expected
