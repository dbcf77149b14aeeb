"""`gnk tx`: transactions, to send, in a block or in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import click

from chain_client.errors import PermanentError
from commands.amounts import format_gnk, parse_amount
from commands.call import Call, ask, local, reads, writes
from commands.output import Json
from commands.writing import Draft, acting_address, submit

if TYPE_CHECKING:
    from chain_client.ledger import Ledger, TxResult

    from cosmos.tx.v1beta1.tx_pb2 import Tx


@click.group()
def group() -> None:
    """Send GNK, and look at transactions, in a block or in a file."""


@group.command()
@click.argument("recipient", metavar="ADDRESS")
@click.argument("amount")
@writes
def send(call: Call, recipient: str, amount: str) -> None:
    """Send AMOUNT, such as 5GNK, to ADDRESS."""
    import wire  # noqa: F401  # puts the Cosmos messages on the path
    from rules.addresses import decode_address

    from cosmos.bank.v1beta1.tx_pb2 import MsgSend
    from cosmos.base.v1beta1.coin_pb2 import Coin

    decode_address(recipient)
    ngonka = parse_amount(amount)
    sender = acting_address(call)
    message = MsgSend(from_address=sender, to_address=recipient, amount=[Coin(denom="ngonka", amount=str(ngonka))])
    draft = Draft(
        what=f"send {format_gnk(ngonka)} to {recipient}",
        messages=(message,),
        effects=(f"{format_gnk(ngonka)} moves from the balance of {sender} to that of {recipient}",),
        warnings=("a transfer cannot be called back",),
    )
    submit(call, draft)


@group.command()
@click.argument("tx_hash", metavar="HASH")
@reads
def show(call: Call, tx_hash: str) -> None:
    """A transaction in a block: what it did, or why it failed."""
    from commands.txfile import describe_tx

    result, tx = ask(call, lambda ledger: _read(ledger, tx_hash.upper()))
    call.emit({**_describe_result(result), **describe_tx(tx)})


@group.command(short_help="What a transaction says, and who has to sign it.")
@click.argument("file", type=click.File("rb"))
@local
def decode(call: Call, file: BinaryIO) -> None:
    """What a transaction in FILE (- for stdin) says, and who still has to sign it.

    Raw bytes, hex, base64 and Cosmos JSON are read.
    """
    from commands.txfile import LARGEST_FILE, describe_tx, parse_tx

    call.emit(describe_tx(parse_tx(file.read(LARGEST_FILE + 1))))


async def _read(ledger: Ledger, tx_hash: str) -> tuple[TxResult, Tx]:
    """Result and contents of a transaction.  Raises not_found, tx_hash_invalid."""
    from chain_client.cosmos import read_result

    from cosmos.tx.v1beta1.service_pb2 import GetTxRequest, GetTxResponse

    if len(tx_hash) != 64 or not set(tx_hash) <= set("0123456789ABCDEF"):
        raise PermanentError("tx_hash_invalid", f"{tx_hash!r} is no hash")
    reply = await ledger.query("/cosmos.tx.v1beta1.Service/GetTx", GetTxRequest(hash=tx_hash), GetTxResponse)
    return read_result(reply.tx_response), reply.tx


def _describe_result(result: TxResult) -> dict[str, Json]:
    return {
        "tx_hash": result.tx_hash,
        "height": result.height,
        "applied": result.is_applied,
        "error": {"code": result.rule, "log": result.log} if result.code else None,
        "gas_used": result.gas_used,
        "events": [f"{event.kind}: {_join(event.attributes)}" for event in result.events],
    }


def _join(attributes: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in attributes)
