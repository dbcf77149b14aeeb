"""BIP-32's own vectors, and the accounts that wallets derive from a well-known phrase."""

import json
from pathlib import Path

import pytest

from chain_client.keys.derivation import account_path, derive_secret
from chain_client.keys.mnemonic import compute_seed
from chain_client.keys.secret import Secret
from chain_client.keys.signing_key import SigningKey
from rules.addresses import decode_address, encode_bech32

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "bip32.json").read_text())["vectors"]
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
WORDS = Secret("abandon " * 11 + "about")


def secret_in(extended: str) -> bytes:
    """The secret in an extended private key: 82 bytes in base58, of which 46..77 are the key."""
    number = 0
    for letter in extended:
        number = number * 58 + BASE58.index(letter)
    return number.to_bytes(82, "big")[46:78]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["path"])
def test_derive_secret__bip32_vector__matches(vector: dict[str, str]) -> None:
    assert derive_secret(Secret(bytes.fromhex(vector["seed"])), vector["path"]).reveal() == secret_in(vector["xprv"])


@pytest.mark.parametrize("path", ["", "0/1", "m/", "m/x", "m/1''", "m//1", "M/0", "m/-1"])
def test_derive_secret__no_path__is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        derive_secret(Secret(bytes(64)), path)


def test_from_words__coin_type_118__is_the_account_other_wallets_show() -> None:
    key = SigningKey.from_words(WORDS, 118)

    assert encode_bech32("cosmos", decode_address(key.address)) == "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4"


def test_from_words__default_coin_type__is_another_account() -> None:
    ours = SigningKey.from_words(WORDS, 1200)

    assert ours.address != SigningKey.from_words(WORDS, 118).address
    assert account_path() == "m/44'/1200'/0'/0/0"
    assert ours.reveal().reveal() == derive_secret(compute_seed(WORDS), "m/44'/1200'/0'/0/0").reveal()
