"""Vouchers, tickets and signed receipts between their messages and their records, signed and checked.

A message is read back before it is believed: an account has one text, and nothing unknown rides along.
"""

from __future__ import annotations

from coincurve import PublicKey

from rules.addresses import decode_address, encode_address
from rules.errors import RuleError
from rules.receipts import SignedReceipt, receipt_message
from rules.types import Host
from rules.vouchers import Price, Terms, Ticket, Tokens, Voucher, ticket_message, voucher_message
from wire.codec import check_known
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import receipt_pb2
from wire.signing import sign_digest, verify_digest


def sign_voucher(secret: bytes, voucher: Voucher) -> pb.Voucher:
    """The message of a voucher, signed with the escrow's 32-byte voucher secret."""
    return pb.Voucher(
        chain_id=voucher.chain_id,
        escrow_id=voucher.escrow_id,
        host=encode_address(voucher.host),
        model_id=voucher.model_id,
        serial=voucher.serial,
        tokens_in=voucher.tokens.tokens_in,
        tokens_out=voucher.tokens.tokens_out,
        amount_ngonka=voucher.amount_ngonka,
        signature=sign_digest(secret, voucher_message(voucher)),
    )


def sign_ticket(secret: bytes, ticket: Ticket) -> pb.Ticket:
    """The message of a ticket, signed with the escrow's 32-byte voucher secret."""
    return pb.Ticket(
        chain_id=ticket.chain_id,
        escrow_id=ticket.escrow_id,
        host=encode_address(ticket.host),
        model_id=ticket.model_id,
        request=ticket.request,
        developer_nonce=ticket.developer_nonce,
        body_hash=ticket.body_hash,
        signature=sign_digest(secret, ticket_message(ticket)),
    )


def read_voucher(message: pb.Voucher, voucher_key: bytes) -> Voucher:
    """The voucher that the key (33 bytes, compressed) signed.

    Raises: RuleError `signature_invalid`, `address_invalid`, `tx_malformed`.
    """
    check_known(message)
    voucher = Voucher(
        chain_id=message.chain_id,
        escrow_id=message.escrow_id,
        host=_read_host(message.host),
        model_id=message.model_id,
        serial=message.serial,
        tokens=Tokens(tokens_in=message.tokens_in, tokens_out=message.tokens_out),
        amount_ngonka=message.amount_ngonka,
    )
    _check_signature(voucher_key, message.signature, voucher_message(voucher))
    return voucher


def read_ticket(message: pb.Ticket, voucher_key: bytes) -> Ticket:
    """The ticket that the key (33 bytes, compressed) signed.

    Raises: RuleError `signature_invalid`, `address_invalid`, `tx_malformed`, also for a nonce or hash of another length
    than 32 bytes.
    """
    check_known(message)
    if len(message.developer_nonce) != 32 or len(message.body_hash) != 32:
        raise RuleError("tx_malformed", "a ticket's nonce and hash are 32 bytes each")
    ticket = Ticket(
        chain_id=message.chain_id,
        escrow_id=message.escrow_id,
        host=_read_host(message.host),
        model_id=message.model_id,
        request=message.request,
        developer_nonce=message.developer_nonce,
        body_hash=message.body_hash,
    )
    _check_signature(voucher_key, message.signature, ticket_message(ticket))
    return ticket


def sign_receipt(secret: bytes, signed: SignedReceipt) -> receipt_pb2.SignedReceipt:
    """The message of a receipt, signed with the host's 32-byte serving secret."""
    return receipt_pb2.SignedReceipt(
        chain_id=signed.chain_id,
        escrow_id=signed.escrow_id,
        host=encode_address(signed.host),
        request=signed.request,
        after_serial=signed.after_serial,
        receipt=signed.receipt,
        signature=sign_digest(secret, receipt_message(signed)),
    )


def read_receipt(message: receipt_pb2.SignedReceipt, serving_key: bytes) -> SignedReceipt:
    """The receipt that the serving key (33 bytes, compressed) signed.

    Raises: RuleError `signature_invalid`, `address_invalid`, `tx_malformed`, also for a receipt of another length than
    32 bytes.
    """
    check_known(message)
    if len(message.receipt) != 32:
        raise RuleError("tx_malformed", "a receipt is 32 bytes")
    signed = SignedReceipt(
        chain_id=message.chain_id,
        escrow_id=message.escrow_id,
        host=_read_host(message.host),
        request=message.request,
        after_serial=message.after_serial,
        receipt=message.receipt,
    )
    if not verify_digest(serving_key, message.signature, receipt_message(signed)):
        raise RuleError("signature_invalid", "not signed by the host's serving key")
    return signed


def find_reserve(escrow: pb.Escrow, host: str) -> pb.Reserve:
    """A host's part of an escrow, which changes with it.  Raises: RuleError `voucher_foreign`."""
    for reserve in escrow.reserves:
        if reserve.host == host:
            return reserve
    raise RuleError("voucher_foreign", f"{host[:90]!r} is not in the group of escrow {escrow.escrow_id}", field="host")


def read_terms(chain_id: str, escrow: pb.Escrow, host: Host, credit_tokens: int) -> Terms:
    """What an escrow, as the chain shows it, promises a host.  Raises: RuleError `voucher_foreign`."""
    return Terms(
        chain_id=chain_id,
        escrow_id=escrow.escrow_id,
        host=host,
        model_id=escrow.model_id,
        price=Price(in_ngonka=escrow.price_in_ngonka, out_ngonka=escrow.price_out_ngonka),
        reserve_ngonka=find_reserve(escrow, encode_address(host)).reserve_ngonka,
        credit_tokens=credit_tokens,
    )


def is_public_key(key: bytes) -> bool:
    """Whether these are the 33 bytes of a compressed secp256k1 key, and a point of the curve."""
    try:
        return len(key) == 33 and PublicKey(key).format() == key
    except ValueError:
        return False


def _read_host(text: str) -> Host:
    host = decode_address(text)
    if encode_address(host) != text:
        raise RuleError("address_invalid", f"{text} is not in lower case")
    return Host(host)


def _check_signature(voucher_key: bytes, signature: bytes, digest: bytes) -> None:
    if not verify_digest(voucher_key, signature, digest):
        raise RuleError("signature_invalid", "not signed by the escrow's voucher key")
