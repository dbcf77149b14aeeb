"""Validators as processes of a test: the homes of `gnk localnet`, each in a network namespace where that can be had."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import grpc

from commands.pidfiles import KeptProcess
from commands.validators import STAKE, Validator, ValidatorNet
from tests.e2e.test_cometbft import ROOT, find_pids, gnk, read_command
from tests.e2e.uptime import READY, read_events

from cosmos.base.node.v1beta1.query_pb2 import StatusRequest, StatusResponse
from cosmos.base.node.v1beta1.query_pb2_grpc import ServiceStub

START_TIMEOUT_S = 120
ASK_TIMEOUT_S = 2
KINDS = ("chain", "sidecar", "client")


def now_ms() -> int:
    return time.time_ns() // 10**6


def run_ip(*words: str) -> bool:
    return subprocess.run(["ip", *words], capture_output=True, check=False, timeout=20).returncode == 0


class Namespaces:
    """One for each validator, at 10.77.X.N on a bridge; this process is at 10.77.X.254, and X is its own."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.subnet = os.getpid() % 250
        self.bridge = f"gnkb{self.subnet}"

    def name(self, validator: str) -> str:
        return f"gnk{self.subnet}-{validator}"

    def _link(self, number: int) -> str:
        return f"gnkv{self.subnet}x{number}"

    def address(self, number: int) -> str:
        return f"10.77.{self.subnet}.{number}"

    def make(self) -> bool:
        """False where this machine does not let us, with nothing left behind."""
        self.remove()
        steps = [
            ("link", "add", self.bridge, "type", "bridge"),
            ("addr", "add", f"{self.address(254)}/24", "dev", self.bridge),
            ("link", "set", self.bridge, "up"),
        ]
        for number, name in enumerate(map(self.name, self.names), 1):
            steps += [
                ("netns", "add", name),
                ("link", "add", self._link(number), "type", "veth", "peer", "name", "eth0", "netns", name),
                ("link", "set", self._link(number), "master", self.bridge, "up"),
                ("-n", name, "addr", "add", f"{self.address(number)}/24", "dev", "eth0"),
                ("-n", name, "link", "set", "eth0", "up"),
                ("-n", name, "link", "set", "lo", "up"),
            ]
        made = shutil.which("ip") is not None and all(run_ip(*step) for step in steps)
        if not made:
            self.remove()
        return made

    def remove(self) -> None:
        if shutil.which("ip") is None:
            return
        for number, name in enumerate(map(self.name, self.names), 1):
            run_ip("link", "del", self._link(number))
            run_ip("netns", "del", name)
        run_ip("link", "del", self.bridge)

    def connect(self, name: str, *, on: bool) -> None:
        number = self.names.index(name) + 1
        assert run_ip("link", "set", self._link(number), "up" if on else "down")


@dataclass
class Net:
    """Validators under `directory`; `namespaces` is None where they share this one; `flags` of their chains."""

    directory: Path
    count: int = 4
    cuttable: bool = True
    flags: tuple[str, ...] = ()
    namespaces: Namespaces | None = None
    processes: dict[tuple[str, str], subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.net = ValidatorNet(directory=self.directory / "net")
        self.net.make(self.count, "minimal")
        namespaces = Namespaces([one.name for one in self.net.validators])
        if self.cuttable and namespaces.make():
            self.namespaces = namespaces
            for number, one in enumerate(self.net.validators, 1):
                self._move(one, namespaces.address(number))

    def _move(self, one: Validator, host: str) -> None:
        moved = replace(one, **{kind: getattr(one, kind).replace("127.0.0.1", host) for kind in ("grpc", "p2p", "rpc")})
        described, config = self.net.directory / "network.json", self.net.home(one) / "config.toml"
        for path in (described, config):
            text = path.read_text()
            for kind in ("grpc", "p2p", "rpc"):
                text = text.replace(getattr(one, kind), getattr(moved, kind))
            path.write_text(text)

    @property
    def validators(self) -> list[Validator]:
        return self.net.validators

    def start(self) -> None:
        """All of them, staked."""
        for one in self.validators:
            self.launch(one, "chain")
        for one in self.validators:
            self.await_that(lambda: (self.net.home(one) / "grpc-address").exists(), one)  # noqa: B023  # awaited at once
        for one in self.validators:
            self.launch(one, "sidecar")
        for one in self.validators:
            done = gnk("stake", "add", STAKE, "--yes", "--home", str(self.net.home(one)))
            assert done.returncode == 0, done.stderr
        for one in self.validators:
            self.await_that(lambda: (self.net.home(one) / "sidecar.sock").exists(), one)  # noqa: B023  # the same
            self.launch(one, "client")

    def add(self) -> Validator:
        """A home beside the others, for a node and a host that the network does not know yet."""
        described = self.net.directory / "network.json"
        other = ValidatorNet(directory=self.directory / "other")
        other.make(1, "minimal")
        (made,) = other.validators
        one = replace(made, name=f"validator-{len(self.validators) + 1}")
        home = self.net.home(one)
        other.home(made).rename(home)
        shutil.copy(self.net.home(self.validators[0]) / "genesis.json", home / "genesis.json")
        config = (home / "config.toml").read_text()
        (home / "config.toml").write_text(config.replace(str(other.home(made)), str(home)))
        described.write_text(json.dumps({"validators": [asdict(each) for each in [*self.validators, one]]}))
        return one

    def kept(self, one: Validator, kind: str) -> KeptProcess:
        processes = {"chain": self.net.chains, "sidecar": self.net.sidecars, "client": self.net.clients}[kind]
        return processes[[other.name for other in self.validators].index(one.name)]

    def launch(self, one: Validator, kind: str) -> None:
        kept = self.kept(one, kind)
        prefix = ["ip", "netns", "exec", self.namespaces.name(one.name)] if self.namespaces else []
        flags = self.flags if kind == "chain" else ()
        line = [*prefix, sys.executable, "-m", "cli", *kept.words, *flags]
        environ = {**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}
        with kept.log.open("ab") as log:
            self.processes[one.name, kind] = subprocess.Popen(
                line, cwd=ROOT, stdout=log, stderr=log, env=environ, start_new_session=True
            )

    def signal(self, one: Validator, kind: str, number: signal.Signals) -> None:
        """To the process and all it started; a CometBFT too, which has a session of its own."""
        process = self.processes[one.name, kind]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        for pid in self.cometbft(one) if kind == "chain" and number is not signal.SIGTERM else []:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_one(self, one: Validator, kind: str) -> None:
        self.signal(one, kind, signal.SIGKILL)
        self.processes[one.name, kind].wait(30)

    def cometbft(self, one: Validator) -> list[int]:
        home = str(self.net.home(one) / "cometbft").encode()
        return [pid for pid in find_pids() if home in read_command(pid) and b"cometbft" in read_command(pid)[0]]

    def await_that(self, holds: Callable[[], bool], one: Validator) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not holds():
            assert time.monotonic() < deadline, f"{one.name} took too long"
            for kind in KINDS:
                process = self.processes.get((one.name, kind))
                assert process is None or process.poll() is None, self.kept(one, kind).log.read_text()[-3000:]
            time.sleep(0.1)

    def is_ready_since(self, one: Validator, kind: str, at_ms: int) -> bool:
        """Whether a process has said, after a moment, that it works."""
        return any(at > at_ms and event == READY[kind] for at, event in read_events(self.kept(one, kind).log))

    def stop(self) -> None:
        """Clients, then the rest, as an operator would; what does not end is killed."""
        for kind in ("client", "sidecar", "chain"):
            for one in self.validators:
                self.processes[one.name, kind].send_signal(signal.SIGTERM)
            for one in self.validators:
                assert self.processes[one.name, kind].wait(30) == 0, self.kept(one, kind).log.read_text()[-3000:]

    def kill(self) -> None:
        """Whatever is left, and the namespaces."""
        for one in self.validators:
            for kind in KINDS:
                if (one.name, kind) in self.processes:
                    self.signal(one, kind, signal.SIGCONT)
                    self.kill_one(one, kind)
        if self.namespaces:
            self.namespaces.remove()


@dataclass(frozen=True)
class Look:
    """What a validator said: its height and the app hash there."""

    at_ms: int
    height: int
    app_hash: bytes


class Watcher:
    """Asks every validator again and again, each from a thread of its own, while inside."""

    def __init__(self, net: Net) -> None:
        self._net = net
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(one,)) for one in net.validators]
        self.looks: dict[str, list[Look]] = {one.name: [] for one in net.validators}

    def __enter__(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _watch(self, one: Validator) -> None:
        while not self._over.wait(0.3):
            with grpc.insecure_channel(one.grpc) as channel, suppress(grpc.RpcError):
                ask = ServiceStub(channel).Status
                while not self._over.wait(0.3):
                    answer: StatusResponse = ask(StatusRequest(), timeout=ASK_TIMEOUT_S)
                    look = Look(at_ms=now_ms(), height=answer.height, app_hash=answer.app_hash)
                    self.looks[one.name].append(look)

    @property
    def height(self) -> int:
        """The greatest height that anyone has said."""
        return max((looks[-1].height for looks in self.looks.values() if looks), default=0)

    def has_caught_up(self, one: Validator, *, above: int) -> bool:
        """Whether a validator has gone on from a height to where the others are."""
        looks = self.looks[one.name]
        return bool(looks) and looks[-1].height > above and looks[-1].height >= self.height - 1

    def longest_stall_ms(self, since_ms: int) -> int:
        """Between two moments at which the greatest height rose."""
        rises, highest = [since_ms], 0
        for look in sorted((look for looks in self.looks.values() for look in looks), key=lambda look: look.at_ms):
            if look.height > highest:
                highest = look.height
                rises += [look.at_ms] if look.at_ms > since_ms else []
        return max(later - earlier for earlier, later in pairwise([*rises, now_ms()]))

    def faults(self) -> list[str]:
        """Heights that had two app hashes, or that fell."""
        found: dict[int, bytes] = {}
        faults = []
        for name, looks in self.looks.items():
            last = 0
            for look in looks:
                if found.setdefault(look.height, look.app_hash) != look.app_hash:
                    faults.append(f"height {look.height} has two app hashes, {name} says the second")
                if look.height < last:
                    faults.append(f"{name}: height {look.height} after {last}")
                last = look.height
        return faults
