"""Ports that stay a process's own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from commands.ports import FIRST, compute_range, find_free_port, find_free_ports


@pytest.mark.parametrize(
    ("ephemeral", "expected", "why"),
    [
        ("32768\t60999\n", range(FIRST, 32_768), "Linux's own setting"),
        ("49152 65535", range(FIRST, 49_152), "IANA's"),
        ("1024\t65535\n", range(FIRST, 32_768), "nothing is left below it"),
        ("", range(FIRST, 32_768), "a kernel that does not say"),
    ],
)
def test_compute_range__an_ephemeral_range__lies_below_it(ephemeral: str, expected: range, why: str) -> None:
    assert compute_range(ephemeral) == expected, why


def test_find_free_ports__asked_again__no_port_comes_twice() -> None:
    ports = [*find_free_ports(50), *find_free_ports(50)]
    assert len(set(ports)) == 100


def test_find_free_ports__one_that_is_listened_on__is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", find_free_port() + 1))
        taken.listen()
        assert taken.getsockname()[1] not in find_free_ports(3)


def test_find_free_ports__this_machine__outgoing_connections_never_get_one() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if first < FIRST + 1_000:
        pytest.skip("this machine leaves no room below its ephemeral ports")
    assert all(port < first for port in find_free_ports(10))
