"""Where keys live: a Protocol with two implementations, encrypted files and the desktop's keyring."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, Protocol

from chain_client.errors import PermanentError
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.signing_key import KeyRecord, SigningKey

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Keyring(Protocol):
    """Keys by name.  The passphrase source is asked only where the keyring has none of its own, and once."""

    def names(self) -> tuple[str, ...]:
        """The names of all keys, in order, damaged ones too."""
        ...

    def show(self, name: str) -> KeyRecord:
        """One key's public part.  Raises key_not_found, key_file_corrupted."""
        ...

    def add(self, record: KeyRecord, key: SigningKey, passphrase: PassphraseSource) -> None:
        """Keep a key; on return it survives a power cut.  Raises key_exists, key_name_invalid, disk_write_failed."""
        ...

    def unlock(self, name: str, passphrase: PassphraseSource) -> SigningKey:
        """One key, open.  Raises key_not_found, wrong_passphrase, key_file_corrupted."""
        ...

    def delete(self, name: str) -> None:
        """Forget a key for good.  Raises key_not_found."""
        ...


def open_keyring(kind: str, home: Path) -> Keyring:
    """The keyring of a home: `file` under its keys/ directory, `os` in the desktop's.

    Raises keyring_unavailable where the desktop has none.
    """
    if kind == "os":
        from chain_client.keys.os_keyring import OsKeyring

        return OsKeyring.open()
    from chain_client.keys.file_keyring import FileKeyring

    return FileKeyring(home / "keys")


def check_name(name: str) -> None:
    """Raises key_name_invalid unless the name has 1 to 64 letters, digits, - or _, a letter or digit first."""
    if not _NAME.fullmatch(name):
        raise PermanentError("key_name_invalid", f"{name!r} cannot name a key")
