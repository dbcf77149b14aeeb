"""`gnk host` against a node that is not there."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.host import group

NOBODY = "127.0.0.1:1"


@pytest.mark.parametrize("words", [["status"], ["check"], ["leave", "--dry-run"], ["join", "--dry-run"]])
def test_host__without_a_key__says_how_to_make_one(tmp_path: Path, words: list[str]) -> None:
    shown = CliRunner().invoke(group, [*words, "--home", str(tmp_path), "--chain", NOBODY])
    assert shown.exit_code == 1
    assert "error[key_not_found]" in shown.output
    assert "gnk keys add" in shown.output
