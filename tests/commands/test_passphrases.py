"""Keyring and passphrase of a call."""

from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from chain_client.keys.file_keyring import FileKeyring
from chain_client.keys.secret import Secret
from commands.call import Call
from commands.config import Config
from commands.passphrases import call_keyring, call_passphrase


def test_call_keyring__file__is_under_the_home(tmp_path: Path) -> None:
    assert isinstance(call_keyring(Call(config=Config(home=tmp_path), as_json=False)), FileKeyring)


def test_call_passphrase__in_the_settings__is_used(tmp_path: Path) -> None:
    config = Config(home=tmp_path, passphrase=Secret("correct horse"))

    assert call_passphrase(Call(config=config, as_json=False)).read("?").reveal() == b"correct horse"


def test_call_passphrase__no_terminal__does_not_hang(tmp_path: Path) -> None:
    source = call_passphrase(Call(config=Config(home=tmp_path), as_json=False))

    assert source.prompt is None
    with pytest.raises(PermanentError, match="passphrase_missing"):
        source.read("?")
