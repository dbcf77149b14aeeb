"""A secret never shows itself."""

import pickle

import pytest

from chain_client.keys.secret import Secret


@pytest.mark.parametrize("shown", [repr, str, "{}".format, "{!r}".format, lambda secret: repr([secret])])
def test_secret__shown_in_any_way__is_stars(shown: object) -> None:
    text = shown(Secret("hunter2hunter2"))  # type: ignore[operator]

    assert "hunter2" not in text
    assert "********" in text


def test_secret__pickled__is_refused() -> None:
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(Secret(b"x"))


def test_reveal__text_and_bytes__gives_bytes() -> None:
    assert Secret("ä").reveal() == "ä".encode()
    assert Secret(b"\0\1").reveal() == b"\0\1"
