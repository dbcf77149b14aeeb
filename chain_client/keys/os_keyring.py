"""Keys in the desktop's keyring (Secret Service, macOS Keychain, Windows Credential Locker), which guards them.

One entry a key, and one that lists them, since a keyring cannot be asked what it holds.
"""

from __future__ import annotations

import json
from typing import Final

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringError

from chain_client.errors import PermanentError
from chain_client.keys.keyring import check_name
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import KeyRecord, SigningKey

SERVICE: Final = "gonka"
_INDEX: Final = " index"  # no key can have this name


class OsKeyring:
    """The keys in one desktop keyring."""

    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend

    @classmethod
    def open(cls) -> OsKeyring:
        """The keyring of this session.  Raises keyring_unavailable."""
        backend = keyring.get_keyring()
        if isinstance(backend, NoKeyring):
            raise PermanentError("keyring_unavailable", "this session has no keyring")
        return cls(backend)

    def names(self) -> tuple[str, ...]:
        """The names of all keys, in order.  Raises key_file_corrupted where the list itself is damaged."""
        return tuple(sorted(self._load_index()))

    def show(self, name: str) -> KeyRecord:
        """One key's public part.  Raises key_not_found."""
        check_name(name)
        index = self._load_index()
        if name not in index:
            raise PermanentError("key_not_found", f"the desktop's keyring has no key {name}", name=name)
        return index[name]

    def add(self, record: KeyRecord, key: SigningKey, passphrase: PassphraseSource) -> None:  # noqa: ARG002  # the Protocol's; the desktop asks its own
        """Hand a key to the desktop's keyring.  Raises key_exists, key_name_invalid."""
        check_name(record.name)
        index = self._load_index()
        if record.name in index:
            raise PermanentError("key_exists", f"there is a key {record.name} already", name=record.name)
        self._set(record.name, key.reveal().reveal().hex())
        self._save_index(index | {record.name: record})

    def unlock(self, name: str, passphrase: PassphraseSource) -> SigningKey:  # noqa: ARG002  # the same
        """One key, open.  Raises key_not_found, key_file_corrupted."""
        record = self.show(name)
        try:
            key = SigningKey(Secret(bytes.fromhex(self._get(name) or "")))
        except ValueError as error:
            raise PermanentError("key_file_corrupted", f"the keyring's entry of {name} is no key") from error
        if key.public_key != record.public_key:
            raise PermanentError("key_file_corrupted", f"the keyring's entry of {name} is another key")
        return key

    def delete(self, name: str) -> None:
        """Forget a key.  Raises key_not_found."""
        record = self.show(name)
        index = self._load_index()
        self._save_index({other: kept for other, kept in index.items() if other != record.name})
        try:
            self._backend.delete_password(SERVICE, name)
        except KeyringError as error:
            raise _unavailable(error) from error

    def _load_index(self) -> dict[str, KeyRecord]:
        try:
            listed = json.loads(self._get(_INDEX) or "[]")
            records = [KeyRecord(**item | {"public_key": bytes.fromhex(item["public_key"])}) for item in listed]
        except (ValueError, TypeError, KeyError) as error:
            raise PermanentError("key_file_corrupted", "the keyring's list of keys cannot be read") from error
        return {record.name: record for record in records}

    def _save_index(self, index: dict[str, KeyRecord]) -> None:
        listed = [
            {"name": r.name, "address": r.address, "public_key": r.public_key.hex(), "coin_type": r.coin_type}
            for r in index.values()
        ]
        self._set(_INDEX, json.dumps(listed))

    def _get(self, entry: str) -> str | None:
        try:
            return self._backend.get_password(SERVICE, entry)
        except KeyringError as error:
            raise _unavailable(error) from error

    def _set(self, entry: str, value: str) -> None:
        try:
            self._backend.set_password(SERVICE, entry, value)
        except KeyringError as error:
            raise _unavailable(error) from error


def _unavailable(error: KeyringError) -> PermanentError:
    return PermanentError("keyring_unavailable", f"the desktop's keyring refused: {error}")
