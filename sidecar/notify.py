"""Telling systemd how the process is: ready, alive, stopping.  Source: sd_notify(3), the protocol of Type=notify."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """Where the service manager listens ("" where there is none), and how often it wants a sign of life, 0 for never.

    `watchdog_s` is half of what the manager allows.
    """

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Notifier:
        """From NOTIFY_SOCKET and WATCHDOG_USEC."""
        usec = environ.get("WATCHDOG_USEC", "0")
        return cls(address=environ.get("NOTIFY_SOCKET", ""), watchdog_s=int(usec) / 2e6 if usec.isdecimal() else 0.0)

    def send(self, *states: str) -> None:
        """Send states such as "READY=1"; nobody listening is no error."""
        if not self.address:
            return
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto("\n".join(states).encode(), name)
            except OSError:
                return
