"""Which transactions go into a block, and in what order: duties first, each account's in the order of its sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chain.admission import compute_gas
from chain.round_signature import is_signature
from chain.transaction import Transaction
from rules.params import TxParams


def order_transactions(txs: Sequence[Transaction]) -> list[Transaction]:
    """Duties that a window closes over, and before each what its signers must have sent first; then the rest, as they
    came.

    Among the former everyone's first comes before anyone's second, and a duty before what is none: so nobody keeps
    another's duty out of a block by sending much.
    """
    first: dict[bytes, int] = {}
    last_duty: dict[bytes, int] = {}
    for signer, duty in ((signer, tx.pressing) for tx in txs for signer in tx.signers):
        first[signer.address] = min(signer.sequence, first.get(signer.address, signer.sequence))
        if duty:
            last_duty[signer.address] = max(signer.sequence, last_duty.get(signer.address, 0))

    def is_urgent(tx: Transaction) -> bool:
        return tx.pressing or any(signer.sequence < last_duty.get(signer.address, 0) for signer in tx.signers)

    def find_turn(tx: Transaction) -> tuple[int, bool]:
        return max(signer.sequence - first[signer.address] for signer in tx.signers), not tx.pressing

    return sorted(filter(is_urgent, txs), key=find_turn) + [tx for tx in txs if not is_urgent(tx)]


def may_be_read(txs: Sequence[bytes], params: TxParams) -> bool:
    """Whether a block's transactions are worth a look: no more bytes than a block has, and one round's signature.

    It comes before any of them is read: a proposer could else keep all others busy for hours, as a pairing is computed
    for each signature.
    """
    others = [len(tx) for tx in txs if not is_signature(tx)]
    return sum(others) <= params.max_block_bytes and len(txs) - len(others) <= 1


def count_fitting(txs: Iterable[Transaction], max_bytes: int, params: TxParams) -> int:
    """How many of the first transactions keep to a block's bytes and gas together.

    A block's gas is what its transactions need: their limits are their own to set, and cost a duty nothing.
    """
    count, max_gas = 0, params.max_block_gas
    for tx in txs:
        max_bytes -= tx.size
        max_gas -= compute_gas(tx, params)
        if max_bytes < 0 or max_gas < 0:
            break
        count += 1
    return count
