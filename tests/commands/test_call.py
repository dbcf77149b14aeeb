"""The options that all commands share."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from commands.call import Call, keyed, local, reads, writes


def run(decorator: object, *arguments: str) -> dict[str, object]:
    """The call that a command with this decorator gets, as JSON."""

    @click.command()
    @click.argument("word")
    @decorator  # type: ignore[operator]
    def command(call: Call, word: str) -> None:
        """A command for tests."""
        consent = call.consent
        call.emit(
            {
                "word": word,
                "home": str(call.config.home),
                "chain": call.config.chain,
                "key": call.config.key,
                "keyring": call.config.keyring,
                "consent": [consent.dry_run, consent.yes, consent.on_behalf_of, consent.memo],
            }
        )

    result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.mark.parametrize("decorator", [local, keyed, reads, writes])
def test_call__every_kind__has_home_and_json(decorator: object, tmp_path: Path) -> None:
    seen = run(decorator, "hello", "--home", str(tmp_path))

    assert (seen["word"], seen["home"]) == ("hello", str(tmp_path))


def test_writes__all_options__reach_the_command(tmp_path: Path) -> None:
    options = "--chain x:1 --key warm --keyring os --dry-run --yes --on-behalf-of gonka1x --memo note"

    seen = run(writes, "hello", "--home", str(tmp_path), *options.split())

    assert (seen["chain"], seen["key"], seen["keyring"]) == ("x:1", "warm", "os")
    assert seen["consent"] == [True, True, "gonka1x", "note"]


def test_reads__no_flags__takes_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_CHAIN", "env:2")

    seen = run(reads, "hello")

    assert (seen["home"], seen["chain"]) == (str(tmp_path), "env:2")


def test_local__a_bad_config_file__is_a_coded_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("chain =")

    @click.command()
    @local
    def command(call: Call) -> None:
        """Never gets here."""
        raise AssertionError

    result = CliRunner().invoke(command, ["--home", str(tmp_path)])

    assert result.exit_code == 1
    assert result.stderr.startswith("error[config_invalid]: ")
