"""What every keyring does, over both of them."""

from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from chain_client.errors import PermanentError
from chain_client.keys.file_keyring import FileKeyring
from chain_client.keys.keyring import Keyring, open_keyring
from chain_client.keys.os_keyring import OsKeyring
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey

SOURCE = PassphraseSource(given=Secret("correct horse"))
KEY = SigningKey(Secret(b"\7" * 32))
OTHER = SigningKey(Secret(b"\x08" * 32))


class MemoryBackend(KeyringBackend):
    """A desktop's keyring that forgets when it goes."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        try:
            del self.entries[service, username]
        except KeyError as error:
            raise PasswordDeleteError(username) from error


@pytest.fixture(params=["file", "os"])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> Keyring:
    if request.param == "file":
        return FileKeyring(tmp_path / "keys", cost_log2=10)
    return OsKeyring(MemoryBackend())


def code_of(call: object, *arguments: object) -> str:
    with pytest.raises(PermanentError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def test_add__a_key__is_listed_shown_and_unlocked(keyring: Keyring) -> None:
    record = KEY.describe("mine", 1200)

    keyring.add(record, KEY, SOURCE)
    keyring.add(OTHER.describe("another", 118), OTHER, SOURCE)

    assert keyring.names() == ("another", "mine")
    assert keyring.show("mine") == record
    assert keyring.unlock("mine", SOURCE).reveal().reveal() == b"\7" * 32


def test_list__an_empty_keyring__is_empty(keyring: Keyring) -> None:
    assert keyring.names() == ()


def test_add__the_same_name__is_refused_and_the_first_stays(keyring: Keyring) -> None:
    keyring.add(KEY.describe("mine", 1200), KEY, SOURCE)

    assert code_of(keyring.add, OTHER.describe("mine", 1200), OTHER, SOURCE) == "key_exists"
    assert keyring.unlock("mine", SOURCE).address == KEY.address


def test_delete__a_key__frees_its_name(keyring: Keyring) -> None:
    keyring.add(KEY.describe("mine", 1200), KEY, SOURCE)

    keyring.delete("mine")

    assert keyring.names() == ()
    keyring.add(OTHER.describe("mine", 1200), OTHER, SOURCE)
    assert keyring.show("mine").address == OTHER.address


@pytest.mark.parametrize("call", ["show", "delete"])
def test_show__no_such_key__says_so(keyring: Keyring, call: str) -> None:
    assert code_of(getattr(keyring, call), "nobody") == "key_not_found"
    assert code_of(keyring.unlock, "nobody", SOURCE) == "key_not_found"


@pytest.mark.parametrize("name", ["", ".", "..", "../mine", "a/b", "-a", " index", "a" * 65, "ä", "a\n"])
def test_add__a_name_that_is_none__is_refused(keyring: Keyring, name: str) -> None:
    assert code_of(keyring.add, KEY.describe(name, 1200), KEY, SOURCE) == "key_name_invalid"


def test_open_keyring__file__lives_under_the_home(tmp_path: Path) -> None:
    assert isinstance(open_keyring("file", tmp_path), FileKeyring)
    assert not list(tmp_path.iterdir())


def test_open_keyring__os_without_a_desktop__says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import keyring as desktop
    from keyring.backends.fail import Keyring as NoKeyring

    monkeypatch.setattr(desktop, "get_keyring", NoKeyring)

    assert code_of(open_keyring, "os", tmp_path) == "keyring_unavailable"
