"""Key files: their mode, damage, wrong passphrases, and what a power cut leaves."""

import stat
from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from chain_client.keys.file_keyring import FileKeyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey

SOURCE = PassphraseSource(given=Secret("correct horse"))
KEY = SigningKey(Secret(b"\7" * 32))


@pytest.fixture
def keyring(tmp_path: Path) -> FileKeyring:
    keyring = FileKeyring(tmp_path / "keys", cost_log2=10)
    keyring.add(KEY.describe("mine", 1200), KEY, SOURCE)
    return keyring


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(PermanentError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_add__a_key__is_one_file_only_its_owner_can_read(keyring: FileKeyring, tmp_path: Path) -> None:
    (path,) = (tmp_path / "keys").iterdir()

    assert path.name == "mine.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (b"\7" * 32).hex().encode() not in path.read_bytes()


def test_unlock__wrong_passphrase__says_so_and_changes_nothing(keyring: FileKeyring, tmp_path: Path) -> None:
    before = (tmp_path / "keys" / "mine.key").read_bytes()

    assert code_of(keyring.unlock, "mine", PassphraseSource(given=Secret("wrong horse"))) == "wrong_passphrase"
    assert (tmp_path / "keys" / "mine.key").read_bytes() == before


def test_unlock__at_a_terminal__asks_exactly_once(keyring: FileKeyring) -> None:
    questions: list[str] = []

    def type_it(question: str) -> str:
        questions.append(question)
        return "correct horse"

    keyring.unlock("mine", PassphraseSource(prompt=type_it))

    assert questions == ["Passphrase of the key mine"]


def test_show__a_damaged_file__names_the_file(keyring: FileKeyring, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "mine.key"
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(PermanentError, match=r"mine\.key") as caught:
        keyring.show("mine")
    assert caught.value.code == "key_file_corrupted"


def test_show__a_file_under_another_name__is_refused(keyring: FileKeyring, tmp_path: Path) -> None:
    (tmp_path / "keys" / "mine.key").rename(tmp_path / "keys" / "yours.key")

    assert code_of(keyring.show, "yours") == "key_file_corrupted"


def test_delete__a_damaged_key__works(keyring: FileKeyring, tmp_path: Path) -> None:
    (tmp_path / "keys" / "mine.key").write_bytes(b"damaged")

    keyring.delete("mine")

    assert keyring.names() == ()


def test_names__a_directory_that_cannot_be_read__is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file in its place")

    with pytest.raises(PermanentError, match="file_unusable"):
        FileKeyring(tmp_path / "keys").names()


def test_list__a_draft_that_a_power_cut_left__is_no_key(keyring: FileKeyring, tmp_path: Path) -> None:
    draft = tmp_path / "keys" / ".other.key.draft"
    draft.write_bytes(b"half a ke")

    assert keyring.names() == ("mine",)
    other = SigningKey(Secret(b"\x09" * 32))
    keyring.add(other.describe("other", 1200), other, SOURCE)
    assert keyring.unlock("other", SOURCE).address == other.address
    assert not draft.exists()
