"""`gnk localnet`: a network of several hosts on this machine, to try things on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from chain_client.errors import ClientError, PermanentError
from commands.call import Call, local
from commands.homes import build_local_genesis, make_host_home, write_host_config
from commands.output import Json
from commands.pidfiles import KeptProcess
from commands.reading import read_epoch
from commands.validators import CHAIN_ID as VALIDATORS_ID
from commands.validators import ValidatorNet
from rules.types import Phase

CHAIN_ID = "gonka-localnet-1"
STAKE = "100GNK"
ENGINES = ("local", "cometbft")
PRESETS = ("minimal", "local", "mainnet")
GRPC = "127.0.0.1:9090"
MOST_HOSTS = 8
STAKE_TIMEOUT_S = 120


@click.group()
def group() -> None:
    """A network of several hosts on this machine, with play money."""


DIRECTORY = click.option("--dir", "directory", type=click.Path(path_type=Path), help="Where [HOME/localnet].")


@group.command()
@click.option("--hosts", type=click.IntRange(1, MOST_HOSTS), default=3, show_default=True, help="Of a new network.")
@click.option("--grpc", metavar="HOST:PORT", help=f"Where a chain that does not run shall listen [{GRPC} if new].")
@click.option("--engine", type=click.Choice(ENGINES), default="local", show_default=True, help="Of a new network.")
@click.option("--validators", type=click.IntRange(1, MOST_HOSTS), default=4, show_default=True, help="With cometbft.")
@click.option("--preset", type=click.Choice(PRESETS), default="minimal", show_default=True, help="With cometbft.")
@DIRECTORY
@local
def up(  # noqa: PLR0917  # a command's parameters are its flags
    call: Call, hosts: int, grpc: str | None, engine: str, validators: int, preset: str, directory: Path | None
) -> None:
    """Make the network where there is none, and start what does not run.

    With the local engine one chain serves hosts; with cometbft every validator has a chain of its own.  Each has a home
    with its key in the directory, host-N or validator-N, for `gnk ... --home`.
    """
    place = _find_directory(call, directory)
    net = LocalNet(directory=place)
    if engine == "cometbft" or ValidatorNet(directory=place).validators:
        _up_validators(call, ValidatorNet(directory=place), validators, preset)
        return
    if not net.homes:
        net.make(hosts, grpc or GRPC)
    elif grpc:
        net.move(grpc)
    address = net.start()
    net.stake()
    told: dict[str, Json] = {"chain": address, "chain_id": CHAIN_ID, "processes": describe_processes(net.processes)}
    call.emit({**told, "next": f"gnk host status --home {net.homes[0]}"})


def _up_validators(call: Call, net: ValidatorNet, count: int, preset: str) -> None:
    from chain.engine.cometbft import find_cometbft

    find_cometbft(os.environ)
    if not net.validators:
        net.make(count, preset)
    net.start()
    call.emit({"chain_id": VALIDATORS_ID, **net.describe(), "processes": describe_processes(net.processes)})


def _find_directory(call: Call, directory: Path | None) -> Path:
    return (directory or call.config.home / "localnet").absolute()


@group.command(short_help="How far the network is, and what runs.")
@DIRECTORY
@local
def status(call: Call, directory: Path | None) -> None:
    """How far the chain or the validators are, which processes run, and where their logs are."""
    net = LocalNet(directory=_find_directory(call, directory))
    validators = ValidatorNet(directory=net.directory)
    told = _describe_chain(call, net.address_file.read_text()) if net.homes else validators.describe()
    call.emit({**told, "processes": describe_processes([*validators.processes, *net.processes])})


def _describe_chain(call: Call, address: str) -> dict[str, Json]:
    """How far the one chain of a local network is, as it says itself; None while it does not answer."""
    there = replace(call, config=replace(call.config, chain=address, chain_id=CHAIN_ID))
    try:
        at = read_epoch(there)
    except ClientError:
        return {"chain": address, "height": None, "epoch": None, "phase": None}
    return {"chain": address, "height": at.height, "epoch": at.epoch, "phase": Phase(at.phase).name}


@group.command()
@DIRECTORY
@local
def down(call: Call, directory: Path | None) -> None:
    """Stop every process; what they keep stays."""
    place = _find_directory(call, directory)
    processes = [*ValidatorNet(directory=place).processes, *LocalNet(directory=place).processes]
    for process in reversed(processes):
        process.ask_to_stop()
    for process in processes:
        process.stop()
    call.emit({"processes": describe_processes(processes)})


def describe_processes(processes: Sequence[KeptProcess]) -> list[Json]:
    """One line for each process."""
    return [{"process": process.name, "pid": process.pid, "log": str(process.log)} for process in processes]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNet:
    """One chain, a sidecar and a client for each host: homes are in `directory`, pid files and logs in its `run`."""

    directory: Path

    @property
    def homes(self) -> list[Path]:
        """The hosts' homes, in order."""
        return sorted(self.directory.glob("host-*"))

    @property
    def address_file(self) -> Path:
        """Says where the chain listens, host:port."""
        return self.directory / "run" / "address"

    def make(self, hosts: int, grpc: str) -> None:
        """Homes with new keys, the genesis that names them, and where the chain shall listen: all of it or nothing."""
        if self.directory.exists() and any(self.directory.iterdir()):
            raise PermanentError("network_directory_used", str(self.directory))
        draft = LocalNet(directory=self.directory.with_name(f"{self.directory.name}.draft"))
        shutil.rmtree(draft.directory, ignore_errors=True)
        addresses = [make_host_home(draft.directory / f"host-{number}").address for number in range(1, hosts + 1)]
        for name in ("run", "chain"):
            (draft.directory / name).mkdir()
        (draft.directory / "chain" / "genesis.json").write_bytes(build_local_genesis(CHAIN_ID, addresses))
        draft.address_file.write_text(grpc)
        draft.directory.rename(self.directory)

    def move(self, grpc: str) -> None:
        """The chain listens at `grpc` from its next start on."""
        if self.chain.pid is None:
            self.address_file.write_text(grpc)

    @property
    def chain(self) -> KeptProcess:
        """The one chain."""
        grpc = self.address_file.read_text()
        return self._keep("chain", "chain", "start", self.directory / "chain", "--grpc", grpc)

    @property
    def processes(self) -> list[KeptProcess]:
        """All of them in the order in which they start: sidecars, chain, clients; none where there is no network."""
        homes = self.homes
        if not homes:
            return []
        sidecars = [self._keep(f"{home.name}-sidecar", "sidecar", "start", home, "--threads", "1") for home in homes]
        clients = [self._keep(f"{home.name}-client", "host", "run", home) for home in homes]
        return [*sidecars, self.chain, *clients]

    def start(self) -> str:
        """Start what does not run, one kind after the other is ready; returns where the chain listens."""
        count = len(self.homes)
        sockets = [home / "sidecar.sock" for home in self.homes]
        listening = self.directory / "chain" / "grpc-address"
        _start_all(self.processes[:count], sockets)
        _start_all(self.processes[count : count + 1], [listening])
        address = listening.read_text().strip()
        self.address_file.write_text(address)
        for home, socket, client in zip(self.homes, sockets, self.processes[count + 1 :], strict=True):
            write_host_config(home, chain=address, chain_id=CHAIN_ID, sidecar=socket)
            client.start()
        return address

    def stake(self) -> None:
        """Stake behind the founding units, once, by the command that an operator would type."""
        done = self.directory / "run" / "staked"
        if done.exists():
            return
        for home in self.homes:
            _stake(home)
        done.touch()

    def _keep(self, name: str, group: str, command: str, home: Path, *words: str) -> KeptProcess:
        line = (group, command, "--home", str(home), *words)
        return KeptProcess(name=name, words=line, directory=self.directory / "run")


def _start_all(processes: list[KeptProcess], made: list[Path]) -> None:
    """Start what does not run, and return once each has made its file."""
    for process, path in zip(processes, made, strict=True):
        if process.pid is None:
            path.unlink(missing_ok=True)
        process.start()
    for process, path in zip(processes, made, strict=True):
        process.wait_for(path)


def _stake(home: Path) -> None:
    line = [sys.executable, "-m", "cli", "stake", "add", STAKE, "--yes", "--home", str(home)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=STAKE_TIMEOUT_S, check=False)
    if done.returncode:
        raise PermanentError("process_ended", f"gnk stake add for {home.name}: {done.stderr.strip()}")
