"""Every command of README.md and the guides works as it stands there: a shell runs it against a chain of its own."""

from __future__ import annotations

import os
import pty
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chain.genesis import build_genesis
from chain_client.keys.keyring import open_keyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from rules.params import GNK
from rules.presets import GENESIS_UNITS, MAINNET, MINIMAL
from tests.chain.ledger import make_person
from wire.gonka.params.v1.genesis_pb2 import GenesisHost

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "docs/operators.md", "docs/voters.md"]
PASSPHRASE = "a passphrase of a test"
PARAMS = replace(MINIMAL, gov=MAINNET.gov, sprint=replace(MINIMAL.sprint, genesis_blocks=100_000))
"""Voting goes on while a page is followed, and no Sprint comes between: `gnk host check` would refuse to slow it."""
START_TIMEOUT_S = 60
LINE_TIMEOUT_S = 60

FOUNDER, BANK = make_person("founder"), make_person("bank")


def read_sections(page: str) -> Iterator[tuple[str, list[str]]]:
    """The command lines of a page's sh blocks, under the heading that each block stands under."""
    heading, block = "", None
    for line in (ROOT / page).read_text().replace("\\\n", "").splitlines():
        if line.startswith("```"):
            if block:
                yield heading, block
            block = [] if line == "```sh" else None
        elif block is not None:
            block.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")


def read_lines(page: str) -> list[str]:
    return [line for _, lines in read_sections(page) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_only_lines_that_are_run_here(page: str) -> None:
    lines = read_lines(page)
    assert lines
    assert not [line for line in lines if not re.match(r"make |gnk |export [A-Z]+=|[A-Z]+=", line)]


@pytest.mark.parametrize("page", PAGES)
def test_make_lines_name_targets_that_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = [line.split()[1:] for line in read_lines(page) if line.startswith("make ")]
    assert {target for words in named for target in words} <= targets


def test_the_readme_names_the_two_command_pairs() -> None:
    assert [line for line in read_lines("README.md") if line.startswith("make ")] == [
        "make setup",
        "make sprint",
        "make inference",
        "make test",
    ]


def test_read_lines__a_line_that_goes_on__is_one_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n```sh\ngnk a \\\n  --b\n```\n## B\n```\nno command\n```\n```sh\nmake x\n```\n")
    assert list(read_sections(str(page))) == [("A", ["gnk a   --b"]), ("B", ["make x"])]
    # an absolute path wins over ROOT


@dataclass
class Terminal:
    """A shell at a terminal where somebody answers yes; variables stay from line to line."""

    environ: dict[str, str]

    def run(self, line: str) -> str:
        """What the line printed.  A line that fails fails the test."""
        if line.startswith("make "):
            return ""
        answers, terminal = pty.openpty()
        kept = Path(self.environ["HOME"]) / "environ"
        try:
            os.write(answers, b"y\n" * 4)
            done = subprocess.run(
                ["bash", "-aeuo", "pipefail", "-c", f'{line}\nenv -0 > "{kept}"'],
                stdin=terminal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env=self.environ,
                cwd=ROOT,
                timeout=LINE_TIMEOUT_S,
            )
        finally:
            os.close(answers)
            os.close(terminal)
        assert done.returncode == 0, f"$ {line}\n{done.stdout}"
        self.environ = dict(entry.split("=", 1) for entry in kept.read_text().split("\0") if entry)
        if sent := re.search(r"^tx_hash +(\w{64})$", done.stdout, re.MULTILINE):
            self.environ["HASH"] = sent[1]
        return done.stdout


@dataclass(frozen=True)
class World:
    """A chain founded by one host that votes; people who follow a page; processes that end with the test."""

    directory: Path
    processes: ExitStack
    chain: str

    def environ(self, person: str) -> dict[str, str]:
        """What somebody's commands meet; their settings are in ~/.gonka, as the pages have it."""
        home = self.directory / person
        (home / ".gonka").mkdir(parents=True, exist_ok=True)
        (home / ".gonka" / "config.toml").write_text(f'chain = "{self.chain}"\n')
        (home / ".gonka" / "sidecar.toml").write_text(f'profiles = "{PARAMS.sprint.profile}"\n')
        return make_environ(home) | {"GNK_PASSPHRASE": PASSPHRASE, "WARM": make_person("warm").text}

    def pay(self, address: str) -> None:
        """Send somebody 1,000 GNK, by other software."""
        words = [sys.executable, "examples/cosmpy_client.py", self.chain, address, str(1_000 * GNK)]
        environ = make_environ(self.directory / "bank") | {"SENDER_KEY": BANK.secret.hex()}
        subprocess.run(words, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=LINE_TIMEOUT_S)

    def start_unit(self, name: str, person: str) -> None:
        """What systemd does for a user's unit: hand it its credential, start it and wait until it says READY=1."""
        home = self.directory / person
        unit = dict(
            re.findall(r"^(\w+)=(.+)$", (home / f".config/systemd/user/{name}.service").read_text(), re.MULTILINE)
        )
        listener = self.processes.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        listener.bind(str(home / f"{name}.notify"))
        listener.setblocking(False)
        environ = make_environ(home) | {"NOTIFY_SOCKET": listener.getsockname()}
        if "LoadCredential" in unit:
            credential = Path(unit["LoadCredential"].partition(":")[2])
            credential.write_text(PASSPHRASE)
            variable, _, value = unit["Environment"].partition("=")
            environ[variable] = value.replace("%d", str(credential.parent))
        words = shlex.split(unit["ExecStart"])
        self.processes.enter_context(run_process(name, words, environ, lambda: is_told_ready(listener)))


def make_environ(home: Path) -> dict[str, str]:
    """No settings but those in `home`, and `gnk` as this interpreter runs it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GNK_", "XDG_"))}
    return kept | {
        "PATH": f"{home.parent / 'bin'}:{kept['PATH']}",
        "HOME": str(home),
        "OMP_WAIT_POLICY": "passive",
    }


def is_told_ready(listener: socket.socket) -> bool:
    try:
        return b"READY=1" in listener.recv(4096)
    except BlockingIOError:
        return False


@contextmanager
def run_process(name: str, words: list[str], environ: dict[str, str], is_ready: Callable[[], bool]) -> Iterator[None]:
    """A program that runs until told to stop; awaited until it is ready."""
    log = Path(environ["HOME"]) / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(words, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def make_genesis() -> bytes:
    return build_genesis(
        chain_id="readme-1",
        time_ms=time.time_ns() // 10**6,
        params=PARAMS,
        balances={FOUNDER.address: 10_000 * GNK, BANK.address: 1_000_000 * GNK},
        hosts=[GenesisHost(address=FOUNDER.text, units=GENESIS_UNITS)],
        subsidy_ngonka=GNK,
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    program = tmp_path / "bin" / "gnk"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
    program.chmod(0o755)
    key = SigningKey(Secret(FOUNDER.secret))
    keyring = open_keyring("file", tmp_path / "founder" / ".gonka")
    keyring.add(key.describe("host", 1200), key, PassphraseSource(given=Secret(PASSPHRASE.encode())))
    chain = tmp_path / "chain" / ".gonka"
    chain.mkdir(parents=True)
    (chain / "genesis.json").write_bytes(make_genesis())
    address = chain / "grpc-address"
    words = [str(program), "chain", "start", "--grpc", "127.0.0.1:0", "--block-ms", "200"]
    with ExitStack() as processes:
        processes.enter_context(run_process("chain", words, make_environ(tmp_path / "chain"), address.exists))
        yield World(directory=tmp_path, processes=processes, chain=address.read_text().strip())


def follow(world: World, page: str, people: dict[str, str], units: tuple[str, ...] = ()) -> str:
    """Run a page's commands; what they printed.  `people` says who follows a section, the founder if nobody.

    What the page asks people to do between two commands is done: new keys are paid to, units are started.
    """
    printed = []
    terminals = {person: Terminal(world.environ(person)) for person in {"founder", *people.values()}}
    terminals["founder"].run('gnk gov propose text --title "Meet in June"')
    for heading, lines in read_sections(page):
        person = people.get(heading, "founder")
        for line in lines:
            printed.append(terminals[person].run(line))
            if line.startswith("gnk keys add") and (made := re.search(r"gonka1\w+", printed[-1])):
                world.pay(made[0])
            if line.startswith("gnk service install --user"):
                for unit in units:
                    world.start_unit(unit, person)
    return "\n".join(printed)


def test_a_host_and_a_voter_follow_the_readme(world: World) -> None:
    printed = follow(world, "README.md", {"Be a host": "newcomer"}, ("gnk-sidecar", "gnk-host"))
    assert "stake.unbonding_epochs: 2 -> 3" in printed


def test_an_operator_follows_the_guide(world: World) -> None:
    printed = follow(world, "docs/operators.md", {}, ("gnk-sidecar",))
    assert "useful_share" in printed


def test_a_voter_follows_the_guide(world: World) -> None:
    printed = follow(world, "docs/voters.md", {})
    assert "stake.unbonding_epochs: 2 -> 3" in printed
