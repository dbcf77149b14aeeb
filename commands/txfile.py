"""A transaction from a file, in words: what, who, fee, and which signatures are still missing."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from chain.modules.handler import get_signers
from chain_client.errors import PermanentError
from commands.amounts import format_gnk
from commands.messages import describe_any, unpack_any
from commands.output import Json
from rules.addresses import address_from_pubkey, encode_address
from rules.errors import RuleError

from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.signing.v1beta1.signing_pb2 import SignMode
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, SignerInfo, Tx, TxBody, TxRaw

LARGEST_FILE: Final = 16 << 20


def parse_tx(content: bytes) -> Tx:
    """The transaction in raw bytes, hex, base64 or Cosmos JSON.  Raises tx_undecodable."""
    if len(content) > LARGEST_FILE:
        raise PermanentError("tx_undecodable", f"the file is larger than {LARGEST_FILE} bytes")
    text = content.strip()
    if text.startswith(b"{"):
        return _parse_json(text)
    for candidate in (_decode_hex(text), _decode_base64(text), content):
        tx = _parse_raw(candidate)
        if tx is not None:
            return tx
    raise PermanentError("tx_undecodable", "no transaction, neither raw nor in hex, base64 or JSON")


def describe_tx(tx: Tx) -> dict[str, Json]:
    """Messages, required signers with the state of their signatures, fee, memo and last height."""
    signers = _required_signers(tx)
    fee = tx.auth_info.fee
    return {
        "messages": [describe_any(packed) for packed in tx.body.messages],
        "signers": [_describe_signer(tx, position, address) for position, address in enumerate(signers)],
        "complete": bool(signers) and all(_is_signed(tx, position) for position in range(len(signers))),
        "fee": [_describe_coin(coin.amount, coin.denom) for coin in fee.amount],
        "fee_payer": fee.payer or (signers[0] if signers else None),
        "gas_limit": fee.gas_limit,
        "memo": tx.body.memo or None,
        "last_height": tx.body.timeout_height or None,
    }


def _required_signers(tx: Tx) -> list[str]:
    """The accounts that the messages name as signers, each once, in order; an unknown message names none."""
    addresses: dict[str, None] = {}
    for packed in tx.body.messages:
        try:
            addresses.update((encode_address(address), None) for address in get_signers(unpack_any(packed)))
        except RuleError:
            continue
    if tx.auth_info.fee.payer:
        addresses[tx.auth_info.fee.payer] = None
    return list(addresses)


def _describe_signer(tx: Tx, position: int, address: str) -> dict[str, Json]:
    if position >= len(tx.auth_info.signer_infos):
        return {"address": address, "signature": "missing", "sequence": None, "key": "not given", "mode": None}
    info = tx.auth_info.signer_infos[position]
    return {
        "address": address,
        "signature": "present" if _is_signed(tx, position) else "missing",
        "sequence": info.sequence,
        "key": _describe_key(info, address),
        "mode": SignMode.Name(info.mode_info.single.mode) if info.mode_info.HasField("single") else "several keys",
    }


def _describe_key(info: SignerInfo, address: str) -> str:
    if not info.HasField("public_key"):
        return "the account's"
    key = PubKey()
    try:
        if info.public_key.Unpack(key) and encode_address(address_from_pubkey(key.key)) == address:
            return "the signer's"
    except (RuleError, DecodeError):
        pass
    return "another account's"


def _is_signed(tx: Tx, position: int) -> bool:
    return position < len(tx.signatures) and bool(tx.signatures[position])


def _describe_coin(amount: str, denom: str) -> str:
    return (
        format_gnk(int(amount)) if denom == "ngonka" and amount.isascii() and amount.isdigit() else f"{amount}{denom}"
    )


def _parse_raw(content: bytes | None) -> Tx | None:
    if not content:
        return None
    try:
        raw = TxRaw.FromString(content)
        body, auth_info = TxBody.FromString(raw.body_bytes), AuthInfo.FromString(raw.auth_info_bytes)
    except DecodeError:
        return None
    return Tx(body=body, auth_info=auth_info, signatures=raw.signatures) if body.messages else None


def _parse_json(text: bytes) -> Tx:
    from commands.messages import load_messages

    load_messages()
    try:
        return json_format.Parse(text, Tx())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise PermanentError("tx_undecodable", f"the JSON is no transaction: {error}") from error


def _decode_hex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None


def _decode_base64(text: bytes) -> bytes | None:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return None
