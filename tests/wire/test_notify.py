import socket
from pathlib import Path

import pytest

from wire.notify import ServiceManager


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_read__takes_the_watchdog_s_patience_or_none(environ: dict[str, str], watchdog_s: int) -> None:
    assert ServiceManager.read(environ) == ServiceManager(watchdog_s=watchdog_s)


def test_tell__a_manager_that_listens__hears_it(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(path)
        listener.settimeout(5)
        ServiceManager.read({"NOTIFY_SOCKET": path}).tell("READY=1")
        assert listener.recv(64) == b"READY=1"


def test_tell__an_abstract_socket__is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # an abstract name of the kernel's choice
        listener.settimeout(5)
        name = listener.getsockname()
        ServiceManager(address="@" + name[1:].decode()).tell("STOPPING=1")
        assert listener.recv(64) == b"STOPPING=1"


def test_tell__nobody_listens__is_no_error(tmp_path: Path) -> None:
    ServiceManager().tell("READY=1")
    ServiceManager(address=str(tmp_path / "nobody")).tell("READY=1")
