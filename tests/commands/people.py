"""A home whose keys are the people of a running chain."""

from __future__ import annotations

import json
from pathlib import Path

import click
from click.testing import CliRunner, Result

from chain_client.keys.file_keyring import FileKeyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from tests.chain.ledger import ANN, DAN, STRANGER

PASSPHRASE = "correct horse"


def furnish(home: Path) -> None:
    """Keys dan, ann and stranger, cheap to open."""
    keyring = FileKeyring(home / "keys", cost_log2=10)
    for name, person in (("dan", DAN), ("ann", ANN), ("stranger", STRANGER)):
        key = SigningKey(Secret(person.secret))
        keyring.add(key.describe(name, 1200), key, PassphraseSource(given=Secret(PASSPHRASE)))


def run(group: click.Command, *arguments: str, typed: str | bytes | None = None) -> Result:
    """One call, as from a shell."""
    return CliRunner().invoke(group, list(arguments), input=typed, catch_exceptions=False)


def run_json(group: click.Command, *arguments: str) -> dict[str, object]:
    """What a call that must work prints with --json."""
    result = run(group, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def error_of(result: Result) -> str:
    """The code of a call that must fail."""
    assert result.exit_code in {1, 3}, result.output
    assert "Traceback" not in result.output
    (first,) = [line for line in result.stderr.splitlines() if line.startswith("error[")]
    return first.split("]")[0].removeprefix("error[")
