"""Every command of README.md and the guides works as it stands there: a shell runs it against a chain of its own."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cosmpy.aerial.client import LedgerClient
from cosmpy.aerial.config import NetworkConfig
from cosmpy.aerial.wallet import LocalWallet
from cosmpy.crypto.address import Address
from cosmpy.crypto.keypairs import PrivateKey

from chain.genesis import build_genesis
from chain_client.keys.keyring import open_keyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from rules.params import GNK
from rules.presets import MAINNET, MINIMAL
from tests.chain.ledger import make_person
from wire.gonka.params.v1.genesis_pb2 import GenesisHost

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "docs/operators.md", "docs/voters.md"]
CHAIN_ID = "readme-1"
PASSPHRASE = "a passphrase of a test"
PARAMS = replace(MINIMAL, gov=MAINNET.gov)  # MINIMAL's votes end while a page is read
UNITS = 10**9  # halved in every epoch that nobody proves anything
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
        kept = Path(self.environ["GNK_HOME"]).with_suffix(".env")
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


@dataclass
class World:
    """A chain of its own, founded by one host that votes and one rich account; homes for those who follow a page."""

    directory: Path
    chain: str = ""

    def environ(self, home: str) -> dict[str, str]:
        """What a command meets: no settings but the test's, and `gnk` as this interpreter runs it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GNK_", "XDG_"))}
        return kept | {
            "PATH": f"{self.directory / 'bin'}:{kept['PATH']}",
            "HOME": str(self.directory),
            "GNK_HOME": str(self.directory / home),
            "GNK_CHAIN": self.chain,
            "GNK_PASSPHRASE": PASSPHRASE,
            "OMP_WAIT_POLICY": "passive",
        }

    def pay(self, address: str) -> None:
        """Send somebody 1,000 GNK, as any wallet would."""
        config = NetworkConfig(
            chain_id=CHAIN_ID,
            url=f"grpc+http://{self.chain}",
            fee_minimum_gas_price=1,
            fee_denomination="ngonka",
            staking_denomination="ngonka",
        )
        client = LedgerClient(config, query_interval_secs=0.05, query_timeout_secs=20)
        wallet = LocalWallet(PrivateKey(BANK.secret), prefix="gonka")
        client.send_tokens(Address(address), 1_000 * GNK, "ngonka", wallet).wait_to_complete()


@contextmanager
def run_process(words: list[str], environ: dict[str, str], is_ready: Callable[[], bool]) -> Iterator[None]:
    """A `gnk` command that runs until told to stop."""
    log = Path(environ["GNK_HOME"]).with_suffix(f".{words[0]}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words], cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not is_ready():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(directory=tmp_path)
    (tmp_path / "bin").mkdir()
    shim = tmp_path / "bin" / "gnk"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@"\n')
    shim.chmod(0o755)
    chain = tmp_path / "chain"
    chain.mkdir()
    (chain / "genesis.json").write_bytes(
        build_genesis(
            chain_id=CHAIN_ID,
            time_ms=time.time_ns() // 10**6,
            params=PARAMS,
            balances={FOUNDER.address: 10_000 * GNK, BANK.address: 1_000_000 * GNK},
            hosts=[GenesisHost(address=FOUNDER.text, units=UNITS)],
            subsidy_ngonka=GNK,
        )
    )
    key = SigningKey(Secret(FOUNDER.secret))
    open_keyring("file", tmp_path / "founder").add(
        key.describe("host", 1200), key, PassphraseSource(given=Secret(PASSPHRASE.encode()))
    )
    words = ["chain", "start", "--grpc", "127.0.0.1:0", "--block-ms", "200"]
    address = chain / "grpc-address"
    with run_process(words, world.environ("chain"), address.exists):
        world.chain = address.read_text().strip()
        yield world


def follow(world: World, page: str, homes: dict[str, str]) -> str:
    """Run a page's commands, each section in its home (the founder's where none is named); what they printed."""
    printed = []
    terminals = {name: Terminal(world.environ(name)) for name in {"founder", *homes.values()}}
    terminals["founder"].run('gnk gov propose text --title "Meet in June"')
    for heading, lines in read_sections(page):
        terminal = terminals[homes.get(heading, "founder")]
        for line in lines:
            printed.append(terminal.run(line))
            if line.startswith("gnk keys add") and (made := re.search(r"gonka1\w+", printed[-1])):
                world.pay(made[0])
    return "\n".join(printed)


def test_a_voter_follows_the_guide(world: World) -> None:
    printed = follow(world, "docs/voters.md", {})
    assert "stake.unbonding_epochs: 2 -> 3" in printed
