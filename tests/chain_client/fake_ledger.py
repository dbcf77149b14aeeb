"""A chain in memory that admits and applies transactions as a real one does, block by block, when it is told to."""

from __future__ import annotations

from dataclasses import dataclass, field

from chain_client.errors import PermanentError
from chain_client.ledger import Account, Block, GasPrice, Receipt, TxResult
from rules.addresses import address_from_pubkey, encode_address
from wire.errors import CODES
from wire.signing import verify_direct

from cosmos.crypto.secp256k1.keys_pb2 import PubKey
from cosmos.tx.v1beta1.tx_pb2 import AuthInfo, TxBody, TxRaw

NUMBERS = {code: number for number, code in CODES.items()}
CHAIN_ID = "gonka-fake"


@dataclass
class FakeLedger:
    """Implements Ledger.  `applied` lists the memos of applied transactions in order.

    `refused_memos` are refused when broadcast, `failing_memos` fail in their block, `lag` delays the listing of a
    block's transactions by so many blocks, `mempool_size` bounds the queue.
    """

    height: int = 10
    sequences: dict[str, int] = field(default_factory=dict)
    applied: list[str] = field(default_factory=list)
    queue: list[bytes] = field(default_factory=list)
    results: dict[str, TxResult] = field(default_factory=dict)
    refused_memos: dict[str, str] = field(default_factory=dict)
    failing_memos: dict[str, str] = field(default_factory=dict)
    lag: int = 0
    mempool_size: int = 100
    broadcasts: list[bytes] = field(default_factory=list)

    def next_block(self) -> None:
        """Apply what waits, as far as it is still valid."""
        self.height += 1
        waiting, self.queue = self.queue, []
        for tx in waiting:
            if self._refusal(tx, self.sequences) is None:
                self._apply(tx)

    def _apply(self, tx: bytes) -> None:
        address, _, memo = _read(tx)
        self.sequences[address] = self.sequences.get(address, 0) + 1
        rule = self.failing_memos.get(memo, "")
        if not rule:
            self.applied.append(memo)
        self.results[_hash(tx)] = TxResult(
            tx_hash=_hash(tx), height=self.height, code=NUMBERS[rule] if rule else 0, rule=rule, log=rule
        )

    def _refusal(self, tx: bytes, sequences: dict[str, int]) -> str | None:
        address, sequence, memo = _read(tx)
        raw = TxRaw.FromString(tx)
        key = PubKey.FromString(AuthInfo.FromString(raw.auth_info_bytes).signer_infos[0].public_key.value).key
        timeout = TxBody.FromString(raw.body_bytes).timeout_height
        if not verify_direct(key, raw.signatures[0], raw.body_bytes, raw.auth_info_bytes, CHAIN_ID, 7):
            return "signature_invalid"
        if timeout and self.height > timeout:
            return "tx_timed_out"
        if sequence != sequences.get(address, 0):
            return "sequence_mismatch"
        return self.refused_memos.get(memo)

    async def latest(self) -> Block:
        return Block(chain_id=CHAIN_ID, height=self.height, time_s=self.height)

    async def account(self, address: str) -> Account:
        return Account(address=address, number=7, sequence=self.sequences.get(address, 0))

    async def broadcast(self, tx: bytes) -> Receipt:
        self.broadcasts.append(tx)
        rule = self._check(tx)
        if not rule:
            self.queue.append(tx)
        return Receipt(tx_hash=_hash(tx), code=NUMBERS[rule] if rule else 0, rule=rule, log=rule)

    def _check(self, tx: bytes) -> str:
        if tx in self.queue:
            return "tx_duplicate"
        if len(self.queue) >= self.mempool_size:
            return "mempool_full"
        pending = dict(self.sequences)
        for waiting in self.queue:
            pending[_read(waiting)[0]] = pending.get(_read(waiting)[0], 0) + 1
        return self._refusal(tx, pending) or ""

    async def find(self, tx_hash: str) -> TxResult | None:
        result = self.results.get(tx_hash)
        return result if result and result.height + self.lag <= self.height else None

    async def query(self, method: str, request: object, answer: object, *, height: int = 0) -> object:
        raise PermanentError("request_invalid", method)

    async def simulate(self, tx: bytes) -> int:
        return 1_000

    async def gas_price(self) -> GasPrice:
        return GasPrice(numerator=1, denominator=1, denom="ngonka")


def _read(tx: bytes) -> tuple[str, int, str]:
    """Address, sequence and memo."""
    raw = TxRaw.FromString(tx)
    signer = AuthInfo.FromString(raw.auth_info_bytes).signer_infos[0]
    key = PubKey.FromString(signer.public_key.value).key
    return encode_address(address_from_pubkey(key)), signer.sequence, TxBody.FromString(raw.body_bytes).memo


def _hash(tx: bytes) -> str:
    from hashlib import sha256

    return sha256(tx).hexdigest().upper()
