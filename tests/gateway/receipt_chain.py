"""A chain that knows epochs, settled vouchers and shown receipts, and takes MsgShowReceipt alone; by rules.receipts.

It stands for the Ledger where a test wants to choose when epochs end and what a host settles.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from chain_client.errors import PermanentError
from chain_client.ledger import Account, Block, GasPrice, Receipt, TxResult
from rules.errors import RuleError
from rules.receipts import SHOWN_EPOCHS, Settling, find_settling
from tests.gateway.stub_host import StubHost
from wire.gonka.inference.v1 import inference_pb2 as pb
from wire.gonka.inference.v1 import query_pb2, receipt_pb2
from wire.gonka.sprint.v1.query_pb2 import EpochStatus, QueryEpochResponse
from wire.vouchers import read_receipt

from cosmos.tx.v1beta1.tx_pb2 import Tx, TxBody, TxRaw

CHAIN_ID = "test-1"
FIRST_EPOCH = 3


@dataclass(slots=True, kw_only=True)
class ReceiptChain:
    """`serving_keys` are by host; `dies` cancels whoever broadcasts, before or after the transaction is taken."""

    serving_keys: dict[str, bytes]
    epoch: int = FIRST_EPOCH
    height: int = 10
    sequence: int = 0
    settled: list[pb.Settled] = field(default_factory=list)
    showings: list[receipt_pb2.Showing] = field(default_factory=list)
    shown: list[receipt_pb2.MsgShowReceipt] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    forgotten: set[int] = field(default_factory=set)
    results: dict[str, TxResult] = field(default_factory=dict)
    dies: str = ""
    queries: int = 0

    def settle(self, host: StubHost) -> None:
        """A host settles its newest voucher."""
        self.settled.append(host.settle(self.epoch))

    def end_epoch(self) -> None:
        """SETTLE judges what was shown in the epoch before, and the next epoch begins."""
        self.showings = [showing for showing in self.showings if showing.epoch >= self.epoch]
        self.epoch += 1
        self.settled = [settled for settled in self.settled if self.epoch - settled.epoch <= SHOWN_EPOCHS]

    # ---- the Ledger ------------------------------------------------------------------------------------------------

    async def latest(self) -> Block:
        """One block for each look."""
        self.height += 1
        return Block(chain_id=CHAIN_ID, height=self.height, time_s=self.height)

    async def account(self, address: str) -> Account:
        """The developer's."""
        return Account(address=address, number=1, sequence=self.sequence)

    async def query(self, method: str, request: Any, answer: type[Any], *, height: int = 0) -> Any:
        """The four queries that a gateway needs for receipts."""
        assert height
        self.queries += 1
        if issubclass(answer, QueryEpochResponse):
            return QueryEpochResponse(chain_id=CHAIN_ID, status=EpochStatus(epoch=self.epoch))
        if method.endswith("/Escrow"):
            return query_pb2.QueryEscrowResponse(escrow=self._find_escrow(request.escrow_id))
        if method == "/gonka.inference.v1.ReceiptQuery/Settled":
            return receipt_pb2.QuerySettledResponse(settled=self._list_settled(request.escrow_id, request.host))
        assert method == "/gonka.inference.v1.ReceiptQuery/Showings"
        found = [s for s in self.showings if s.receipt.host == request.host]
        return receipt_pb2.QueryShowingsResponse(epoch=self.epoch, showings=found)

    async def simulate(self, tx: bytes) -> int:
        """What it would be refused for."""
        try:
            self._check(_read_message(tx))
        except RuleError as error:
            raise PermanentError(error.code, error.detail) from error
        return 50_000

    async def broadcast(self, tx: bytes) -> Receipt:
        """In a block at once."""
        tx_hash = hashlib.sha256(tx).hexdigest().upper()
        if self.dies == "before":
            raise asyncio.CancelledError
        if tx_hash not in self.results:
            assert Tx.FromString(tx).auth_info.fee.amount[0].amount != "0"
            message = _read_message(tx)
            showing = self._check(message)
            self.showings.append(showing)
            self.shown.append(message)
            self.sequence += 1
            self.height += 1
            self.results[tx_hash] = TxResult(tx_hash=tx_hash, height=self.height, code=0)
        if self.dies == "after":
            raise asyncio.CancelledError
        return Receipt(tx_hash=tx_hash, code=0)

    async def find(self, tx_hash: str) -> TxResult | None:
        """A transaction in a block."""
        return self.results.get(tx_hash)

    async def gas_price(self) -> GasPrice:
        """Not nothing."""
        return GasPrice(numerator=1, denominator=100, denom="ngonka")

    # ---- the state -------------------------------------------------------------------------------------------------

    def _find_escrow(self, escrow_id: int) -> pb.Escrow:
        if escrow_id in self.forgotten:
            raise PermanentError("escrow_unknown", str(escrow_id))
        reserves = [pb.Reserve(host=host, serial=self._newest(escrow_id, host)) for host in self.serving_keys]
        return pb.Escrow(escrow_id=escrow_id, reserves=reserves, closed=escrow_id in self.closed)

    def _list_settled(self, escrow_id: int, host: str) -> list[pb.Settled]:
        return [s for s in self.settled if (s.escrow_id, s.host) == (escrow_id, host)]

    def _newest(self, escrow_id: int, host: str) -> int:
        return max((s.serial for s in self._list_settled(escrow_id, host)), default=0)

    def _check(self, message: receipt_pb2.MsgShowReceipt) -> receipt_pb2.Showing:
        receipt = message.receipt
        if message.serving_pubkey != self.serving_keys[receipt.host]:
            raise RuleError("signature_invalid", "not the host's key")
        signed = read_receipt(receipt, message.serving_pubkey)
        settlings = tuple(
            Settling(
                epoch=s.epoch,
                after_serial=s.after_serial,
                serial=s.serial,
                root=s.receipts_root,
                count=s.receipts_count,
            )
            for s in self._list_settled(signed.escrow_id, receipt.host)
        )
        found = find_settling(signed.after_serial, settlings, self._newest(signed.escrow_id, receipt.host))
        if any((s.receipt.escrow_id, s.receipt.host) == (signed.escrow_id, receipt.host) for s in self.showings):
            raise RuleError("showing_pending", "one at a time")
        return receipt_pb2.Showing(
            receipt=receipt, serial=found.serial, root=found.root, count=found.count, epoch=self.epoch
        )


def _read_message(tx: bytes) -> receipt_pb2.MsgShowReceipt:
    (packed,) = TxBody.FromString(TxRaw.FromString(tx).body_bytes).messages
    message: Message = receipt_pb2.MsgShowReceipt()
    assert packed.Unpack(message)
    assert isinstance(message, receipt_pb2.MsgShowReceipt)
    return message
