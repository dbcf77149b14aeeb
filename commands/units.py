"""The systemd units of chain, host, sidecar, serving process and gateway, as text.  Pure.

A system unit runs as a user of its own in the group gonka, which lets the host reach the sidecar's socket, and gives
up everything that its process does not use.  A user manager can enforce little of that, and is asked for no more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

Directives = tuple[tuple[str, str], ...]

UNIT_DIRECTORY: Final = Path("/etc/systemd/system")
USERS_FILE: Final = Path("/etc/sysusers.d/gonka.conf")
STATE: Final = "/var/lib"
SIDECAR_SOCKET: Final = "/run/gonka-sidecar/sidecar.sock"
CREDENTIAL_FILE: Final = Path("/etc/gonka/passphrase")
GROUP: Final = "gonka"

_ANY_MANAGER: Final[Directives] = (
    ("UMask", "0077"),
    ("NoNewPrivileges", "yes"),
    ("LockPersonality", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged"),
    ("SystemCallErrorNumber", "EPERM"),
)
"""The first SystemCallFilter makes it a list of what is allowed, the others take away from it.

MemoryDenyWriteExecute is left out: cffi, under the signatures, and Triton make code at run time."""

_SYSTEM_MANAGER: Final[Directives] = (
    ("CapabilityBoundingSet", ""),
    ("ProtectSystem", "strict"),
    ("PrivateTmp", "yes"),
    ("PrivateMounts", "yes"),
    ("PrivateUsers", "yes"),
    ("ProtectProc", "invisible"),
    ("ProtectClock", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("RestrictNamespaces", "yes"),
    ("RemoveIPC", "yes"),
    ("KeyringMode", "private"),
)
_NO_DEVICES: Final[Directives] = (
    ("PrivateDevices", "yes"),
    ("ProcSubset", "pid"),
    ("SystemCallFilter", "~@resources"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
)
_GPU: Final[Directives] = (
    ("PrivateNetwork", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX"),
    ("DevicePolicy", "closed"),
    *(("DeviceAllow", f"char-{name} rw") for name in ("nvidia", "nvidia-frontend", "nvidia-uvm", "nvidia-caps")),
)
"""Drivers read /proc/driver and open device nodes, so PrivateDevices and ProcSubset are left out."""

_MANY_CONNECTIONS: Final[Directives] = (("LimitNOFILE", "65536"),)
"""A connection is a file, and 1,024 are what a service may hold unless it says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A process: `words` follow `gnk`, and its home follows them; in a system unit `system_flags` follow these.

    `holds_key` says that it opens a key of the keyring; `is_hosts` that every host has one of its own.
    """

    name: str
    description: str
    words: str
    system_flags: str = ""
    after: str = ""
    holds_key: bool = False
    is_hosts: bool = True
    directives: Directives = ()
    system_directives: Directives = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where things are: the gnk program, and for a user's units the home; None makes system units.

    `credential_file` holds the passphrase of the key; None where the desktop's keyring holds the key.
    """

    gnk: Path
    home: Path | None
    credential_file: Path | None


SERVICES: Final = {
    service.name: service
    for service in (
        Service(
            name="chain",
            description="gonka chain",
            words="chain start",
            after="network-online.target",
            is_hosts=False,
            directives=(("TimeoutStartSec", "infinity"),),  # ready with its first block, which a snapshot may delay
            system_directives=_NO_DEVICES,
        ),
        Service(
            name="sidecar",
            description="gonka sidecar, the GPU process",
            words="sidecar start",
            system_flags=f" --socket {SIDECAR_SOCKET}",
            directives=(("KillMode", "mixed"), ("TimeoutStartSec", "600")),
            system_directives=(("RuntimeDirectory", "gonka-sidecar"), ("RuntimeDirectoryMode", "0750"), *_GPU),
        ),
        Service(
            name="host",
            description="gonka host, the client that does the duties",
            words="host run",
            system_flags=f" --sidecar unix:{SIDECAR_SOCKET}",
            after="network-online.target gnk-chain.service gnk-sidecar.service",
            holds_key=True,
            system_directives=_NO_DEVICES,
        ),
        Service(
            name="serving",
            description="gonka serving process, which answers for a host",
            words="host serve",
            system_flags=f" --sidecar unix:{SIDECAR_SOCKET}",
            after="network-online.target gnk-chain.service gnk-sidecar.service",
            holds_key=True,
            is_hosts=False,
            directives=_MANY_CONNECTIONS,
            system_directives=_NO_DEVICES,
        ),
        Service(
            name="gateway",
            description="gonka gateway, which sells inference to applications",
            words="gateway start",
            after="network-online.target gnk-chain.service",
            holds_key=True,
            is_hosts=False,
            directives=_MANY_CONNECTIONS,
            system_directives=_NO_DEVICES,
        ),
    )
}


def build_files(
    names: Sequence[str], installation: Installation, directory: Path, installed: Collection[str] = ()
) -> dict[Path, str]:
    """The files of the services named, by path; system units come with the users that they and those `installed` run
    as.
    """
    files = {directory / f"gnk-{name}.service": build_unit(SERVICES[name], installation) for name in names}
    if installation.home is None:
        files[USERS_FILE if directory == UNIT_DIRECTORY else directory / USERS_FILE.name] = build_users(
            [name for name in SERVICES if name in names or name in installed]
        )
    return files


def build_unit(service: Service, installation: Installation) -> str:
    """A unit file's text."""
    after = (("After", service.after), ("Wants", "network-online.target")) if service.after else ()
    unit = (
        ("Description", service.description),
        *(after if installation.home is None else after[:1]),
        ("StartLimitIntervalSec", "300"),
        ("StartLimitBurst", "20"),
    )
    own = _build_system(service, installation.gnk) if installation.home is None else ()
    home = installation.home or Path(STATE) / f"gonka-{service.name}"
    flags = service.system_flags if installation.home is None else ""
    run = (
        ("Type", "notify"),
        ("ExecStart", f"{installation.gnk} {service.words} --home {home}{flags}"),
        ("WatchdogSec", "30"),
        ("Restart", "on-failure"),
        ("RestartSec", "2"),
        ("TimeoutStopSec", "20"),
        *service.directives,
        *(_build_credential(installation) if service.holds_key else ()),
    )
    target = "multi-user.target" if installation.home is None else "default.target"
    sections = {"Unit": unit, "Service": (*run, *_ANY_MANAGER, *own), "Install": (("WantedBy", target),)}
    return "\n".join(_render(name, directives) for name, directives in sections.items())


def build_users(names: Sequence[str]) -> str:
    """A sysusers.d file: one user for each service, all in one group."""
    users = [f'u gonka-{name} -:{GROUP} "gonka {name}" {STATE}/gonka-{name}' for name in names]
    return "\n".join([f"g {GROUP} -", *users, ""])


def _build_credential(installation: Installation) -> Directives:
    """The passphrase, handed over in memory; the file itself may be root's."""
    if installation.credential_file is None:
        return ()
    return (
        ("LoadCredential", f"passphrase:{installation.credential_file}"),
        ("Environment", "GNK_PASSPHRASE_FILE=%d/passphrase"),
    )


def _build_system(service: Service, gnk: Path) -> Directives:
    in_home = any(gnk.is_relative_to(home) for home in ("/home", "/root", "/run/user"))
    return (
        ("User", f"gonka-{service.name}"),
        ("Group", GROUP),
        ("StateDirectory", f"gonka-{service.name}"),
        ("StateDirectoryMode", "0700"),
        ("ProtectHome", "read-only" if in_home else "yes"),
        *_SYSTEM_MANAGER,
        *service.system_directives,
    )


def _render(section: str, directives: Directives) -> str:
    return "\n".join([f"[{section}]", *(f"{name}={value}" for name, value in directives), ""])
