"""What the serving process owes and is owed, on disk before it is said: requests, vouchers, answers, what is settled.

Each method is one transaction.  Answers that a voucher settles hang in one batch, and stay for who verifies them; then
their receipts alone stay, as long as one could be shown and has to be placed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chain_client.ledger import TxResult
from chain_client.transactions import Fate, Outcome, SignedTx
from rules.answers import Receipt, build_receipt_tree, compute_receipt_hash
from rules.receipts import SHOWN_EPOCHS, SignedReceipt
from rules.types import Host
from rules.vouchers import Tokens
from serving.database import Database
from serving.records import decode_answers, encode_answers, hash_body
from wire.gonka.inference.v1 import inference_pb2 as pb

KEPT_EPOCHS: Final = 2
"""Epochs for which a settled answer is kept after that of its batch: what settles in one is opened in the next."""
PLACED_EPOCHS: Final = SHOWN_EPOCHS + 2
"""Epochs for which its receipt is kept: it may be placed in the epoch after the last in which it may be shown, and its
batch may settle in the one after that in which it was planned.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscrowState:
    """How an escrow stands at this host; `voucher` is the newest, None before the first."""

    done: Tokens
    voucher: pb.Voucher | None
    settled_serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer:
    """An answered request, whole: its receipt and the hash of that, the body asked, and the ticket signed for it."""

    receipt: Receipt
    digest: bytes
    body: bytes
    ticket: pb.Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReceipt:
    """A receipt's hash, and the serial of the voucher that settled with its tree, 0 before."""

    receipt: bytes
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A voucher to settle, with the root over the receipts that go with it: 32 bytes, empty for none.

    `epoch` is that in which it was last planned or gone on with.
    """

    order_id: str
    voucher: pb.Voucher
    root: bytes
    count: int
    epoch: int


class Journal:
    """The tables, which are also the outbox of chain_client.sender.  Raises as Database does."""

    def __init__(self, database: Database, *, chain_id: str, host: Host) -> None:
        self._db = database
        self._chain_id = chain_id
        self._host = host

    # ---- requests and vouchers -------------------------------------------------------------------------------------

    def read_escrow(self, escrow_id: int) -> EscrowState:
        """How an escrow stands."""
        found = self._db.all(
            "SELECT done_in, done_out, voucher, settled_serial FROM escrows WHERE escrow_id = ?", escrow_id
        )
        if not found:
            return EscrowState(done=Tokens(), voucher=None, settled_serial=0)
        done_in, done_out, voucher, settled_serial = found[0]
        return EscrowState(
            done=Tokens(tokens_in=done_in, tokens_out=done_out),
            voucher=None if voucher is None else pb.Voucher.FromString(voucher),
            settled_serial=int.from_bytes(settled_serial),
        )

    def list_escrows(self) -> tuple[int, ...]:
        """Escrows that were ever worked for, by number."""
        return tuple(number for (number,) in self._db.all("SELECT escrow_id FROM escrows ORDER BY escrow_id"))

    def open_request(self, escrow_id: int, request: int, host_nonce: bytes) -> bool:
        """Keep that a request is begun, and the host's nonce; False where its number was used before."""
        with self._db.transaction():
            fresh = self._db.run(
                "INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", escrow_id, request.to_bytes(8), host_nonce
            )
        return bool(fresh)

    def keep_voucher(self, voucher: pb.Voucher, done: Tokens) -> None:
        """Keep the newest voucher, and the work done until now."""
        with self._db.transaction():
            self._note(voucher.escrow_id, done)
            self._db.run(
                "UPDATE escrows SET voucher = ? WHERE escrow_id = ?",
                voucher.SerializeToString(deterministic=True), voucher.escrow_id,
            )  # fmt: skip

    def keep_done(self, escrow_id: int, done: Tokens) -> None:
        """Keep the work done until now."""
        with self._db.transaction():
            self._note(escrow_id, done)

    def _note(self, escrow_id: int, done: Tokens) -> None:
        self._db.run(
            "INSERT INTO escrows VALUES (?, ?, ?, NULL, zeroblob(8)) ON CONFLICT (escrow_id) "
            "DO UPDATE SET done_in = excluded.done_in, done_out = excluded.done_out",
            escrow_id, done.tokens_in, done.tokens_out,
        )  # fmt: skip

    # ---- answers ---------------------------------------------------------------------------------------------------

    def keep_answer(self, receipt: Receipt, body: bytes, ticket: pb.Ticket, done: Tokens) -> SignedReceipt:
        """Keep an answer, once, and the work done until now; returns what is to be signed of it.

        It hangs in the first tree that settles with a serial greater than any planned until now.
        """
        digest = compute_receipt_hash(receipt)
        with self._db.transaction():
            self._note(receipt.escrow_id, done)
            ((planned,),) = self._db.all("SELECT max(serial) FROM batches WHERE escrow_id = ?", receipt.escrow_id)
            after_serial = planned or bytes(8)
            self._db.run(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
                receipt.escrow_id, receipt.request.to_bytes(8), ticket.SerializeToString(deterministic=True), body,
                receipt.salt, encode_answers(receipt.answers), digest, after_serial,
            )  # fmt: skip
        return SignedReceipt(
            chain_id=receipt.chain_id,
            escrow_id=receipt.escrow_id,
            host=receipt.host,
            request=receipt.request,
            after_serial=int.from_bytes(after_serial),
            receipt=digest,
        )

    def read_answers(
        self, escrow_id: int, serial: int, requests: Sequence[int] | None = None
    ) -> tuple[StoredAnswer, ...]:
        """The answers whose root was settled with a voucher, by request: the leaves of that tree in their order, or
        those of some requests (at most 64).  None where their plaintext is let go.
        """
        chosen = "" if requests is None else f"AND request IN ({', '.join('?' * len(requests))}) "
        rows = self._db.all(
            "SELECT request, ticket, host_nonce, body, salt, tokens, receipt FROM answers "  # noqa: S608 - constants
            "JOIN requests USING (escrow_id, request) JOIN batches USING (order_id) "
            f"WHERE batches.escrow_id = ? AND serial = ? AND fate = ? AND ticket != x'' {chosen}ORDER BY request",
            escrow_id, serial.to_bytes(8), Fate.APPLIED.value, *(request.to_bytes(8) for request in requests or ()),
        )  # fmt: skip
        return tuple(self._read_answer(escrow_id, *row) for row in rows)

    def _read_answer(self, escrow_id: int, *row: bytes) -> StoredAnswer:
        request, encoded, host_nonce, body, salt, tokens, digest = row
        ticket = pb.Ticket.FromString(encoded)
        receipt = Receipt(
            chain_id=self._chain_id,
            escrow_id=escrow_id,
            host=self._host,
            request=int.from_bytes(request),
            body_hash=hash_body(body),
            developer_nonce=ticket.developer_nonce,
            host_nonce=host_nonce,
            answers=decode_answers(tokens),
            salt=salt,
        )
        return StoredAnswer(receipt=receipt, digest=digest, body=body, ticket=ticket)

    def forget(self, epoch: int, closed: Sequence[int]) -> None:
        """Let go of answers that settled long before `epoch`, later of their receipts, and then of all that belongs to
        escrows that are `closed` and have no receipt left that could be asked for.
        """
        with self._db.transaction():
            self._db.run(
                "UPDATE answers SET ticket = x'', body = x'', salt = x'', tokens = x'' "
                "WHERE ticket != x'' AND order_id IN (SELECT order_id FROM batches WHERE epoch < ?)",
                epoch - KEPT_EPOCHS,
            )
            self._db.run(
                "DELETE FROM answers WHERE order_id IN (SELECT order_id FROM batches WHERE epoch < ?)",
                epoch - PLACED_EPOCHS,
            )
            for escrow_id in closed:
                self._db.run("DELETE FROM answers WHERE escrow_id = ? AND order_id IS NULL", escrow_id)
                if self._db.all("SELECT 1 FROM answers WHERE escrow_id = ? LIMIT 1", escrow_id):
                    continue
                for table in ("escrows", "requests"):
                    self._db.run(f"DELETE FROM {table} WHERE escrow_id = ?", escrow_id)  # noqa: S608 - constants

    # ---- receipts --------------------------------------------------------------------------------------------------

    def find_receipt(self, escrow_id: int, request: int) -> KeptReceipt | None:
        """The receipt of a request; None where there is none, or where it is let go."""
        found = self._db.all(
            "SELECT receipt, serial FROM answers "
            "LEFT JOIN batches ON batches.order_id = answers.order_id AND fate = ? "
            "WHERE answers.escrow_id = ? AND request = ?",
            Fate.APPLIED.value, escrow_id, request.to_bytes(8),
        )  # fmt: skip
        if not found:
            return None
        ((receipt, serial),) = found
        return KeptReceipt(receipt=receipt, serial=int.from_bytes(serial or b""))

    def read_leaves(self, escrow_id: int, serial: int) -> tuple[tuple[int, bytes], ...]:
        """Requests and receipts of the tree that settles, or has settled, with a voucher, by request."""
        rows = self._db.all(
            "SELECT request, receipt FROM answers JOIN batches USING (order_id) "
            "WHERE batches.escrow_id = ? AND serial = ? AND (fate IS NULL OR fate = ?) ORDER BY request",
            escrow_id, serial.to_bytes(8), Fate.APPLIED.value,
        )  # fmt: skip
        return tuple((int.from_bytes(request), receipt) for request, receipt in rows)

    # ---- settling --------------------------------------------------------------------------------------------------

    def plan_batch(self, escrow_id: int, epoch: int) -> Batch | None:
        """The batch to settle next: one that is under way, else the newest voucher with all answers not yet hung.

        An answer that came after a batch with the same voucher was planned, and did not apply, was signed to hang in a
        later tree, and waits for it.  None where the newest voucher is settled.
        """
        with self._db.transaction():
            if under_way := self._read_batch(escrow_id):
                return self._renew_batch(under_way, epoch)
            state = self.read_escrow(escrow_id)
            if state.voucher is None or state.voucher.serial <= state.settled_serial:
                return None
            return self._hang(escrow_id, state.voucher, epoch)

    def _hang(self, escrow_id: int, voucher: pb.Voucher, epoch: int) -> Batch:
        serial = voucher.serial.to_bytes(8)
        leaves = self._db.all(
            "SELECT request, receipt FROM answers WHERE escrow_id = ? AND order_id IS NULL AND after_serial < ? "
            "ORDER BY request",
            escrow_id, serial,
        )  # fmt: skip
        tree = build_receipt_tree([(int.from_bytes(request), digest) for request, digest in leaves]) if leaves else None
        ((tries,),) = self._db.all("SELECT count(*) FROM batches WHERE escrow_id = ?", escrow_id)
        batch = Batch(
            order_id=f"settle/{escrow_id}/{voucher.serial}/{tries}",
            voucher=voucher,
            root=tree.root if tree else b"",
            count=len(leaves),
            epoch=epoch,
        )
        self._db.run(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",
            batch.order_id, escrow_id, serial, voucher.SerializeToString(deterministic=True), batch.root, batch.count,
            epoch,
        )  # fmt: skip
        self._db.run(
            "UPDATE answers SET order_id = ? WHERE escrow_id = ? AND order_id IS NULL AND after_serial < ?",
            batch.order_id, escrow_id, serial,
        )  # fmt: skip
        return batch

    def _read_batch(self, escrow_id: int) -> Batch | None:
        found = self._db.all(
            "SELECT order_id, voucher, root, count, epoch FROM batches WHERE escrow_id = ? AND fate IS NULL", escrow_id
        )
        if not found:
            return None
        order_id, voucher, root, count, epoch = found[0]
        return Batch(order_id=order_id, voucher=pb.Voucher.FromString(voucher), root=root, count=count, epoch=epoch)

    def _renew_batch(self, batch: Batch, epoch: int) -> Batch:
        """It settles now: its answers are asked for later than when it was planned."""
        self._db.run("UPDATE batches SET epoch = ? WHERE order_id = ?", epoch, batch.order_id)
        return replace(batch, epoch=epoch)

    def count_batches(self, escrow_id: int, epoch: int) -> int:
        """Batches of an escrow that applied in an epoch."""
        found = self._db.all(
            "SELECT count(*) FROM batches WHERE escrow_id = ? AND epoch = ? AND fate = ?",
            escrow_id, epoch, Fate.APPLIED.value,
        )  # fmt: skip
        return int(found[0][0])

    def end_batch(self, batch: Batch, fate: Fate, *, is_settled: bool) -> None:
        """Keep how a batch ended; the answers of one that changed nothing hang in the next.

        `is_settled` says whether the chain has the voucher, by this batch or otherwise.
        """
        with self._db.transaction():
            self._db.run("UPDATE batches SET fate = ? WHERE order_id = ?", fate.value, batch.order_id)
            if fate is not Fate.APPLIED:
                self._db.run("UPDATE answers SET order_id = NULL WHERE order_id = ?", batch.order_id)
            if is_settled:
                self._db.run(
                    "UPDATE escrows SET settled_serial = max(settled_serial, ?) WHERE escrow_id = ?",
                    batch.voucher.serial.to_bytes(8), batch.voucher.escrow_id,
                )  # fmt: skip

    # ---- the outbox ------------------------------------------------------------------------------------------------

    def find(self, order_id: str) -> SignedTx | Outcome | None:
        """An order's outcome, else its signed transaction."""
        found = self._db.all(f"SELECT {_TX}, {_OUTCOME} FROM outbox WHERE order_id = ?", order_id)  # noqa: S608 - constants
        if not found:
            return None
        (row,) = found
        return _read_tx(row[:6]) if row[6] is None else _read_outcome(order_id, row[6:])

    def record(self, tx: SignedTx) -> None:
        """Keep a signed transaction, in place of an earlier one of the same order."""
        with self._db.transaction():
            self._db.run(
                f"INSERT OR REPLACE INTO outbox ({_TX}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608 - a constant
                tx.order_id, tx.chain_id, tx.address, tx.sequence, tx.last_height, tx.raw,
            )  # fmt: skip

    def settle(self, outcome: Outcome) -> None:
        """Keep how an order ended; the bytes are let go."""
        result = outcome.result
        with self._db.transaction():
            self._db.run(
                "UPDATE outbox SET raw = x'', fate = ?, tx_hash = ?, height = ?, code = ?, rule = ?, log = ? "
                "WHERE order_id = ?",
                outcome.fate.value, result.tx_hash, result.height, result.code, result.rule, result.log,
                outcome.order_id,
            )  # fmt: skip

    def unsettled(self) -> tuple[SignedTx, ...]:
        """Transactions without an outcome, in the order recorded."""
        found = self._db.all(f"SELECT {_TX} FROM outbox WHERE fate IS NULL ORDER BY rowid")  # noqa: S608 - a constant
        return tuple(_read_tx(row) for row in found)


_TX: Final = "order_id, chain_id, address, sequence, last_height, raw"
_OUTCOME: Final = "fate, tx_hash, height, code, rule, log"


def _read_tx(row: Sequence[object]) -> SignedTx:
    fields: Mapping[str, object] = dict(zip(_TX.split(", "), row, strict=True))
    return SignedTx(**fields)  # type: ignore[arg-type]  # the columns have the fields' names and types


def _read_outcome(order_id: str, row: Sequence[object]) -> Outcome:
    fate, *told = row
    result = TxResult(**dict(zip(_OUTCOME.split(", ")[1:], told, strict=True)))  # type: ignore[arg-type]  # the same
    return Outcome(order_id=order_id, fate=Fate(fate), result=result)
