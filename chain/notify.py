"""Words to the service manager that started this process.  Source: sd_notify(3)."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """Where systemd listens ("" where nobody does); how many microseconds it waits for a sign of life, 0 for ever."""

    address: str = ""
    watchdog_us: int = 0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "ServiceManager":
        """From NOTIFY_SOCKET and WATCHDOG_USEC."""
        patience = environ.get("WATCHDOG_USEC", "")
        return cls(address=environ.get("NOTIFY_SOCKET", ""), watchdog_us=int(patience) if patience.isdecimal() else 0)

    def tell(self, state: str) -> None:
        """Send a state such as READY=1; that nobody listens is no error."""
        if not self.address:
            return
        abstract = self.address.startswith("@")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            try:
                channel.sendto(state.encode(), f"\0{self.address[1:]}" if abstract else self.address)
            except OSError:
                return
