"""Keys as encrypted files, one each: NAME.key, mode 0600."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from chain_client.disk import create_durably, delete_durably
from chain_client.errors import PermanentError
from chain_client.keys.keyring import check_name
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.sealed import COST_LOG2, SealedKey, read_sealed, seal_key
from chain_client.keys.signing_key import KeyRecord, SigningKey

SUFFIX: Final = ".key"


class FileKeyring:
    """The keys in one directory, which is made when the first is added; `cost_log2` is scrypt's, for new keys."""

    def __init__(self, directory: Path, *, cost_log2: int = COST_LOG2) -> None:
        self._directory = directory
        self._cost_log2 = cost_log2

    def names(self) -> tuple[str, ...]:
        """The names of all keys, in order, damaged ones too.  Raises file_unusable."""
        try:
            files = [path for path in self._directory.iterdir() if path.suffix == SUFFIX]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise PermanentError("file_unusable", f"{self._directory}: {error.strerror}") from error
        return tuple(sorted(path.stem for path in files if not path.name.startswith(".")))

    def show(self, name: str) -> KeyRecord:
        """One key's public part, as the file claims it; opening the key proves it.

        Raises key_not_found, key_file_corrupted.
        """
        return self._read(name).record

    def add(self, record: KeyRecord, key: SigningKey, passphrase: PassphraseSource) -> None:
        """Encrypt and keep a key.  Raises key_exists, key_name_invalid, passphrase_*, disk_write_failed."""
        path = self._path(record.name)
        if path.exists():
            raise self._exists(record.name)
        chosen = passphrase.choose(f"A new passphrase for the key {record.name}")
        try:
            create_durably(path, seal_key(key, record, chosen, cost_log2=self._cost_log2))
        except FileExistsError as error:
            raise self._exists(record.name) from error

    def unlock(self, name: str, passphrase: PassphraseSource) -> SigningKey:
        """One key, open.  Raises key_not_found, wrong_passphrase, key_file_corrupted."""
        sealed = self._read(name)
        return sealed.open(passphrase.read(f"Passphrase of the key {name}"))

    def delete(self, name: str) -> None:
        """Remove a key's file, damaged or not.  Raises key_not_found, disk_write_failed."""
        try:
            delete_durably(self._path(name))
        except FileNotFoundError as error:
            raise PermanentError("key_not_found", f"there is no key {name}", name=name) from error

    def _read(self, name: str) -> SealedKey:
        path = self._path(name)
        try:
            sealed = read_sealed(path.read_bytes())
        except FileNotFoundError as error:
            raise PermanentError("key_not_found", f"there is no key {name} in {self._directory}", name=name) from error
        except OSError as error:
            raise PermanentError("key_file_corrupted", f"{path}: {error.strerror}", path=str(path)) from error
        except PermanentError as error:
            raise PermanentError("key_file_corrupted", f"{path}: {error.detail}", path=str(path)) from error
        if sealed.record.name != name:
            raise PermanentError("key_file_corrupted", f"{path} holds the key {sealed.record.name}", path=str(path))
        return sealed

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._directory / f"{name}{SUFFIX}"

    @staticmethod
    def _exists(name: str) -> PermanentError:
        return PermanentError("key_exists", f"there is a key {name} already", name=name)
