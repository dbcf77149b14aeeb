"""What every command is called with, and the options that all commands share.

Decorators give a command its options: `local` touches this machine only, `keyed` its keys, `reads` asks the chain,
`writes` signs and sends, `serves` and `pays` keep running.  The command's function gets a Call first and its own
arguments by name.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from commands.config import KEYRINGS, SETTINGS, Config, read_config
from commands.output import Json, coded_errors, emit

if TYPE_CHECKING:
    from chain_client.ledger import Ledger

T = TypeVar("T")
Command = Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """How a write may go on: `dry_run` stops after the plan, `yes` answers its question beforehand.

    `on_behalf_of` is the account that granted the signing key its messages, empty for the key's own account.
    """

    dry_run: bool = False
    yes: bool = False
    on_behalf_of: str = ""
    memo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a command: its settings, how it prints, and for writes how far it may go."""

    config: Config
    as_json: bool
    consent: Consent = Consent()

    def emit(self, value: Json) -> None:
        """Print the command's result."""
        emit(value, as_json=self.as_json)


def local(command: Command) -> Command:
    """A command that needs no chain: --home, --json."""
    return _with_options(command, [HOME, JSON])


def keyed(command: Command) -> Command:
    """A command about keys on this machine: --home, --keyring, --passphrase-file, --json."""
    return _with_options(command, [*KEYS, HOME, JSON])


def reads(command: Command) -> Command:
    """A command that asks the chain: --chain, --chain-id, --home, --json."""
    return _with_options(command, [*CHAIN, HOME, JSON])


def writes(command: Command) -> Command:
    """A command that signs and sends: the options of `reads` and `keyed`, and those of its Consent."""
    return _with_options(command, [*CONSENT, KEY, *KEYS, *CHAIN, HOME, JSON])


def serves(command: Command) -> Command:
    """A command that keeps running and signs by itself: the options of `reads` and `keyed`, and the sidecar's."""
    return _with_options(command, [ON_BEHALF_OF, SIDECAR, KEY, *KEYS, *CHAIN, HOME, JSON])


def pays(command: Command) -> Command:
    """A command that keeps running and pays by itself: the options of `reads` and `keyed`, and the key."""
    return _with_options(command, [KEY, *KEYS, *CHAIN, HOME, JSON])


def ask(call: Call, question: Callable[[Ledger], Awaitable[T]]) -> T:
    """The answer of a coroutine over an open ledger; the connection closes with it.

    Raises ClientError when the chain cannot be reached in time, or is another than `chain_id` names.
    """

    async def connected() -> T:
        from chain_client.cosmos import CosmosLedger

        async with CosmosLedger.open(call.config.chain, chain_id=call.config.chain_id) as ledger:
            return await question(ledger)

    return asyncio.run(connected())


HOME = click.option("--home", metavar="DIR", help="Where keys, journals and config.toml live [~/.gonka].")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
KEY = click.option("--key", metavar="NAME", help="The key that signs [host].")
KEYS = [
    click.option("--keyring", type=click.Choice(KEYRINGS), help="Where keys are kept [file]."),
    click.option("--passphrase-file", metavar="FILE", help="Read the passphrase from FILE instead of asking."),
]
CHAIN = [
    click.option("--chain", metavar="TARGET", help="The chain's gRPC address [127.0.0.1:9090]."),
    click.option("--chain-id", metavar="ID", help="The network it must be [whatever the node says]."),
]
SIDECAR = click.option("--sidecar", metavar="TARGET", help="unix:PATH, or host:port [unix:HOME/sidecar.sock].")
ON_BEHALF_OF = click.option(
    "--on-behalf-of", metavar="ADDRESS", default="", help="Act for the account that granted this key."
)
YES = click.option("--yes", is_flag=True, help="Do not ask, do it.")
CONSENT = [
    click.option("--dry-run", is_flag=True, help="Show the plan, sign nothing."),
    YES,
    ON_BEHALF_OF,
    click.option("--memo", metavar="TEXT", default="", help="A public note kept with the transaction."),
]


def _with_options(command: Command, options: list[Callable[[Command], Command]]) -> Command:
    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        as_json = arguments.pop("as_json")
        with coded_errors(as_json=as_json):
            consent = {name: arguments.pop(name) for name in Consent.__slots__ if name in arguments}
            flags = {name: arguments.pop(name) for name in SETTINGS if name in arguments}
            config = read_config(flags, os.environ)
            command(Call(config=config, as_json=as_json, consent=Consent(**consent)), **arguments)

    decorated: Command = run
    for option in reversed(options):
        decorated = option(decorated)
    return decorated
