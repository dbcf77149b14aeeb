"""`gnk keys`: account keys on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import click

from chain_client.errors import PermanentError
from commands.call import YES, Call, keyed
from commands.data import check_data, sign_data
from commands.output import Json
from commands.passphrases import call_keyring, call_passphrase

if TYPE_CHECKING:
    from chain_client.keys.keyring import Keyring
    from chain_client.keys.secret import Secret
    from chain_client.keys.signing_key import KeyRecord

COIN_TYPES = ("1200", "118")
WORDS_IN_A_ROW = 6

coin_type_option = click.option(
    "--coin-type",
    type=click.Choice(COIN_TYPES),
    default=COIN_TYPES[0],
    show_default=True,
    help="Of the path m/44'/TYPE'/0'/0/0; 118 is what wallets for other Cosmos chains derive.",
)


@click.group()
def group() -> None:
    """Make, recover, list and move account keys."""


group.add_command(sign_data)
group.add_command(check_data)


@group.command()
@click.argument("name")
@coin_type_option
@keyed
def add(call: Call, name: str, coin_type: str) -> None:
    """Make a key from 24 new words, which are shown this once."""
    from chain_client.keys.mnemonic import generate_words

    words = generate_words()
    record = _keep_words(call, name, words, int(coin_type))
    text = words.reveal().decode()
    rows = [" ".join(text.split()[start : start + WORDS_IN_A_ROW]) for start in range(0, 24, WORDS_IN_A_ROW)]
    note = "Write the words down, in order, on paper.  They are the key: nobody can show them again."
    call.emit({**_describe(record), "words": text if call.as_json else rows, "note": note})


@group.command()
@click.argument("name")
@coin_type_option
@keyed
def recover(call: Call, name: str, coin_type: str) -> None:
    """Make a key from its words, read from stdin or asked for."""
    from chain_client.keys.mnemonic import check_words
    from chain_client.keys.secret import Secret

    typed = click.prompt("The words", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read()
    call.emit(_describe(_keep_words(call, name, check_words(Secret(typed)), int(coin_type))))


@group.command("list")
@keyed
def list_keys(call: Call) -> None:
    """The keys in the keyring.  Damaged ones are named after the others."""
    keyring = call_keyring(call)
    healthy: list[KeyRecord] = []
    damaged: list[str] = []
    for name in keyring.names():
        try:
            healthy.append(keyring.show(name))
        except PermanentError as error:
            damaged.append(error.detail)
    call.emit([{"name": item.name, "address": item.address, "coin_type": item.coin_type} for item in healthy])
    if damaged:
        raise PermanentError("key_file_corrupted", "\n".join(damaged))


@group.command()
@click.argument("name")
@click.option("--address", is_flag=True, help="Print the address alone.")
@keyed
def show(call: Call, name: str, address: bool) -> None:
    """A key's address and public key; the secret is never shown."""
    record = call_keyring(call).show(name)
    call.emit(record.address if address else _describe(record))


@group.command("export", short_help="Print a key as text, closed with its passphrase.")
@click.argument("name")
@keyed
def export_key(call: Call, name: str) -> None:
    """Print a key as text, closed with its passphrase (for --keyring os, with a new one)."""
    from chain_client.keys.passphrase import PassphraseSource
    from chain_client.keys.sealed import armor, seal_key

    keyring, source = call_keyring(call), call_passphrase(call)
    record = keyring.show(name)
    if call.config.keyring == "os":
        passphrase = source.choose(f"A passphrase for the exported key {name}")
    else:
        passphrase = source.read(f"Passphrase of the key {name}")
    key = keyring.unlock(name, PassphraseSource(given=passphrase))
    text = armor(seal_key(key, record, passphrase))
    call.emit({"name": name, "armor": text} if call.as_json else text.rstrip("\n"))


@group.command("import", short_help="Keep a key from exported text.")
@click.argument("name")
@click.argument("file", type=click.File("r"))
@keyed
def import_key(call: Call, name: str, file: TextIO) -> None:
    """Keep a key from exported text in FILE (- for stdin), under NAME and the same passphrase."""
    from chain_client.keys.passphrase import PassphraseSource
    from chain_client.keys.sealed import dearmor, read_sealed

    sealed = read_sealed(dearmor(file.read()))
    passphrase = call_passphrase(call).read("Passphrase of the exported key")
    key = sealed.open(passphrase)
    record = key.describe(name, sealed.record.coin_type)
    call_keyring(call).add(record, key, PassphraseSource(given=passphrase))
    call.emit(_describe(record))


@group.command(short_help="Remove a key for good.")
@click.argument("name")
@YES
@keyed
def delete(call: Call, name: str) -> None:
    """Remove a key for good; only its words or an export bring it back."""
    keyring = call_keyring(call)
    address = _find_address(keyring, name)
    if not call.consent.yes:
        if not sys.stdin.isatty():
            raise PermanentError("confirmation_needed", "there is no terminal to ask at")
        which = f"the key {name} of {address}" if address else f"the damaged key {name}"
        if not click.confirm(f"Delete {which} for good?", err=True):
            raise PermanentError("declined", "nothing was deleted")
    keyring.delete(name)
    call.emit({"deleted": name, "address": address})


def _find_address(keyring: Keyring, name: str) -> str | None:
    """A key's address, None for a damaged one, which can be deleted too.  Raises key_not_found."""
    try:
        return keyring.show(name).address
    except PermanentError as error:
        if error.code != "key_file_corrupted":
            raise
        return None


def _keep_words(call: Call, name: str, words: Secret, coin_type: int) -> KeyRecord:
    from chain_client.keys.signing_key import SigningKey

    key = SigningKey.from_words(words, coin_type)
    record = key.describe(name, coin_type)
    call_keyring(call).add(record, key, call_passphrase(call))
    return record


def _describe(record: KeyRecord) -> dict[str, Json]:
    return {
        "name": record.name,
        "address": record.address,
        "public_key": record.public_key.hex(),
        "coin_type": record.coin_type,
    }
