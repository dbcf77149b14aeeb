"""Sealed keys: only the right passphrase opens them, and damage is told from a wrong passphrase."""

import json

import pytest

from chain_client.errors import PermanentError
from chain_client.keys.sealed import armor, dearmor, read_sealed, seal_key
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey

KEY = SigningKey(Secret(b"\7" * 32))
PASSPHRASE = Secret("correct horse")
SEALED = seal_key(KEY, KEY.describe("mine", 1200), PASSPHRASE, cost_log2=10)


def code_of(content: bytes, passphrase: Secret = PASSPHRASE) -> str:
    with pytest.raises(PermanentError) as caught:
        read_sealed(content).open(passphrase)
    return caught.value.code


def change(**fields: object) -> bytes:
    """The sealed key with fields replaced and a checksum made to fit again, as an attacker would."""
    import hashlib

    content = json.loads(SEALED) | fields
    content.pop("checksum")
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(content | {"checksum": hashlib.sha256(canonical).hexdigest()}).encode()


def test_open__right_passphrase__gives_the_key() -> None:
    sealed = read_sealed(SEALED)

    assert sealed.record == KEY.describe("mine", 1200)
    assert sealed.open(PASSPHRASE).reveal().reveal() == b"\7" * 32


def test_seal_key__twice__shares_no_salt_or_nonce_and_shows_no_secret() -> None:
    again = seal_key(KEY, KEY.describe("mine", 1200), PASSPHRASE, cost_log2=10)

    assert {json.loads(SEALED)[name] for name in ("salt", "nonce", "sealed")}.isdisjoint(
        json.loads(again)[name] for name in ("salt", "nonce", "sealed")
    )
    assert b"07" * 16 not in SEALED


@pytest.mark.parametrize("passphrase", ["", "correct hors", "correct horse ", "Correct horse"])
def test_open__wrong_passphrase__says_so(passphrase: str) -> None:
    assert code_of(SEALED, Secret(passphrase)) == "wrong_passphrase"


@pytest.mark.parametrize("at", range(0, len(SEALED), 37))
def test_read_sealed__one_byte_changed__is_corrupted(at: int) -> None:
    assert code_of(SEALED[:at] + bytes([SEALED[at] ^ 1]) + SEALED[at + 1 :]) == "key_file_corrupted"


@pytest.mark.parametrize("length", [0, 1, len(SEALED) // 2, len(SEALED) - 1])
def test_read_sealed__cut_short__is_corrupted(length: int) -> None:
    assert code_of(SEALED[:length]) == "key_file_corrupted"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "no text"),
        (b"[]", "a list"),
        (b"[" * 100_000, "lists in lists without end"),
        (b"{}", "an empty object"),
        (change(cost_log2=40), "a cost that would eat the memory"),
        (change(cost_log2="17"), "a cost that is no number"),
        (change(public_key="zz"), "no hex"),
        (change(format="gonka-key-9"), "another format"),
    ],
)
def test_read_sealed__no_sealed_key__is_corrupted(content: bytes, words: str) -> None:
    assert code_of(content) == "key_file_corrupted"


@pytest.mark.parametrize(
    "fields",
    [{"address": "gonka1other"}, {"name": "other"}, {"coin_type": 118}, {"public_key": "02" + "11" * 32}],
)
def test_open__public_part_swapped__does_not_open(fields: dict[str, object]) -> None:
    assert code_of(change(**fields)) == "wrong_passphrase"


def test_armor__there_and_back__is_the_same() -> None:
    text = armor(SEALED)

    assert max(map(len, text.splitlines())) <= 64
    assert dearmor(f"some words\r\n{text}more words") == SEALED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing"),
        (armor(SEALED).replace("-----END GONKA KEY-----", ""), "no last line"),
        (armor(SEALED).replace("\n", "\n!", 3), "letters that base64 has not"),
        ("-----END GONKA KEY-----\n-----BEGIN GONKA KEY-----\n-----END", "turned around"),
    ],
)
def test_dearmor__no_whole_armor__is_refused(text: str, words: str) -> None:
    with pytest.raises(PermanentError) as caught:
        read_sealed(dearmor(text))
    assert caught.value.code in {"armor_invalid", "key_file_corrupted"}
