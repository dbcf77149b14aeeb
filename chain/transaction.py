"""A transaction as it is read from its bytes, before any state is looked at."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.any_pb2 import Any

from chain.modules.bank.coins import read_amount
from chain.modules.handler import Handler, Order, parse_strict, read_order
from rules.addresses import decode_address
from rules.errors import RuleError

from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, SignerInfo, TxBody, TxRaw

KEPT_BYTES: Final = 32 << 20
MAX_GAS: Final = 2**63 - 1
"""What a result can say of gas."""
_PUB_KEY_URL: Final = f"/{PubKey.DESCRIPTOR.full_name}"


@dataclass(frozen=True, slots=True)
class Signer:
    """One signer: account, the compressed key it gave (b"" to use the account's), sequence, signature.

    `mode` is a SignMode, of which only a simulation may have any.
    """

    address: bytes
    public_key: bytes
    sequence: int
    signature: bytes
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What a TxRaw says.

    `hash` is the SHA-256 of its `size` bytes; `gas` is what its orders cost; `duty` when all of them are duties,
    `pressing` when one of these is not patient; `fee` in ngonka; `timeout_height` 0 for none.
    """

    hash: bytes
    size: int
    body: bytes
    auth_info: bytes
    orders: tuple[Order, ...]
    signers: tuple[Signer, ...]
    payer: bytes
    fee: int
    gas_limit: int
    gas: int
    duty: bool
    pressing: bool
    memo: str
    timeout_height: int


class TransactionReader:
    """Reads transactions, and remembers the last KEPT_BYTES of them: each is read before a block and in it."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._known: OrderedDict[bytes, Transaction] = OrderedDict()
        self._known_bytes = 0

    def read(self, tx: bytes) -> Transaction:
        """The transaction in the bytes of a TxRaw.  Raises: RuleError as `read_transaction` does."""
        tx_hash = hashlib.sha256(tx).digest()
        found = self._known.get(tx_hash)
        if found is not None:
            return found
        read = self._known[tx_hash] = read_transaction(tx, self._handlers)
        self._known_bytes += read.size
        while self._known_bytes > KEPT_BYTES:
            _, oldest = self._known.popitem(last=False)
            self._known_bytes -= oldest.size
        return read


def read_transaction(tx: bytes, handlers: Mapping[str, Handler]) -> Transaction:
    """The transaction in the bytes of a TxRaw.

    Raises: RuleError `tx_malformed` for bytes that are not the one encoding of a TxRaw, unknown fields at any depth,
    and options that this chain does not have; `signature_invalid` for other signers than the messages ask for;
    `message_unknown`, `params_wrong_message`, `address_invalid`, `amount_invalid`.
    """
    raw = parse_strict(TxRaw, tx)
    if raw.SerializeToString(deterministic=True) != tx:
        raise RuleError("tx_malformed", "the TxRaw is not canonical")
    body, auth = parse_strict(TxBody, raw.body_bytes), parse_strict(AuthInfo, raw.auth_info_bytes)
    _check_options(body, auth)
    orders = tuple([read_order(packed, handlers) for packed in body.messages])
    duty = all(order.duty for order in orders)
    if duty:
        _check_exact(raw, body, orders)
    addresses = _read_addresses(orders, auth.fee.payer)
    return Transaction(
        hash=hashlib.sha256(tx).digest(),
        size=len(tx),
        body=raw.body_bytes,
        auth_info=raw.auth_info_bytes,
        orders=orders,
        signers=_read_signers(addresses, auth.signer_infos, raw.signatures),
        payer=decode_address(auth.fee.payer) if auth.fee.payer else addresses[0],
        fee=read_amount(auth.fee.amount) if auth.fee.amount else 0,
        gas_limit=auth.fee.gas_limit,
        gas=sum(order.gas for order in orders),
        duty=duty,
        pressing=duty and not all(order.patient for order in orders),
        memo=body.memo,
        timeout_height=body.timeout_height,
    )


def _check_exact(raw: TxRaw, body: TxBody, orders: Sequence[Order]) -> None:
    """A duty pays for no byte, so it has no more of them than what it says: protobuf would let anybody write a field so
    often that a few claims fill every block of a window.
    """
    if body.SerializeToString(deterministic=True) != raw.body_bytes or not all(order.exact for order in orders):
        raise RuleError("tx_malformed", "a transaction that pays no fee is taken in its canonical encoding only")


def _check_options(body: TxBody, auth: AuthInfo) -> None:
    present = {
        "extension options": body.extension_options or body.non_critical_extension_options,
        "unordered transactions": body.unordered,
        "time-out times": body.HasField("timeout_timestamp"),
        "tips": auth.HasField("tip"),
        "fee grants": auth.fee.granter,
        "gas beyond 63 bits": auth.fee.gas_limit > MAX_GAS,
    }
    for what, found in present.items():
        if found:
            raise RuleError("tx_malformed", f"this chain has no {what}")
    if not body.messages:
        raise RuleError("tx_malformed", "the transaction has no message")


def _read_addresses(orders: Sequence[Order], payer: str) -> tuple[bytes, ...]:
    """Who must sign, in order: the messages' signers, then the payer of the fee."""
    addresses = dict.fromkeys(address for order in orders for address in order.signers)
    if payer:
        addresses[decode_address(payer)] = None
    return tuple(addresses)


def _read_signers(
    addresses: Sequence[bytes], infos: Sequence[SignerInfo], signatures: Sequence[bytes]
) -> tuple[Signer, ...]:
    if not len(addresses) == len(infos) == len(signatures):
        detail = f"{len(addresses)} must sign; there are {len(infos)} signers and {len(signatures)} signatures"
        raise RuleError("signature_invalid", detail)
    return tuple(
        Signer(
            address=address,
            public_key=_read_public_key(info.public_key) if info.HasField("public_key") else b"",
            sequence=info.sequence,
            signature=signature,
            mode=info.mode_info.single.mode,
        )
        for address, info, signature in zip(addresses, infos, signatures, strict=True)
    )


def _read_public_key(packed: Any) -> bytes:
    if packed.type_url != _PUB_KEY_URL:
        raise RuleError("signature_invalid", f"the key is {packed.type_url[:80]!r}, only secp256k1 is taken")
    return bytes(parse_strict(PubKey, packed.value).key)
