"""BIP-39: published pairs of entropy and words, and errors that say which of the three things is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

from chain_client.errors import PermanentError
from chain_client.keys.mnemonic import check_words, compute_seed, generate_words
from chain_client.keys.secret import Secret

WINNER = "legal winner thank year wave sausage worth "
GORILLA = """
absent gorilla van acoustic humor firm title dolphin bulk barely citizen recall
crane moment aspect appear track phrase actual enforce steel spoon afraid benefit
"""
VECTORS = [
    ("00" * 32, "abandon " * 23 + "art"),
    ("7f" * 32, f"{WINNER}useful {WINNER}useful {WINNER}title"),
    ("ff" * 32, "zoo " * 23 + "vote"),
    ("00ac97c48106f0aeb8ba061e0250a559b3251dc35854e694780ba51d53a50120", " ".join(GORILLA.split())),
]
SHORT = "abandon " * 11 + "about"


def code_of(words: str) -> str:
    with pytest.raises(PermanentError) as caught:
        check_words(Secret(words))
    return caught.value.code


@pytest.mark.parametrize(("entropy", "words"), VECTORS)
def test_generate_words__published_entropy__gives_its_words(entropy: str, words: str) -> None:
    assert generate_words(bytes.fromhex(entropy)).reveal().decode() == words


def test_generate_words__twice__differs() -> None:
    first, second = generate_words(), generate_words()

    assert first.reveal() != second.reveal()
    assert len(first.reveal().split()) == 24


def test_compute_seed__published_words__gives_the_published_seed() -> None:
    assert compute_seed(Secret(SHORT)).reveal().hex() == (
        "5eb00bbddcf069084889a8ab9155568165f5c453ccb85e70811aaed6f6da5fc1"
        "9a5ac40b389cd370d086206dec8aa6c43daea6690f20ad3d8d48b2d2ce9e38e4"
    )


def test_check_words__capitals_and_odd_spaces__are_forgiven() -> None:
    assert check_words(Secret(f"  {SHORT.upper()}\n".replace(" ", "\t "))).reveal().decode() == SHORT


@settings(max_examples=50)
@given(st.binary(min_size=32, max_size=32), st.integers(1, 255))
def test_check_words__any_other_checksum__is_refused(entropy: bytes, change: int) -> None:
    words = generate_words(entropy).reveal().decode().split()
    numbers = Mnemonic("english").wordlist
    words[-1] = numbers[numbers.index(words[-1]) ^ change]

    assert code_of(" ".join(words)) == "mnemonic_wrong_checksum"


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ("", "mnemonic_wrong_length", "nothing"),
        ("abandon " * 11, "mnemonic_wrong_length", "11 words"),
        ("abandon " * 25, "mnemonic_wrong_length", "25 words"),
        ("abandon " * 11 + "abaut", "mnemonic_unknown_word", "a typing mistake"),
        ("zoo " * 23 + "zoo", "mnemonic_wrong_checksum", "one word wrong"),
        ("abandon " * 23 + "about", "mnemonic_wrong_checksum", "the last word of another phrase"),
    ],
)
def test_check_words__wrong__says_in_which_way(words: str, code: str, why: str) -> None:
    assert code_of(words) == code


def test_check_words__unknown_word__names_its_place_and_not_the_word() -> None:
    with pytest.raises(PermanentError) as caught:
        check_words(Secret("abandon " * 4 + "secretish " + "abandon " * 7))

    assert caught.value.fields == {"position": 5}
    assert "secretish" not in str(caught.value)
