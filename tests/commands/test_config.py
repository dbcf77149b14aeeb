"""Settings: file, then environment, then flags."""

from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from commands.config import read_config


def test_read_config__nothing_given__has_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    config = read_config({}, {})

    assert config.home == tmp_path / ".gonka"
    assert (config.chain, config.chain_id, config.keyring, config.key) == ("127.0.0.1:9090", "", "file", "host")
    assert config.sidecar == f"unix:{tmp_path}/.gonka/sidecar.sock"


@pytest.mark.parametrize(
    ("file", "environ", "flags", "expected", "words"),
    [
        ('chain = "file:1"', {}, {}, "file:1", "file only"),
        ('chain = "file:1"', {"GNK_CHAIN": "env:1"}, {}, "env:1", "environment over file"),
        ('chain = "file:1"', {"GNK_CHAIN": "env:1"}, {"chain": "flag:1"}, "flag:1", "flag over both"),
        ('chain = "file:1"', {}, {"chain": None}, "file:1", "a flag that was not given"),
        ("", {}, {}, "127.0.0.1:9090", "an empty file"),
    ],
)
def test_read_config__given_in_several_places__the_nearest_wins(
    tmp_path: Path, file: str, environ: dict[str, str], flags: dict[str, str | None], expected: str, words: str
) -> None:
    (tmp_path / "config.toml").write_text(file)

    assert read_config({"home": str(tmp_path), **flags}, environ).chain == expected


def test_read_config__home_from_the_environment__is_where_the_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('key = "warm"')

    assert read_config({}, {"GNK_HOME": str(tmp_path)}).key == "warm"


def test_read_config__a_passphrase__does_not_show_in_the_record(tmp_path: Path) -> None:
    config = read_config({"home": str(tmp_path)}, {"GNK_PASSPHRASE": "correct horse"})

    assert config.passphrase is not None
    assert config.passphrase.reveal() == b"correct horse"
    assert "horse" not in repr(config)


@pytest.mark.parametrize(
    ("file", "environ", "words"),
    [
        ("chain = ", {}, "no TOML"),
        ("chain = " + "[" * 9999, {}, "lists in lists without end"),
        ("chain = 5", {}, "no text"),
        ('chian = "x"', {}, "a setting misspelt"),
        ('passphrase = "x"', {}, "a secret in the file"),
        ('home = "/elsewhere"', {}, "a home inside the home"),
        ('keyring = "paper"', {}, "an unknown keyring"),
        ("", {"GNK_KEYRING": "paper"}, "an unknown keyring in the environment"),
        ("", {"GNK_CHAIN": ""}, "a chain of nowhere"),
        ('key = ""', {}, "a key of no name"),
        ('chain = "node.example"', {}, "no port"),
        ('chain = "127.0.0.1:99999"', {}, "a port that gRPC would take for 34463"),
        ('chain = "http://127.0.0.1:9090"', {}, "a URL"),
        ('sidecar = "/run/sidecar.sock"', {}, "a path without unix:"),
    ],
)
def test_read_config__a_bad_setting__is_a_coded_error(
    tmp_path: Path, file: str, environ: dict[str, str], words: str
) -> None:
    (tmp_path / "config.toml").write_text(file)

    with pytest.raises(PermanentError) as caught:
        read_config({"home": str(tmp_path)}, environ)
    assert caught.value.code == "config_invalid"


@pytest.mark.parametrize("target", ["127.0.0.1:9090", "[::1]:9090", "node.example:443", "unix:/run/chain.sock"])
def test_read_config__an_address__is_taken(tmp_path: Path, target: str) -> None:
    assert read_config({"home": str(tmp_path), "chain": target, "sidecar": target}, {}).chain == target


def test_read_config__a_file_that_is_no_text__is_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(PermanentError, match="config_invalid"):
        read_config({"home": str(tmp_path)}, {})
