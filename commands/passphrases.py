"""Keyring and passphrase of a call."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from commands.call import Call

if TYPE_CHECKING:
    from chain_client.keys.keyring import Keyring
    from chain_client.keys.passphrase import PassphraseSource


def call_keyring(call: Call) -> Keyring:
    """The keyring the settings name.  Raises keyring_unavailable."""
    from chain_client.keys.keyring import open_keyring

    return open_keyring(call.config.keyring, call.config.home)


def call_passphrase(call: Call) -> PassphraseSource:
    """The passphrase from GNK_PASSPHRASE, a file, or the terminal if there is one."""
    from chain_client.keys.passphrase import PassphraseSource

    return PassphraseSource(
        given=call.config.passphrase,
        file=call.config.passphrase_file,
        prompt=_prompt if sys.stdin.isatty() else None,
    )


def _prompt(question: str) -> str:
    answer: str = click.prompt(question, hide_input=True, err=True)
    return answer
