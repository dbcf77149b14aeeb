"""Where the passphrase comes from, and how often anybody is asked."""

from pathlib import Path

import pytest

from chain_client.errors import PermanentError
from chain_client.keys.passphrase import PassphraseSource
from chain_client.keys.secret import Secret


class Typist:
    """Somebody at a terminal, who types these lines."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return self.lines.pop(0)


def test_read__at_a_terminal__asks_once() -> None:
    typist = Typist("correct horse")

    assert PassphraseSource(prompt=typist).read("Passphrase").reveal() == b"correct horse"
    assert typist.questions == ["Passphrase"]


def test_choose__at_a_terminal__asks_twice_and_no_more() -> None:
    typist = Typist("correct horse", "correct horse")

    assert PassphraseSource(prompt=typist).choose("A new one").reveal() == b"correct horse"
    assert len(typist.questions) == 2


@pytest.mark.parametrize("kind", ["read", "choose"])
def test_read__given_or_in_a_file__asks_nobody(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_text("from the file\n")

    from_file = getattr(PassphraseSource(file=path), kind)("?")
    given = getattr(PassphraseSource(given=Secret("given one"), file=path), kind)("?")

    assert from_file.reveal() == b"from the file"
    assert given.reveal() == b"given one"


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        (PassphraseSource(), "passphrase_missing", "nobody there"),
        (PassphraseSource(file=Path("/nowhere/at/all")), "passphrase_missing", "no such file"),
        (PassphraseSource(given=Secret("short")), "passphrase_unusable", "too short"),
        (PassphraseSource(prompt=Typist("long enough", "long enuogh")), "passphrase_unusable", "not the same twice"),
    ],
)
def test_choose__nothing_usable__says_why(source: PassphraseSource, code: str, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        source.choose("A new one")
    assert caught.value.code == code
