"""Which leaves are opened and who sits on which claim, drawn from the sample seed; and how a report on them is encoded.

A draw is v = LE64 of the first 8 bytes of a hash over a counter; v >= n * floor(2^64 / n) is rejected, so that
v mod n is uniform.  Source: docs/protocol.md, "Claims" and "Verdicts".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, islice

from rules.errors import RuleError
from rules.seeds import framed_hash, le32, le64
from rules.types import Claim, Dispute, Host, Row, Table

TAIL_BYTES = 24
DIGEST_BYTES = 8
_ROW_BYTES = 64
"""What a row takes in a message beside its positions: 44 letters of the claimant, the digest, names and lengths."""


def sample_positions(sample_seed: bytes, epoch: int, claim: Claim, samples: int) -> tuple[int, ...]:
    """The positions a claim must open: min(samples, count) distinct ones, ascending; each set equally likely."""
    if claim.count <= samples:
        return tuple(range(claim.count))
    parts = (sample_seed, le64(epoch), claim.host, claim.root, le64(claim.count))
    positions: set[int] = set()
    for position in draw_numbers("gonka/sample", parts, claim.count):
        positions.add(position)
        if len(positions) == samples:
            break
    return tuple(sorted(positions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who may hold seats: hosts along a line, each as wide as its units.  Made once for many draws.

    `sums` is where each host ends, `places` where it stands among them.
    """

    hosts: tuple[Host, ...]
    sums: tuple[int, ...]
    places: Mapping[Host, int]

    @classmethod
    def of(cls, table: Table) -> Holders:
        """The hosts of a table in address order."""
        return cls.in_order(sorted(table), table)

    @classmethod
    def in_order(cls, hosts: Sequence[Host], table: Table) -> Holders:
        """The hosts of a table, in the order given."""
        return cls(
            hosts=tuple(hosts),
            sums=tuple(accumulate(table[host] for host in hosts)),
            places={host: place for place, host in enumerate(hosts)},
        )

    def count_others(self, host: Host) -> int:
        """The units of all but one host, which need not be there."""
        return (self.sums[-1] if self.sums else 0) - self._find(host)[1]

    def draw(self, label: str, parts: tuple[bytes, ...], left_out: Host, seats: int) -> tuple[Host, ...]:
        """The holder of each seat, drawn with replacement by units, as if `left_out` were not there.

        No seats at all where nobody else has units.
        """
        total = self.count_others(left_out)
        return self._stand_at(islice(draw_numbers(label, parts, total), seats), left_out) if total else ()

    def spread(self, label: str, parts: tuple[bytes, ...], left_out: Host, seats: int) -> tuple[Host, ...]:
        """The holder of each seat, as if `left_out` were not there: seats lie at equal distances along the line, from a
        drawn beginning, so each host has its part of them by units, rounded up or down.

        No seats at all where nobody else has units.
        """
        total = self.count_others(left_out)
        if total == 0:
            return ()
        first = next(draw_numbers(label, parts, total))
        return self._stand_at(((first + place * total) // seats for place in range(seats)), left_out)

    def _stand_at(self, points: Iterable[int], left_out: Host) -> tuple[Host, ...]:
        """Who stands at each point of the line without `left_out`."""
        before, own = self._find(left_out)
        return tuple([self.hosts[bisect_right(self.sums, n if n < before else n + own)] for n in points])

    def _find(self, host: Host) -> tuple[int, int]:
        """The units of the hosts before it, and its own."""
        place = self.places.get(host)
        if place is None:
            return 0, 0
        before = self.sums[place - 1] if place else 0
        return before, self.sums[place] - before


def draw_seats(sample_seed: bytes, epoch: int, claimant: Host, holders: Holders, seats: int) -> tuple[Host, ...]:
    """The holder of each seat in the claimant's claim, drawn with replacement by effective units.

    Never the claimant; no seats at all where nobody else has effective units.
    """
    return holders.draw("gonka/seats", (sample_seed, le64(epoch), claimant), claimant, seats)


def draw_group(chain_id: str, block_hash: bytes, escrow_id: int, table: Table, size: int) -> tuple[Host, ...]:
    """The hosts that an escrow's deposit is shared among: min(size, hosts with units), drawn one after the other by
    effective units, none twice.  `block_hash` is that of the block before the one that opens the escrow.
    """
    hosts = [host for host in sorted(table) if table[host]]
    left = [table[host] for host in hosts]  # 0 once drawn
    group: list[Host] = []
    for place in range(min(size, len(hosts))):
        sums = list(accumulate(left))
        parts = (chain_id.encode(), block_hash, le64(escrow_id), le32(place))
        chosen = bisect_right(sums, next(draw_numbers("gonka/group", parts, sums[-1])))
        group.append(hosts[chosen])
        left[chosen] = 0
    return tuple(group)


def draw_numbers(label: str, parts: tuple[bytes, ...], below: int) -> Iterator[int]:
    """Numbers in [0, below), each equally likely, without end; `below` is 1 to 2^64."""
    if not 0 < below <= 2**64:
        raise AssertionError(f"a draw below {below} would never end")
    limit = below * (2**64 // below)
    for counter in count():
        value = int.from_bytes(framed_hash(label, *parts, le32(counter))[:8], "little")
        if value < limit:
            yield value % below


def compute_sample_digest(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """8 bytes that only who recomputed every sampled nonce can tell.

    `pairs` holds each sampled nonce with the 24-byte tail of its digest (bytes 8..31), in any order.
    """
    return framed_hash("gonka/digest", b"".join(le64(nonce) + tail for nonce, tail in sorted(pairs)))[:DIGEST_BYTES]


def encode_rows(rows: Sequence[Row]) -> bytes:
    """The bytes a commitment to rows is made over; rows are given in address order of their claimants."""
    return b"".join(
        row.claimant
        + row.sample_digest
        + le32(len(row.mismatched_positions))
        + b"".join(le64(position) for position in row.mismatched_positions)
        for row in rows
    )


def compute_rows_bytes(claims: int, mismatches: int, max_count: int) -> int:
    """The most bytes that a message takes for rows on so many claims of up to `max_count` proofs, each row with so many
    mismatches.
    """
    position_bytes = -(-max_count.bit_length() // 7)
    return claims * (_ROW_BYTES + mismatches * position_bytes)


def encode_bits(disputes: Sequence[Dispute], bits: bytes) -> bytes:
    """The bytes a commitment to dispute votes is made over: claimant, nonce and bit of each dispute.

    Disputes are given in (claimant, nonce) order; `bits` holds one byte for each, 1 where the tag is false, else 0.
    Raises: RuleError `dispute_malformed` when it does not.
    """
    if len(bits) != len(disputes) or not set(bits) <= {0, 1}:
        raise RuleError("dispute_malformed", f"{len(bits)} bytes for {len(disputes)} disputes")
    return b"".join(
        dispute.claimant + le64(dispute.nonce) + bytes([bit]) for dispute, bit in zip(disputes, bits, strict=True)
    )
