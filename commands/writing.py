"""From messages to a block: plan, question, signature, outbox, broadcast, result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commands.output import Json

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from chain_client.ledger import TxResult
    from commands.call import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a command wants done: `what` in one line, the messages, and what follows from them in plain words."""

    what: str
    messages: tuple[Message, ...]
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def acting_address(call: Call) -> str:
    """The bech32 address that the messages act for: --on-behalf-of's, else the signing key's.  Needs no passphrase."""
    raise NotImplementedError


def submit(call: Call, draft: Draft, *, describe: Callable[[TxResult], Mapping[str, Json]] | None = None) -> None:
    """Show the plan; unless --dry-run ask, sign, keep, send, wait for the block, and print the result.

    `describe` adds what the result means to what is printed, such as the id of a new proposal.
    Raises ClientError: declined, confirmation_needed, tx_expired, the chain's rule codes, and those of keys and chain.
    """
    raise NotImplementedError
