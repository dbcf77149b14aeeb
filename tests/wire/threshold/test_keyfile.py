from pathlib import Path

import pytest

from wire.threshold.curve import ORDER
from wire.threshold.keyfile import make_secret, read_secret


def test_make_secret__anew__is_another_secret_for_this_user_only(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_secret(tmp_path / name)
    first, second = read_secret(tmp_path / "one"), read_secret(tmp_path / "two")
    assert first != second
    assert 0 < first < ORDER
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600


def test_make_secret__where_there_is_a_file__leaves_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("mine")
    with pytest.raises(FileExistsError):
        make_secret(tmp_path / "key")
    assert (tmp_path / "key").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "zz", "00" * 32, "01" * 31, "01" * 33, f"{ORDER:064x}", "ff" * 32, "é" * 64])
def test_read_secret__what_is_no_secret__is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"secret|fromhex|codec"):
        read_secret(tmp_path / "key")
