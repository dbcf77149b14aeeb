"""A file is old or new, never half, at whatever call the power goes; a disk that refuses leaves the old one."""

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chain_client.disk import create_durably, delete_durably, replace_durably
from chain_client.errors import PermanentError

CALLS = ["open", "fsync", "replace"]


class PowerCut(BaseException):
    """The machine stops here."""


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> list[str]:
    """Let the system call number `step` of those that change a disk raise; gives the calls made so far."""
    made: list[str] = []

    def watch(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            made.append(name)
            if len(made) == step:
                raise error
            return real(*arguments, **options)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, watch(name, getattr(os, name)))
    return made


@pytest.mark.parametrize("step", range(1, 7))
def test_replace_durably__power_cut_at_any_call__leaves_old_or_new(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with monkeypatch.context() as patched:
        fail_at(patched, step, PowerCut())
        with contextlib.suppress(PowerCut):
            replace_durably(path, b"new")

    assert path.read_bytes() in {b"old", b"new"}
    replace_durably(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_replace_durably__content_and_name_reach_the_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, os.replace

    def watch_fsync(descriptor: int) -> None:
        order.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def watch_replace(source: object, target: object, **options: object) -> None:
        order.append("replace")
        replace(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(os, "replace", watch_replace)

    replace_durably(tmp_path / "file", b"content")

    assert order == ["file", "replace", "directory"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_replace_durably__the_disk_refuses__says_so_and_keeps_the_old(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(PermanentError) as caught:
        replace_durably(path, b"new")
    assert caught.value.code == "disk_write_failed"
    assert os.strerror(number) in str(caught.value)
    assert path.read_bytes() == b"old"


def test_create_durably__something_there__leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    create_durably(path, b"first")

    with pytest.raises(FileExistsError):
        create_durably(path, b"second")
    assert path.read_bytes() == b"first"


def test_create_durably__eight_at_once__one_wins(tmp_path: Path) -> None:
    path = tmp_path / "file"
    won: list[int] = []

    def write(number: int) -> None:
        try:
            create_durably(path, str(number).encode())
            won.append(number)
        except FileExistsError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [path.read_text()] == [str(number) for number in won]


def test_replace_durably__a_symbolic_link_as_draft__is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / ".file.draft").symlink_to(victim)

    with pytest.raises(PermanentError, match="disk_write_failed"):
        replace_durably(tmp_path / "file", b"new")
    assert victim.read_bytes() == b"precious"


def test_delete_durably__nothing_there__says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        delete_durably(tmp_path / "file")
