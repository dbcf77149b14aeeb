"""Words to the service manager that started a process.  Source: sd_notify(3)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Where systemd listens ("" where nobody does), and how often it is told that the process lives.

    `watchdog_s` is half of what the manager allows, in seconds; 0 where it does not ask.
    """

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> ServiceManager:
        """From NOTIFY_SOCKET and WATCHDOG_USEC."""
        patience = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(patience) / 2e6 if patience.isdecimal() else 0.0
        return cls(address=environ.get("NOTIFY_SOCKET", ""), watchdog_s=watchdog_s)

    def tell(self, state: str) -> None:
        """Send a state such as READY=1; that nobody listens, or has no room for it, is no error."""
        if not self.address:
            return
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        with socket.socket(socket.AF_UNIX, kind) as channel, contextlib.suppress(OSError):
            channel.sendto(state.encode(), name)
