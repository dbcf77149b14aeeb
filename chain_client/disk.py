"""Files that are whole or not there, whenever the power goes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chain_client.errors import PermanentError


def replace_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path`, mode 0600; on return it survives a power cut, before that the old file does.

    Writers of one directory take turns.  Raises disk_write_failed, with the old file in place.
    """
    with _locked_directory(path.parent) as directory:
        draft = _write_draft(path, content)
        draft.replace(path)
        os.fsync(directory)


def create_durably(path: Path, content: bytes) -> None:
    """The same where nothing may be at `path` yet.  Raises FileExistsError, disk_write_failed."""
    with _locked_directory(path.parent) as directory:
        if path.exists():
            raise FileExistsError(path)
        draft = _write_draft(path, content)
        draft.replace(path)
        os.fsync(directory)


def delete_durably(path: Path) -> None:
    """Remove `path`; on return it stays removed.  Raises FileNotFoundError, disk_write_failed."""
    with _locked_directory(path.parent) as directory:
        path.unlink()
        os.fsync(directory)


def _write_draft(path: Path, content: bytes) -> Path:
    """A file beside `path`, on disk; one that a power cut left behind is written over."""
    draft = path.with_name(f".{path.name}.draft")
    with open(draft, "wb", opener=_open_private) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


@contextmanager
def _locked_directory(path: Path) -> Iterator[int]:
    """The descriptor of a directory (made with mode 0700 if need be) that no other writer holds."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)
    except (FileExistsError, FileNotFoundError):
        raise
    except OSError as error:
        detail = f"{error.strerror or error}: {error.filename or path}"
        raise PermanentError("disk_write_failed", detail, path=str(path)) from error
