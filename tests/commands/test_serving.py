"""`gnk host serve` at the command line: what it refuses before it serves."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chain_client.keys.derivation import GONKA_COIN_TYPE
from chain_client.keys.keyring import open_keyring
from chain_client.keys.mnemonic import generate_words
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from commands.host import group

PASSPHRASE = "open the door"


def run(home: Path, *words: str) -> tuple[int, str]:
    """Exit status and code of the error."""
    done = CliRunner().invoke(
        group,
        ["serve", "--home", str(home), "--json", "--chain-id", "test-1", "--chain", "127.0.0.1:1", *words],
        env={"GNK_PASSPHRASE": PASSPHRASE},
    )
    return done.exit_code, json.loads(done.stderr)["error"]["code"]


def add_key(home: Path, name: str) -> None:
    key = SigningKey.from_words(generate_words(), GONKA_COIN_TYPE)
    open_keyring("file", home).add(key.describe(name, GONKA_COIN_TYPE), key, PassphraseSource(given=Secret(PASSPHRASE)))


@pytest.mark.parametrize(
    "words",
    [
        ("--listen", "8080"),
        ("--listen", "127.0.0.1:http"),
        ("--listen", "127.0.0.1:70000"),
        ("--listen", "0.0.0.0:8080", "--open-access"),
        ("--listen", "[::]:8080", "--open-access"),
    ],
)
def test_serve__an_address_that_cannot_be__is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert run(tmp_path, *words) == (1, "config_invalid")


def test_serve__without_a_serving_key__is_refused(tmp_path: Path) -> None:
    assert run(tmp_path) == (1, "key_not_found")


def test_serve__a_serving_key_that_nobody_named__asks_the_chain_which_must_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.reading.MOST_LOOKS", 1)
    add_key(tmp_path, "serving")
    assert run(tmp_path) == (3, "chain_unreachable")


def test_serve__a_port_that_is_taken__is_refused(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(tmp_path, "--listen", address, "--open-access") == (1, "listen_failed")
