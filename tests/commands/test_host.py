"""`gnk host` against a node that is not there."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.host import group
from tests.chain.api.running import run_chain
from tests.commands.people import PASSPHRASE, furnish, run_json

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("words", [["status"], ["check"], ["leave", "--dry-run"], ["join", "--dry-run"]])
def test_host__without_a_key__says_how_to_make_one(tmp_path: Path, words: list[str]) -> None:
    shown = CliRunner().invoke(group, [*words, "--home", str(tmp_path), "--chain", NOBODY])
    assert shown.exit_code == 1
    assert "error[key_not_found]" in shown.output
    assert "gnk keys add" in shown.output


@pytest.mark.parametrize(("key", "said"), [("dan", "sprints from epoch 1"), ("ann", "is registered anew")])
def test_join__a_newcomer_and_a_host__are_told_what_it_means_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, said: str
) -> None:
    home = tmp_path / "home"
    furnish(home)
    monkeypatch.setenv("GNK_HOME", str(home))
    with run_chain(tmp_path / "chain") as target:
        shown = run_json(group, "join", "--dry-run", "--key", key, "--chain", target)
    assert said in str(shown)
    assert ("sprints from" in str(shown)) == (key == "dan")


@pytest.mark.parametrize("content", [None, "", "00" * 32, "not hex"])
def test_run__a_file_that_is_no_beacon_secret__is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    furnish(tmp_path)
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", PASSPHRASE)
    secret = tmp_path / "beacon_key"
    if content is not None:
        secret.write_text(content)
    words = ["run", "--key", "ann", "--chain", NOBODY, "--chain-id", "test-1", "--beacon-key", str(secret)]
    shown = CliRunner().invoke(group, words)
    assert shown.exit_code == 1
    assert "error[beacon_key_unreadable]" in shown.output
