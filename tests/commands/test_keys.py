"""`gnk keys`, as it is typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from commands.keys import group

WORDS = "abandon " * 23 + "art"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, a passphrase, and a cheap way to use it."""
    monkeypatch.setenv("GNK_HOME", str(tmp_path))
    monkeypatch.setenv("GNK_PASSPHRASE", "correct horse")
    monkeypatch.setattr("chain_client.keys.sealed.COST_LOG2", 10)
    monkeypatch.setattr("chain_client.keys.file_keyring.FileKeyring.__init__.__kwdefaults__", {"cost_log2": 10})
    return tmp_path


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(group, list(arguments), input=typed, catch_exceptions=False)


def run_json(*arguments: str, typed: str | None = None) -> object:
    result = run(*arguments, "--json", typed=typed)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def code_of(result: Result) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    return result.stderr.split("]")[0].removeprefix("error[")


def test_add__a_name__shows_24_words_that_recover_the_same_key(home: Path) -> None:
    made = run_json("add", "mine")
    assert isinstance(made, dict)
    assert len(made["words"].split()) == 24

    recovered = run_json("recover", "again", typed=made["words"])

    assert isinstance(recovered, dict)
    assert recovered["address"] == made["address"]
    assert made["words"].split()[0] not in (home / "keys" / "mine.key").read_text()


def test_recover__both_coin_types__are_two_accounts(home: Path) -> None:
    ours = run_json("recover", "ours", typed=WORDS)
    theirs = run_json("recover", "theirs", "--coin-type", "118", typed=WORDS)

    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    assert (ours["coin_type"], theirs["coin_type"]) == (1200, 118)
    assert ours["address"] != theirs["address"]
    assert "words" not in ours


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("abandon " * 24, "mnemonic_wrong_checksum"),
        ("abandon " * 23 + "arrt", "mnemonic_unknown_word"),
        ("abandon", "mnemonic_wrong_length"),
    ],
)
def test_recover__wrong_words__says_which_and_keeps_nothing(home: Path, typed: str, code: str) -> None:
    assert code_of(run("recover", "mine", typed=typed)) == code
    assert not (home / "keys").exists()


def test_list__two_keys__are_shown_and_no_secret(home: Path) -> None:
    run("add", "one")
    run("add", "two")

    listed = run_json("list")

    assert isinstance(listed, list)
    assert [item["name"] for item in listed] == ["one", "two"]
    assert set(listed[0]) == {"name", "address", "coin_type"}
    assert listed[0]["address"] in run("list").stdout


def test_list__one_key_is_damaged__shows_the_others_names_it_and_fails(home: Path) -> None:
    run("add", "mine")
    (home / "keys" / "broken.key").write_text("garbage")

    listed = run("list")

    assert code_of(listed) == "key_file_corrupted"
    assert listed.stdout.splitlines()[1].startswith("mine")
    assert "broken.key" in listed.stderr


def test_delete__a_damaged_key__frees_its_name_for_its_words(home: Path) -> None:
    (home / "keys").mkdir()
    (home / "keys" / "mine.key").write_text("garbage")
    assert code_of(run("recover", "mine", typed=WORDS)) == "key_exists"

    assert run_json("delete", "mine", "--yes") == {"deleted": "mine", "address": None}
    assert run("recover", "mine", typed=WORDS).exit_code == 0


def test_add__as_text__fits_a_terminal(home: Path) -> None:
    assert max(map(len, run("add", "mine").stdout.splitlines())) <= 100


def test_show__address__is_the_address_alone(home: Path) -> None:
    made = run_json("add", "mine")
    assert isinstance(made, dict)

    assert run("show", "mine", "--address").stdout == f"{made['address']}\n"


def test_export__then_import__is_the_same_key(home: Path) -> None:
    made = run_json("add", "mine")
    text = run("export", "mine").stdout
    (home / "mine.txt").write_text(text)

    copied = run_json("import", "copy", str(home / "mine.txt"))

    assert isinstance(made, dict)
    assert isinstance(copied, dict)
    assert text.startswith("-----BEGIN GONKA KEY-----\n")
    assert copied["address"] == made["address"]
    assert run_json("export", "copy")


def test_import__wrong_passphrase_or_no_armor__is_a_coded_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("add", "mine")
    (home / "mine.txt").write_text(run("export", "mine").stdout)
    (home / "none.txt").write_text("hello")
    monkeypatch.setenv("GNK_PASSPHRASE", "another horse")

    assert code_of(run("import", "copy", str(home / "mine.txt"))) == "wrong_passphrase"
    assert code_of(run("import", "copy", str(home / "none.txt"))) == "armor_invalid"
    assert code_of(run("export", "mine")) == "wrong_passphrase"


def test_delete__without_yes_and_without_a_terminal__deletes_nothing(home: Path) -> None:
    run("add", "mine")

    assert code_of(run("delete", "mine")) == "confirmation_needed"
    assert isinstance(run_json("delete", "mine", "--yes"), dict)
    assert code_of(run("show", "mine")) == "key_not_found"


def test_add__twice__is_refused(home: Path) -> None:
    run("add", "mine")

    assert code_of(run("add", "mine")) == "key_exists"


def test_add__no_passphrase_and_no_terminal__says_how_to_give_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GNK_PASSPHRASE")

    result = run("add", "mine")

    assert code_of(result) == "passphrase_missing"
    assert "GNK_PASSPHRASE_FILE" in result.stderr


def test_add__passphrase_in_a_file__is_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GNK_PASSPHRASE")
    (home / "passphrase").write_text("correct horse\n")

    assert run("add", "mine", "--passphrase-file", str(home / "passphrase")).exit_code == 0
    assert run("export", "mine", "--passphrase-file", str(home / "passphrase")).exit_code == 0
