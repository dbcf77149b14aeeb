"""Receipts over answers, the tree that a host hangs them in, and which of them are opened to whom.

A receipt binds a host to one request: what was asked (the SHA-256 of the body, signed by the developer in the ticket),
the nonces that its noise comes from, and the tokens of its prompts and answers, under a salt that keeps them from being
guessed.  With a voucher goes the root of a tree over the receipts of the requests it pays, the tree of `rules.claims`
with the request's number as key.  The beacon then draws positions in it, and who verifies them.
Source: docs/checking.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from rules.claims import Leaf, Multiproof, Tree, build_leaf_tree, check_leaves
from rules.params import MILLION
from rules.sampling import Holders, draw_numbers
from rules.seeds import framed_hash, le32, le64
from rules.types import Host, Table

SALT_BYTES: Final = 32
MAX_SAMPLES: Final = 64
"""Receipts that are opened of one lot, at most, whatever the rate."""
MAX_BATCH: Final = 2**32
"""Receipts that come with one voucher, at most: so those of a lot can be numbered in 64 bits, and drawn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The tokens of one prompt and of what was said to it; a request has one for each of its prompts and choices."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One request and its answers; hashes, nonces and salt are 32 bytes each."""

    chain_id: str
    escrow_id: int
    host: Host
    request: int
    body_hash: bytes
    developer_nonce: bytes
    host_nonce: bytes
    answers: tuple[Answer, ...]
    salt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The receipts that came with one voucher: its serial, the root of their tree, how many there are (at least 1)."""

    serial: int
    root: bytes
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """All batches that a host settled for one escrow in an epoch, by serial; its receipts are numbered through."""

    host: Host
    escrow_id: int
    batches: tuple[Batch, ...]

    @property
    def count(self) -> int:
        """Receipts in all batches."""
        return sum(batch.count for batch in self.batches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The positions that are opened in one batch, ascending; at least one."""

    batch: Batch
    positions: tuple[int, ...]


def answer_seed(seed: bytes, index: int) -> bytes:
    """The 32 bytes that one answer's tokens are drawn from: `seed` is the request's, `index` the answer's place."""
    return framed_hash("gonka/answer", seed, le32(index))


def compute_answers_hash(answers: Sequence[Answer]) -> bytes:
    """32 bytes over the tokens of every prompt and answer, 4 little-endian bytes each."""
    parts = [b"".join(map(le32, tokens)) for answer in answers for tokens in (answer.prompt, answer.tokens)]
    return framed_hash("gonka/answers", *parts)


def compute_receipt_hash(receipt: Receipt) -> bytes:
    """The 32 bytes that stand for a request in the tree."""
    return framed_hash(
        "gonka/receipt",
        receipt.chain_id.encode(),
        le64(receipt.escrow_id),
        receipt.host,
        le64(receipt.request),
        receipt.salt,
        receipt.body_hash,
        receipt.developer_nonce,
        receipt.host_nonce,
        compute_answers_hash(receipt.answers),
    )


def build_receipt_tree(leaves: Sequence[tuple[int, bytes]]) -> Tree:
    """The tree over (request, hash of its receipt), by request; strictly ascending, or not all leaves are in order.

    Raises: RuleError `claim_count_invalid` for none.
    """
    return build_leaf_tree([Leaf(key=request, body=digest) for request, digest in leaves])


def check_receipts(sample: Sample, leaves: Sequence[tuple[int, bytes]], multiproof: Multiproof) -> tuple[bool, ...]:
    """Whether each opened leaf is in order, once all of them are known to hash to the batch's root.

    Raises: RuleError `reveal_malformed`, `reveal_wrong_root`.
    """
    opened = [Leaf(key=request, body=digest) for request, digest in leaves]
    return check_leaves(sample.batch.root, sample.batch.count, sample.positions, opened, multiproof)


def draw_samples(sample_seed: bytes, epoch: int, lot: Lot, rate_ppm: int) -> tuple[Sample, ...]:
    """Which receipts of a lot are opened, by batch: each position equally likely, MAX_SAMPLES at most.

    Their number is the count times `rate_ppm`, in millionths; what is left of that after rounding down is the chance of
    one more.
    """
    parts = (sample_seed, le64(epoch), lot.host, le64(lot.escrow_id))
    whole, rest = divmod(lot.count * rate_ppm, MILLION)
    extra = next(draw_numbers("gonka/check-rate", parts, MILLION)) < rest
    wanted = min(whole + extra, lot.count, MAX_SAMPLES)
    chosen: set[int] = set()
    for number in draw_numbers("gonka/check", parts, lot.count):
        if len(chosen) == wanted:
            break
        chosen.add(number)
    ends = list(accumulate(batch.count for batch in lot.batches))
    by_batch: dict[int, list[int]] = {}
    for number in sorted(chosen):
        place = bisect_right(ends, number)
        by_batch.setdefault(place, []).append(number - ends[place] + lot.batches[place].count)
    return tuple(Sample(batch=lot.batches[n], positions=tuple(positions)) for n, positions in by_batch.items())


def order_verifiers(sample_seed: bytes, epoch: int, table: Table) -> Holders:
    """The hosts of a table in an order drawn for the epoch, so that accounts made to lie well for somebody do not."""
    parts = (sample_seed, le64(epoch))
    return Holders.in_order(sorted(table, key=lambda host: framed_hash("gonka/check-order", *parts, host)), table)


def draw_verifiers(sample_seed: bytes, epoch: int, lot: Lot, holders: Holders, seats: int) -> tuple[Host, ...]:
    """The holder of each seat in a lot; none where nobody may.

    `holders` are the hosts that may verify, in the epoch's order: those that offer the model within the escrow's
    policy.  Never the host.  Each gets its part of the seats by effective units, rounded up or down by chance, so that
    nobody gets most of the seats who is not near to holding most of the units.  Source: docs/adr/0021.
    """
    parts = (sample_seed, le64(epoch), lot.host, le64(lot.escrow_id))
    return holders.spread("gonka/check-seats", parts, lot.host, seats)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verifier found in one lot: tokens it checked, and the mean distance of the opened requests."""

    escrow_id: int
    host: Host
    tokens: int
    distance_ppm: int


def compute_reports_commitment(
    chain_id: str, epoch: int, verifier: Host, salt: bytes, reports: Sequence[Report]
) -> bytes:
    """32 bytes that bind a verifier to its reports, in the order of the lots, under a 32-byte salt."""
    encoded = b"".join(le64(r.escrow_id) + r.host + le64(r.tokens) + le32(r.distance_ppm) for r in reports)
    return framed_hash("gonka/reports", chain_id.encode(), le64(epoch), verifier, salt, encoded)
