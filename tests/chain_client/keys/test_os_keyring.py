"""What only the desktop's keyring can do wrong."""

import json

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from chain_client.errors import PermanentError
from chain_client.keys.os_keyring import SERVICE, OsKeyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey

KEY = SigningKey(Secret(b"\7" * 32))
ASK_NOBODY = PassphraseSource()


class Desktop(KeyringBackend):
    """A desktop's keyring that can be locked."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked("locked")
        return self.entries.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise KeyringLocked("locked")
        assert service == SERVICE
        self.entries[username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[username]


@pytest.fixture
def desktop() -> Desktop:
    return Desktop()


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(PermanentError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_add__a_key__asks_for_no_passphrase(desktop: Desktop) -> None:
    keyring = OsKeyring(desktop)

    keyring.add(KEY.describe("mine", 1200), KEY, ASK_NOBODY)

    assert keyring.unlock("mine", ASK_NOBODY).address == KEY.address


def test_list__locked__says_so(desktop: Desktop) -> None:
    desktop.locked = True

    assert code_of(OsKeyring(desktop).names) == "keyring_unavailable"


@pytest.mark.parametrize("entry", ["", "zz", "07" * 31, "08" * 32])
def test_unlock__entry_damaged_or_swapped__is_corrupted(desktop: Desktop, entry: str) -> None:
    keyring = OsKeyring(desktop)
    keyring.add(KEY.describe("mine", 1200), KEY, ASK_NOBODY)
    desktop.entries["mine"] = entry

    assert code_of(keyring.unlock, "mine", ASK_NOBODY) == "key_file_corrupted"


@pytest.mark.parametrize("index", ["{", "[1]", '[{"name": "mine"}]', json.dumps([{"public_key": 5}])])
def test_list__index_damaged__is_corrupted(desktop: Desktop, index: str) -> None:
    desktop.entries[" index"] = index

    assert code_of(OsKeyring(desktop).names) == "key_file_corrupted"


def test_add__cut_off_before_the_list_is_written__can_be_done_again(desktop: Desktop) -> None:
    desktop.entries["mine"] = "07" * 32

    keyring = OsKeyring(desktop)
    assert keyring.names() == ()
    keyring.add(KEY.describe("mine", 1200), KEY, ASK_NOBODY)

    assert keyring.unlock("mine", ASK_NOBODY).address == KEY.address
