"""Sending money from account to account."""

from __future__ import annotations

from chain.context import Context
from chain.modules.bank.coins import read_amount
from chain.modules.bank.state import DENOM, send
from chain.modules.handler import Handler
from rules.addresses import decode_address, encode_address, module_address
from rules.errors import RuleError

from cosmos.bank.v1beta1.tx_pb2 import MsgMultiSend, MsgMultiSendResponse, MsgSend, MsgSendResponse

MODULE_NAMES = ("bonds", "deposits", "fees", "gov", "inference", "pool", "rewards", "stake")
"""Accounts that only the modules themselves move money into."""
_MODULES = {module_address(name): name for name in MODULE_NAMES}
_SENT = MsgSendResponse()


def transfer(ctx: Context, sender: bytes, recipient: bytes, amount: int) -> None:
    """Move `amount` and say so in Cosmos's events.  Raises: RuleError `insufficient_funds`."""
    send(ctx.store, sender, recipient, amount)
    source, target, coins = encode_address(sender), encode_address(recipient), f"{amount}{DENOM}"
    ctx.emit("coin_spent", spender=source, amount=coins)
    ctx.emit("coin_received", receiver=target, amount=coins)
    ctx.emit("transfer", recipient=target, sender=source, amount=coins)


def apply_send(ctx: Context, message: MsgSend) -> MsgSendResponse:
    """Send from one account to another, which is made where it does not exist."""
    sender, recipient = decode_address(message.from_address), _read_recipient(message.to_address)
    transfer(ctx, sender, recipient, read_amount(message.amount))
    return _SENT


def apply_multi_send(ctx: Context, message: MsgMultiSend) -> MsgMultiSendResponse:
    """Send from one account to several; what goes in must come out."""
    if len(message.inputs) != 1 or not message.outputs:
        raise RuleError("request_invalid", "one input and at least one output are taken")
    sender, total = decode_address(message.inputs[0].address), read_amount(message.inputs[0].coins)
    outputs = [(_read_recipient(output.address), read_amount(output.coins)) for output in message.outputs]
    paid = sum(amount for _, amount in outputs)
    if paid != total:
        raise RuleError("amount_invalid", f"the input is {total}, the outputs are {paid}", input=total, outputs=paid)
    for recipient, amount in outputs:
        transfer(ctx, sender, recipient, amount)
    return MsgMultiSendResponse()


def _read_recipient(text: str) -> bytes:
    recipient = decode_address(text)
    if recipient in _MODULES:
        raise RuleError("unauthorized", f"the account of module {_MODULES[recipient]} takes no transfers")
    return recipient


HANDLERS = (
    Handler(message=MsgSend, apply=apply_send, gas=20_000),
    Handler(message=MsgMultiSend, apply=apply_multi_send, gas=20_000, each="outputs"),
)
