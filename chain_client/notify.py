"""Words to the service manager that started the daemon.  Source: sd_notify(3)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Where systemd listens ("" where nobody does); how many seconds it waits for a sign of life, 0 for ever."""

    address: str = ""
    watchdog_s: float = 0.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> ServiceManager:
        """From NOTIFY_SOCKET and WATCHDOG_USEC."""
        patience = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(patience) / 1e6 if patience.isdecimal() else 0.0
        return cls(address=environ.get("NOTIFY_SOCKET", ""), watchdog_s=watchdog_s)

    def tell(self, state: str) -> None:
        """Send a state such as READY=1; that nobody listens is no error."""
        if not self.address:
            return
        name = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(state.encode(), name)
            except OSError:
                return
