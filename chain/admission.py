"""What every transaction passes before its messages are applied: size, memo, time-out, gas, fee, keys, signatures.

`admit` then takes the fee and advances the sequences.  They stay taken when a message fails.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from chain.context import Context
from chain.modules.auth.state import Account, get_account, set_account
from chain.modules.bank.messages import transfer
from chain.modules.bank.state import DENOM
from chain.modules.handler import pack_any
from chain.transaction import Signer, Transaction
from rules.addresses import address_from_pubkey, encode_address, module_address
from rules.errors import RuleError
from rules.params import TxParams
from wire.amino import encode_amino
from wire.signing import verify, verify_direct

from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.signing.v1beta1.signing_pb2 import SIGN_MODE_DIRECT, SIGN_MODE_LEGACY_AMINO_JSON
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody

FEES: Final = module_address("fees")
"""Where fees wait for the next SETTLE."""
KEPT_SIGNATURES: Final = 1 << 16
SIGNER_BYTES: Final = 256
"""What a signer takes at most, twice as much as any needs, and the fee as much again."""
MAX_DUTY_GAS: Final = 1_000_000
"""What the messages of a transaction that pays no fee come to at most; its bytes come on top of it."""


class Mode(Enum):
    """What a transaction is admitted to: a block, or a trial that needs neither fee, gas limit nor signature."""

    DELIVER = 1
    SIMULATE = 2


@dataclass(slots=True)
class KnownSignatures:
    """The transactions whose signatures were found good, with the keys and account numbers that they were checked by.

    The oldest go first, above KEPT_SIGNATURES.
    """

    _known: OrderedDict[bytes, tuple[tuple[bytes, int], ...]] = field(default_factory=OrderedDict)

    def has(self, tx: Transaction, accounts: Sequence[Account]) -> bool:
        """True when the same transaction was checked against the same keys and numbers."""
        return self._known.get(tx.hash) == _keys_of(accounts)

    def add(self, tx: Transaction, accounts: Sequence[Account]) -> None:
        """Remember that the signatures are good."""
        self._known[tx.hash] = _keys_of(accounts)
        if len(self._known) > KEPT_SIGNATURES:
            self._known.popitem(last=False)


def _keys_of(accounts: Sequence[Account]) -> tuple[tuple[bytes, int], ...]:
    return tuple([(account.public_key, account.number) for account in accounts])


def compute_gas(tx: Transaction, params: TxParams) -> int:
    """The gas a transaction needs: its body's bytes, its signatures, its messages.

    What signing adds is not weighed, so that a simulation, which has no signature and no fee, gives the same number; it
    is bounded by SIGNER_BYTES.
    """
    return len(tx.body) * params.gas_per_byte + len(tx.signers) * params.gas_per_signature + tx.gas


def compute_least_fee(gas_limit: int, params: TxParams) -> int:
    """The least fee in ngonka for a gas limit, rounded up."""
    return -(-gas_limit * params.min_fee_ngonka_per_kgas // 1000)


def check_size(size: int, params: TxParams) -> None:
    """Raises RuleError `tx_too_large`."""
    if size > params.max_tx_bytes:
        raise RuleError("tx_too_large", f"{size} bytes, the limit is {params.max_tx_bytes}", size=size)


def admit(ctx: Context, tx: Transaction, params: TxParams, known: KnownSignatures, mode: Mode = Mode.DELIVER) -> None:
    """Check a transaction against the state, take its fee and advance its signers' sequences.

    Raises: RuleError, after which its writes must be dropped.
    """
    check_size(tx.size, params)
    _check_memo(tx, params)
    _check_timeout(tx, ctx.height)
    _check_signature_count(tx, params)
    _check_signer_bytes(tx)
    _check_work(tx, params)
    if mode is Mode.DELIVER:
        _check_gas(tx, params)
        _check_fee(tx, params)
    accounts = [_read_account(ctx, signer) for signer in tx.signers]
    if mode is Mode.DELIVER:
        _check_sequences(tx, accounts)
    if mode is Mode.DELIVER and not known.has(tx, accounts):
        _check_signatures(tx, accounts, ctx.chain_id)
        known.add(tx, accounts)
    _take_fee(ctx, tx)
    for signer, account in zip(tx.signers, accounts, strict=True):
        set_account(ctx.store, signer.address, Account(account.number, account.sequence + 1, account.public_key))
        ctx.emit("tx", acc_seq=f"{encode_address(signer.address)}/{account.sequence}")


def _check_memo(tx: Transaction, params: TxParams) -> None:
    size = len(tx.memo.encode())
    if size > params.max_memo_bytes:
        raise RuleError("memo_too_large", f"{size} bytes, the limit is {params.max_memo_bytes}", size=size)


def _check_timeout(tx: Transaction, height: int) -> None:
    if tx.timeout_height and height > tx.timeout_height:
        detail = f"valid to height {tx.timeout_height}, this is {height}"
        raise RuleError("tx_timed_out", detail, timeout_height=tx.timeout_height, height=height)


def _check_signature_count(tx: Transaction, params: TxParams) -> None:
    if len(tx.signers) > params.max_signatures:
        detail = f"{len(tx.signers)} signers, the limit is {params.max_signatures}"
        raise RuleError("signature_invalid", detail, signers=len(tx.signers))


def _check_signer_bytes(tx: Transaction) -> None:
    """What no gas is taken for must be short: protobuf lets anybody write a key as often as a block has room for it."""
    most = SIGNER_BYTES * (1 + len(tx.signers))
    if len(tx.auth_info) > most:
        detail = f"{len(tx.auth_info)} bytes of signers and fee, the limit is {most}"
        raise RuleError("tx_too_large", detail, size=len(tx.auth_info))


def _check_work(tx: Transaction, params: TxParams) -> None:
    """Nobody's node works on more than a block has room for, simulated or not, nor for long where nothing is paid: a
    duty is applied before it waits, and one that fails last may be sent again and again.
    """
    needed = compute_gas(tx, params)
    if needed > params.max_block_gas:
        raise RuleError("out_of_gas", f"a block has {params.max_block_gas}, it needs {needed}", needed=needed)
    if tx.duty and tx.gas > MAX_DUTY_GAS:
        detail = f"{tx.gas} for its messages, duties in one transaction have {MAX_DUTY_GAS}"
        raise RuleError("out_of_gas", detail, needed=tx.gas)


def _check_gas(tx: Transaction, params: TxParams) -> None:
    needed = compute_gas(tx, params)
    if tx.gas_limit < needed:
        raise RuleError("out_of_gas", f"needs {needed}, the limit is {tx.gas_limit}", needed=needed)
    if tx.gas_limit > params.max_block_gas:
        raise RuleError("out_of_gas", f"a block has {params.max_block_gas}, the limit is {tx.gas_limit}", needed=needed)


def _check_fee(tx: Transaction, params: TxParams) -> None:
    least = 0 if tx.duty else compute_least_fee(tx.gas_limit, params)
    if tx.fee < least:
        detail = f"{tx.fee} {DENOM} for {tx.gas_limit} gas, the least is {least} {DENOM}"
        raise RuleError("fee_too_low", detail, fee=tx.fee, least=least)


def _read_account(ctx: Context, signer: Signer) -> Account:
    """The signer's account, with the key that must have signed."""
    account = get_account(ctx.store, signer.address)
    if account is None:
        raise RuleError("account_unknown", encode_address(signer.address))
    if account.public_key:
        if signer.public_key not in {b"", account.public_key}:
            raise RuleError("signature_invalid", "another key than the account's")
        return account
    if not signer.public_key:
        raise RuleError("signature_invalid", "the account has no key yet: its first transaction must carry it")
    if address_from_pubkey(signer.public_key) != signer.address:
        raise RuleError("signature_invalid", f"the key is not that of {encode_address(signer.address)}")
    return Account(account.number, account.sequence, signer.public_key)


def _check_sequences(tx: Transaction, accounts: Sequence[Account]) -> None:
    for signer, account in zip(tx.signers, accounts, strict=True):
        if signer.sequence != account.sequence:
            detail = f"account sequence mismatch, expected {account.sequence}, got {signer.sequence}"
            raise RuleError("sequence_mismatch", detail, expected=account.sequence, got=signer.sequence)


def _check_signatures(tx: Transaction, accounts: Sequence[Account], chain_id: str) -> None:
    for signer, account in zip(tx.signers, accounts, strict=True):
        if not _is_signed(tx, signer, account, chain_id):
            detail = f"chain {chain_id}, account {account.number}, sequence {account.sequence}"
            raise RuleError("signature_invalid", detail, account_number=account.number, sequence=account.sequence)


def _is_signed(tx: Transaction, signer: Signer, account: Account, chain_id: str) -> bool:
    """Whether the signature is good in the signer's mode."""
    key = account.public_key
    if signer.mode == SIGN_MODE_DIRECT:
        return verify_direct(key, signer.signature, tx.body, tx.auth_info, chain_id, account.number)
    if signer.mode != SIGN_MODE_LEGACY_AMINO_JSON:
        raise RuleError("signature_invalid", "only SIGN_MODE_DIRECT and SIGN_MODE_LEGACY_AMINO_JSON are taken")
    body, auth_info = TxBody.FromString(tx.body), AuthInfo.FromString(tx.auth_info)
    for message, encoded in ((body, tx.body), (auth_info, tx.auth_info)):
        if message.SerializeToString(deterministic=True) != encoded:
            raise RuleError("tx_malformed", "amino JSON signs no bytes, so these must be the canonical ones")
    for info, given in zip(auth_info.signer_infos, tx.signers, strict=True):
        if info.public_key != pack_any(PubKey(key=given.public_key)):
            raise RuleError("tx_malformed", "amino JSON signs no keys, so each signer must give its own, once")
    return verify(key, signer.signature, encode_amino(body, auth_info.fee, chain_id, account.number, signer.sequence))


def _take_fee(ctx: Context, tx: Transaction) -> None:
    if tx.fee:
        transfer(ctx, tx.payer, FEES, tx.fee)
        ctx.emit("tx", fee=f"{tx.fee}{DENOM}", fee_payer=encode_address(tx.payer))
