"""`gnk service`: chain, host, sidecar and gateway under systemd."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

from commands.call import Call, local
from commands.config import Config
from commands.output import Json
from commands.units import CREDENTIAL_FILE, SERVICES, UNIT_DIRECTORY, Installation, build_files

STATUS_TIMEOUT_S = 10
PROPERTIES = ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts")
SCOPE = click.option("--system/--user", default=False, help="For the whole machine, or for you alone [--user].")


@click.group()
def group() -> None:
    """Run chain, client, sidecar and gateway under systemd."""


@group.command(short_help="Write systemd units, and say how to start them.")
@click.argument("names", nargs=-1, type=click.Choice(tuple(SERVICES)))
@SCOPE
@click.option("--dry-run", is_flag=True, help="Print the files, write nothing.")
@click.option("--gnk", type=click.Path(path_type=Path), help="The program that the units start [this one].")
@click.option(
    "--to", "directory", type=click.Path(path_type=Path, file_okay=False), help="Write the files to this directory."
)
@local
def install(call: Call, names: tuple[str, ...], *, system: bool, gnk: Path | None, directory: Path | None) -> None:
    """Write the systemd units of a host, or of the services named, and say how to start them.

    A host has sidecar and client; name chain, serving or gateway where they run here too.
    """
    names = names or tuple(name for name, service in SERVICES.items() if service.is_hosts)
    installation = _describe_installation(call.config, gnk or find_program(), system=system)
    directory = directory or (UNIT_DIRECTORY if system else Path.home() / ".config/systemd/user")
    installed = [name for name in SERVICES if (directory / f"gnk-{name}.service").exists()]
    files = build_files(names, installation, directory, installed)
    dry_run = call.consent.dry_run
    if dry_run and not call.as_json:
        call.emit("\n".join(f"# {path}\n{text}" for path, text in files.items()))
        return
    if not dry_run:
        _write(files)
    found: list[Json] = [{"path": str(path), "text": text} if dry_run else str(path) for path, text in files.items()]
    call.emit({"files": found, "next": _list_steps(names, installation)})


@group.command(short_help="Whether the services run, and their restarts.")
@SCOPE
@local
def status(call: Call, *, system: bool) -> None:
    """Whether the services are installed, running, and how often they were restarted."""
    from chain_client.errors import TransientError

    words = ["systemctl", *([] if system else ["--user"]), "show", f"--property={','.join(PROPERTIES)}"]
    units = [f"gnk-{name}.service" for name in SERVICES]
    try:
        done = subprocess.run([*words, *units], capture_output=True, text=True, timeout=STATUS_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TransientError("service_manager_unreachable", str(error)) from error
    if done.returncode:
        raise TransientError("service_manager_unreachable", done.stderr.strip())
    call.emit(read_states(done.stdout))


def read_states(text: str) -> list[Json]:
    """What `systemctl show` says of several units, one record each; blank lines part them."""
    records = [dict(line.split("=", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")]
    return [
        {
            "service": record["Id"],
            "state": f"{record['ActiveState']} ({record['SubState']})",
            "installed": record["LoadState"] == "loaded",
            "enabled": record.get("UnitFileState") == "enabled",
            "restarts": int(record.get("NRestarts") or 0),
        }
        for record in records
    ]


def find_program() -> Path:
    """The gnk beside this Python, or the one on PATH.  Raises service_program_missing."""
    from chain_client.errors import PermanentError

    beside = Path(sys.executable).with_name("gnk")
    found = str(beside) if beside.exists() else shutil.which("gnk")
    if found is None:
        raise PermanentError("service_program_missing", f"neither {beside} nor on PATH")
    return Path(found).absolute()


def _describe_installation(config: Config, gnk: Path, *, system: bool) -> Installation:
    if system:
        return Installation(gnk=gnk, home=None, credential_file=CREDENTIAL_FILE)
    home = config.home.absolute()
    return Installation(gnk=gnk, home=home, credential_file=home / "passphrase" if config.keyring == "file" else None)


def _write(files: dict[Path, str]) -> None:
    """Each file whole or not at all, readable by all: there is no secret in them."""
    from chain_client.disk import replace_durably

    for path, text in files.items():
        replace_durably(path, text.encode())
        path.chmod(0o644)


def _list_steps(names: tuple[str, ...], installation: Installation) -> list[str]:
    units = " ".join(f"gnk-{name}" for name in names)
    secret = installation.credential_file
    needed = secret and any(SERVICES[name].holds_key for name in names)
    key = [f"put the passphrase of the key into {secret}, mode 0600"] if needed else []
    if installation.home is None:
        return ["systemd-sysusers", *key, "systemctl daemon-reload", f"systemctl enable --now {units}"]
    return [*key, "systemctl --user daemon-reload", f"systemctl --user enable --now {units}"]
