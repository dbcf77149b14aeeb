"""Ports for processes that keep theirs over restarts: none that the kernel gives to outgoing connections."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

FIRST: Final = 20_000
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL: Final = 32_768
_LEAST: Final = 1_000


def find_free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now; no port twice in one process.

    The kernel gives ports of its ephemeral range to outgoing connections of anybody, so one of those could be taken
    between two starts of its process, or before the first.  These lie below it, wherever 1,000 ports are left there.
    """
    return [next(_scan()) for _ in range(count)]


def find_free_port() -> int:
    """One of them."""
    return find_free_ports(1)[0]


def compute_range(ephemeral: str) -> range:
    """From where ports are taken; `ephemeral` is the kernel's setting, two numbers, or empty where it has none."""
    words = ephemeral.split()
    first = int(words[0]) if words else _USUAL
    return range(FIRST, first if first >= FIRST + _LEAST else _USUAL)


@cache
def _scan() -> Iterator[int]:
    def scan() -> Iterator[int]:
        ephemeral = ""
        with suppress(OSError):
            ephemeral = _EPHEMERAL.read_text()
        ports = compute_range(ephemeral)
        offset = int.from_bytes(os.urandom(4)) % len(ports)
        while True:
            port = ports[offset]
            offset = (offset + 1) % len(ports)
            if _is_free(port):
                yield port

    return scan()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
