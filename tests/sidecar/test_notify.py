"""The service manager's protocol, against a socket of the test's own."""

import socket
from pathlib import Path

import pytest

from sidecar.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_send__a_manager_listens__gets_the_states(tmp_path: Path, abstract: bool) -> None:
    address = f"@gnk-test-{tmp_path.name}-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(5)
        notifier = Notifier.read({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000"})
        notifier.send("READY=1", "STATUS=up")
        assert manager.recv(100) == b"READY=1\nSTATUS=up"
        assert notifier.watchdog_s == 15


def test_send__nobody_listens__is_no_error(tmp_path: Path) -> None:
    Notifier.read({}).send("READY=1")
    Notifier.read({"NOTIFY_SOCKET": str(tmp_path / "nothing")}).send("READY=1")


def test_read__a_watchdog_that_is_no_number__means_none() -> None:
    assert Notifier.read({"WATCHDOG_USEC": "soon"}).watchdog_s == 0
