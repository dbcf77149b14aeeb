"""A host and a developer follow docs/market.md, command by command."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import cli  # noqa: TID251  # the commands as they are typed
from chain_client.keys.file_keyring import FileKeyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from tests.chain.ledger import ANN, DAN
from tests.commands.models import run_market
from tests.commands.people import PASSPHRASE, run

PAGE = Path(__file__).parents[2] / "docs" / "market.md"
WRITES = {("host", "serving-key"), ("host", "offer"), ("escrow", "open"), ("escrow", "top-up"), ("escrow", "close")}


def read_commands() -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line.replace('"$HOST"', ANN.text)) for block in blocks for line in block.splitlines()]


def test_a_host_and_a_developer_follow_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = FileKeyring(tmp_path / "keys", cost_log2=10)
    for name, person in (("host", ANN), ("developer", DAN)):
        key = SigningKey(Secret(person.secret))
        keyring.add(key.describe(name, 1200), key, PassphraseSource(given=Secret(PASSPHRASE)))
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    printed = []
    with run_market(tmp_path / "chain") as target:
        monkeypatch.setenv("GNK_CHAIN", target)
        for program, *words in withdrawn_last(read_commands()):
            assert program == "gnk"
            result = run(cli.main, *words, *(["--yes"] if tuple(words[:2]) in WRITES else []))
            assert result.exit_code == 0, (words, result.output)
            printed.append(result.output)
    said = "\n".join(printed)
    for words in ("0.04 GNK", "0.02", "serves tiny at https://gpu.example.org", "open an escrow of 10 GNK", "15 GNK"):
        assert words in said


def withdrawn_last(commands: list[list[str]]) -> list[list[str]]:
    """The host stops offering when the developer has opened an escrow: the page tells of one after the other."""
    return sorted(commands, key=lambda words: "--withdraw" in words)
