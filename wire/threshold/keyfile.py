"""The file with a validator's beacon secret, which its node and its client both read: 64 hex digits and a line end."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from wire.threshold.curve import ORDER, SCALAR_BYTES, derive_scalar


def read_secret(path: Path) -> int:
    """The secret in a file.  Raises: OSError; ValueError for anything but a secret."""
    data = bytes.fromhex(path.read_text(encoding="ascii"))
    secret = int.from_bytes(data, "big")
    if len(data) != SCALAR_BYTES or not 0 < secret < ORDER:
        raise ValueError(f"{SCALAR_BYTES} bytes below the order of the group are a secret")
    return secret


def make_secret(path: Path) -> None:
    """Write a new secret, for this user only.  Raises: OSError, FileExistsError where there is a file."""
    secret = derive_scalar("gonka/beacon-secret", secrets.token_bytes(SCALAR_BYTES))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{secret:0{2 * SCALAR_BYTES}x}\n")
        file.flush()
        os.fsync(descriptor)
