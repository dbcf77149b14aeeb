"""Which transactions go into a block, and in what order: duties first, each account's in the order of its sequence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chain.transaction import Transaction


def order_transactions(txs: Sequence[Transaction]) -> list[Transaction]:
    """Duties, and before each what its signers must have sent first; then the rest, as they came."""
    last_duty: dict[bytes, int] = {}
    for signer in (signer for tx in txs if tx.duty for signer in tx.signers):
        last_duty[signer.address] = max(signer.sequence, last_duty.get(signer.address, 0))

    def is_urgent(tx: Transaction) -> bool:
        return tx.duty or any(signer.sequence < last_duty.get(signer.address, 0) for signer in tx.signers)

    urgent = sorted(filter(is_urgent, txs), key=lambda tx: tx.signers[0].sequence)
    return urgent + [tx for tx in txs if not is_urgent(tx)]


def count_fitting(txs: Iterable[Transaction], max_bytes: int, max_gas: int) -> int:
    """How many of the first transactions keep to a block's bytes and gas together."""
    count = 0
    for tx in txs:
        max_bytes -= tx.size
        max_gas -= tx.gas_limit
        if max_bytes < 0 or max_gas < 0:
            break
        count += 1
    return count
