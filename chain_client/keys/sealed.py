"""A key closed with a passphrase: the form of key files and of exported keys.

A JSON object whose public part is bound to the sealed one: scrypt makes a key from the passphrase, and
ChaCha20-Poly1305 seals the secret with the rest of the object as associated data.  A SHA-256 over all of it tells a
damaged file from a wrong passphrase.  Source: RFC 7914, RFC 8439.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from chain_client.errors import PermanentError
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import KeyRecord, SigningKey

FORMAT: Final = "gonka-key-1"
COST_LOG2: Final = 17  # scrypt N = 2^17, r = 8: 128 MiB, about half a second
COSTS_READ: Final = range(10, 21)

_LINE: Final = 64
_FIRST: Final = "-----BEGIN GONKA KEY-----"
_LAST: Final = "-----END GONKA KEY-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A closed key: its public part, and the object it came from."""

    record: KeyRecord
    fields: dict[str, Any]

    def open(self, passphrase: Secret) -> SigningKey:
        """The key.  Raises wrong_passphrase; key_file_corrupted where the secret is not the public key's."""
        header = {name: value for name, value in self.fields.items() if name not in {"sealed", "checksum"}}
        cipher = ChaCha20Poly1305(_stretch(passphrase, bytes.fromhex(header["salt"]), header["cost_log2"]))
        try:
            sealed, nonce = bytes.fromhex(self.fields["sealed"]), bytes.fromhex(header["nonce"])
            secret = cipher.decrypt(nonce, sealed, _canonical(header))
        except InvalidTag as error:
            detail = f"the passphrase does not open the key {self.record.name}"
            raise PermanentError("wrong_passphrase", detail, name=self.record.name) from error
        key = SigningKey(Secret(secret))
        if key.public_key != self.record.public_key:
            raise PermanentError("key_file_corrupted", "the secret inside belongs to another key")
        return key


def seal_key(key: SigningKey, record: KeyRecord, passphrase: Secret, *, cost_log2: int = COST_LOG2) -> bytes:
    """The closed key as one line of JSON; `cost_log2` is scrypt's."""
    salt, nonce = os.urandom(16), os.urandom(12)
    header = {
        "format": FORMAT,
        "name": record.name,
        "address": record.address,
        "public_key": record.public_key.hex(),
        "coin_type": record.coin_type,
        "cost_log2": cost_log2,
        "salt": salt.hex(),
        "nonce": nonce.hex(),
    }
    cipher = ChaCha20Poly1305(_stretch(passphrase, salt, cost_log2))
    fields = header | {"sealed": cipher.encrypt(nonce, key.reveal().reveal(), _canonical(header)).hex()}
    return _canonical(fields | {"checksum": hashlib.sha256(_canonical(fields)).hexdigest()})


def read_sealed(content: bytes) -> SealedKey:
    """The closed key in `content`.  Raises key_file_corrupted."""
    try:
        fields = json.loads(content)
        checksum = fields.pop("checksum")
        if fields["format"] != FORMAT or hashlib.sha256(_canonical(fields)).hexdigest() != checksum:
            raise ValueError("the checksum does not fit")
        if fields["cost_log2"] not in COSTS_READ:
            raise ValueError("scrypt's cost is out of range")
        record = KeyRecord(
            name=fields["name"],
            address=fields["address"],
            public_key=bytes.fromhex(fields["public_key"]),
            coin_type=fields["coin_type"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise PermanentError("key_file_corrupted", f"this is no sealed key: {error}") from error
    return SealedKey(record=record, fields=fields)


def armor(sealed: bytes) -> str:
    """A closed key as text to carry elsewhere: base64 between two marker lines."""
    text = base64.b64encode(sealed).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([_FIRST, *lines, _LAST]) + "\n"


def dearmor(text: str) -> bytes:
    """What `armor` was given; text around the markers is ignored.  Raises armor_invalid."""
    lines = [line.strip() for line in text.splitlines()]
    try:
        inside = lines[lines.index(_FIRST) + 1 : lines.index(_LAST)]
        return base64.b64decode("".join(inside), validate=True)
    except ValueError as error:
        raise PermanentError("armor_invalid", "the lines between the two markers are not there or not whole") from error


def _stretch(passphrase: Secret, salt: bytes, cost_log2: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << cost_log2, r=8, p=1).derive(passphrase.reveal())


def _canonical(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
