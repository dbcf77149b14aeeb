"""`gnk model`: import, list, show, verify, remove."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from commands.model import group
from tests.sidecar.inference.tiny import make_tiny_model


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the model mine, imported from a folder."""
    make_tiny_model(tmp_path / "source")
    invoke(tmp_path, "import", str(tmp_path / "source" / "tiny"), "--name", "mine")
    return tmp_path


def invoke(home: Path, *words: str, status: int = 0) -> Any:
    result = CliRunner().invoke(group, [*words, "--home", str(home), "--json"])
    assert result.exit_code == status, result.output
    return json.loads(result.stdout if status == 0 else result.stderr.splitlines()[-1])


def test_list__a_model_was_imported__is_there(home: Path) -> None:
    (model,) = invoke(home, "list")
    assert (model["name"], model["max_context"]) == ("mine", 1024)


def test_list__nothing_imported__an_empty_list(tmp_path: Path) -> None:
    assert invoke(tmp_path, "list") == []


def test_show__a_model__has_its_hashes_and_files(home: Path) -> None:
    shown = invoke(home, "show", "mine")
    assert len(bytes.fromhex(shown["content_hash"])) == 32
    assert [file["path"] for file in shown["files"]] == [
        "chat_template.jinja",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert sum(file["bytes"] for file in shown["files"]) == shown["bytes"]


def test_verify__untouched_and_touched__passes_and_fails(home: Path) -> None:
    assert invoke(home, "verify", "mine")["verified"] is True
    with (home / "models" / "mine" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    assert invoke(home, "verify", "mine", status=1)["error"]["code"] == "model_hash_wrong"


def test_import__without_a_name__takes_the_folders(home: Path) -> None:
    assert invoke(home, "import", str(home / "source" / "tiny"))["name"] == "tiny"


def test_import__a_folder_with_a_pickle__says_what_to_do(home: Path) -> None:
    (home / "source" / "tiny" / "pytorch_model.bin").touch()
    error = invoke(home, "import", str(home / "source" / "tiny"), status=1)["error"]
    assert error["code"] == "model_has_pickle"
    assert "safetensors" in error["next_step"]


def test_remove__asked_and_not_confirmed__stays(home: Path) -> None:
    result = CliRunner().invoke(group, ["remove", "mine", "--home", str(home)], input="n\n")
    assert result.exit_code == 1
    assert len(invoke(home, "list")) == 1


def test_remove__confirmed__is_gone(home: Path) -> None:
    assert invoke(home, "remove", "mine", "--yes") == {"name": "mine", "removed": True}
    assert invoke(home, "list") == []


@pytest.mark.parametrize("words", [("show", "nobody"), ("verify", "nobody"), ("remove", "nobody", "--yes")])
def test_any__a_model_that_is_not_there__coded(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert invoke(tmp_path, *words, status=1)["error"]["code"] == "model_missing"


@pytest.mark.parametrize("command", ["show", "verify", "remove"])
def test_any__a_name_that_climbs_out__coded(home: Path, command: str) -> None:
    assert invoke(home, command, "../source/tiny", status=1)["error"]["code"] == "model_name_invalid"
