"""From messages to a block: plan, question, signature, outbox, broadcast, result."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import click

from chain_client.errors import CLIENT_FAULTS, PermanentError, TransientError
from commands.amounts import format_gnk
from commands.call import Call, ask
from commands.output import Json, render
from commands.passphrases import call_keyring, call_passphrase
from rules.errors import CATALOGUE

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from chain_client.keys.signing_key import KeyRecord, SigningKey
    from chain_client.ledger import Ledger, TxResult
    from chain_client.transactions import Fee, Order, Outcome

LIFE_BLOCKS: Final = 50  # after so many blocks an order that waited in vain can no longer apply
PAUSE_S: Final = 0.25
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a command wants done: `what` in one line, the messages, and what follows from them in plain words."""

    what: str
    messages: tuple[Message, ...]
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A draft with what it costs: everything that is known before anybody signs."""

    draft: Draft
    record: KeyRecord
    on_behalf_of: str
    chain_id: str
    fee: Fee
    memo: str

    def describe(self) -> dict[str, Json]:
        """The plan as it is shown, and as --json prints it."""
        from commands.messages import describe_message

        return {
            "what": self.draft.what,
            "effects": list(self.draft.effects),
            "warnings": list(self.draft.warnings),
            "chain_id": self.chain_id,
            "signed_by": f"{self.record.name} {self.record.address}",
            "on_behalf_of": self.on_behalf_of or None,
            "fee": format_gnk(self.fee.amount_ngonka),
            "fee_ngonka": self.fee.amount_ngonka,
            "gas_limit": self.fee.gas_limit,
            "memo": self.memo or None,
            "messages": [describe_message(message) for message in self.draft.messages],
        }


def acting_address(call: Call) -> str:
    """The bech32 address that the messages act for: --on-behalf-of's, else the signing key's.  Needs no passphrase."""
    from rules.addresses import decode_address

    if call.consent.on_behalf_of:
        decode_address(call.consent.on_behalf_of)
        return call.consent.on_behalf_of
    return call_keyring(call).show(call.config.key).address


def submit(call: Call, draft: Draft, *, describe: Callable[[TxResult], Mapping[str, Json]] | None = None) -> None:
    """Show the plan; unless --dry-run ask, sign, keep, send, wait for the block, and print the result.

    `describe` adds what the result means to what is printed, such as the id of a new proposal.
    Raises ClientError: declined, confirmation_needed, interrupted, tx_expired, the chain's rule codes, and those of
    keys and chain.
    """
    order, plan = ask(call, lambda ledger: _plan(call, draft, ledger))
    if call.consent.dry_run:
        call.emit({"plan": plan.describe()})
        return
    _confirm(call, plan)  # outside of asyncio, in which Ctrl-C does not reach who waits at a prompt
    signer = call_keyring(call).unlock(plan.record.name, call_passphrase(call))
    same_chain = replace(call, config=replace(call.config, chain_id=plan.chain_id))
    try:
        result = check_outcome(ask(same_chain, lambda ledger: _send(call, order, signer, ledger, plan.chain_id)))
    except KeyboardInterrupt:
        raise TransientError("interrupted", "if the transaction was signed already, it may still apply") from None
    sent: dict[str, Json] = {"tx_hash": result.tx_hash, "height": result.height, "gas_used": result.gas_used}
    shown: dict[str, Json] = {"plan": plan.describe()} if call.as_json else {"done": draft.what}
    call.emit({**shown, **sent, **(describe(result) if describe else {})})


async def _plan(call: Call, draft: Draft, ledger: Ledger) -> tuple[Order, Plan]:
    """The order without its last height, and the plan, whose gas the chain has simulated."""
    from chain_client.messages import execute_for
    from chain_client.pricing import price_order
    from chain_client.transactions import Order

    record = call_keyring(call).show(call.config.key)
    block = await ledger.latest()
    messages = execute_for(draft.messages, record.address) if call.consent.on_behalf_of else draft.messages
    order = Order(order_id=uuid4().hex, messages=messages, last_height=0, memo=call.consent.memo)
    order = await price_order(ledger, order, record.public_key)
    plan = Plan(
        draft=draft,
        record=record,
        on_behalf_of=call.consent.on_behalf_of,
        chain_id=block.chain_id,
        fee=order.fee,
        memo=call.consent.memo,
    )
    return order, plan


def _confirm(call: Call, plan: Plan) -> None:
    """Show the plan, on stderr beside JSON, and ask.  Raises declined, confirmation_needed."""
    shown = render({name: value for name, value in plan.describe().items() if value not in (None, [])})
    if call.consent.yes:
        if not call.as_json:
            click.echo(shown)
        return
    click.echo(shown, err=call.as_json)
    if not sys.stdin.isatty():
        raise PermanentError("confirmation_needed", "there is no terminal to ask at")
    if not click.confirm("Sign and send this?", err=call.as_json):
        raise PermanentError("declined", "nothing was signed")


async def _send(call: Call, order: Order, signer: SigningKey, ledger: Ledger, chain_id: str) -> Outcome:
    """The outcome of the order, after those of an earlier call that was cut short."""
    from chain_client.outbox import FileOutbox
    from chain_client.sender import Sender

    with FileOutbox.open(call.config.home, chain_id=chain_id, address=signer.address) as outbox:
        sender = Sender(
            ledger=ledger, outbox=outbox, signer=signer, chain_id=chain_id, pause=lambda: asyncio.sleep(PAUSE_S)
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                for earlier in await sender.resume():
                    click.echo(f"an earlier transaction, {earlier.result.tx_hash}, was {earlier.fate.value}", err=True)
                last_height = (await ledger.latest()).height + LIFE_BLOCKS
                return await sender.send(replace(order, last_height=last_height))
        except TimeoutError as error:
            detail = "the transaction is signed and kept; the next command that signs follows it to its end"
            raise TransientError("chain_timed_out", detail) from error


def check_outcome(outcome: Outcome) -> TxResult:
    """The result of an applied order.  Raises tx_expired, or the chain's rule code for one it refused or failed."""
    from chain_client.transactions import Fate
    from wire.errors import read_error

    result = outcome.result
    if outcome.fate is Fate.APPLIED:
        return result
    if outcome.fate is Fate.EXPIRED:
        raise PermanentError("tx_expired", result.log, tx_hash=result.tx_hash)
    told = read_error(result.log)
    code = told.code if told else result.rule if result.rule in {**CATALOGUE, **CLIENT_FAULTS} else "tx_refused"
    detail = told.detail if told else result.log
    raise PermanentError(code, detail, tx_hash=result.tx_hash, fate=outcome.fate.value)
