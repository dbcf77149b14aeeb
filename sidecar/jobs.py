"""Jobs and what happens to them.  Pure: no clock, no disk, no device.

A device's nonces carry its index in the top 16 bits and then count up from 0, so two devices never meet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rules.types import Proof

MAX_DEVICES = 1 << 15
"""Keeps every nonce below 2^63, where SQLite's integers end."""
DEVICE_SHIFT = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is computed: the function of a 32-byte seed and a profile, and its acceptance bound in [1, 2^64)."""

    sprint_seed: bytes
    profile: str
    cos2_q64: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SprintJob:
    """A search for proofs for one host (20 bytes) until `deadline_ms` (unix milliseconds) or a stop.

    `last_number` proofs are numbered 1, 2, ...; those up to `acked_number` are forgotten; `evaluated` counts nonces;
    `offsets` holds for each device index how many of its nonces are done.
    """

    job_id: str
    work: Work
    host: bytes
    deadline_ms: int
    stopped: bool = False
    last_number: int = 0
    acked_number: int = 0
    evaluated: int = 0
    offsets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedProof:
    """A proof with its number in the job, from 1."""

    number: int
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """`count` consecutive nonces from `first`, all of one device's range."""

    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A recomputed nonce: its 8-byte tag, bytes 8..31 of its digest, and whether it passes the acceptance test."""

    tag: bytes
    tail: bytes
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A verification's answer: ascending indices of mismatches; tails of all digests, empty if it stopped early."""

    mismatched: tuple[int, ...]
    digest_tails: bytes


def is_open(job: SprintJob, now_ms: int) -> bool:
    """Whether the job may be given more nonces."""
    return not job.stopped and now_ms < job.deadline_ms


def get_offset(job: SprintJob, device: int) -> int:
    """How many of a device's nonces are done."""
    return job.offsets[device] if device < len(job.offsets) else 0


def build_batch(device: int, offset: int, count: int) -> Batch:
    """The `count` nonces of a device from its `offset`-th on.  AssertionError for those that are another device's."""
    if not 0 <= device < MAX_DEVICES or offset < 0 or count < 1 or offset + count > 1 << DEVICE_SHIFT:
        raise AssertionError(f"the nonces [{offset}, {offset + count}) are not all of device {device}")
    return Batch(first=(device << DEVICE_SHIFT) | offset, count=count)


def record(job: SprintJob, batch: Batch, hits: Sequence[Proof]) -> tuple[SprintJob, tuple[NumberedProof, ...]]:
    """The job after a batch, with the batch's hits numbered in the order of their nonces."""
    device, offset = batch.first >> DEVICE_SHIFT, batch.first % (1 << DEVICE_SHIFT)
    offsets = list(job.offsets) + [0] * (device + 1 - len(job.offsets))
    offsets[device] = offset + batch.count
    ordered = sorted(hits, key=lambda hit: hit.nonce)
    proofs = tuple(NumberedProof(number=n, proof=hit) for n, hit in enumerate(ordered, start=job.last_number + 1))
    after = replace(
        job,
        last_number=job.last_number + len(proofs),
        evaluated=job.evaluated + batch.count,
        offsets=tuple(offsets),
    )
    return after, proofs


def acknowledge(job: SprintJob, up_to_number: int) -> SprintJob:
    """The job when proofs up to a number may be forgotten; an older number changes nothing."""
    return replace(job, acked_number=max(job.acked_number, up_to_number))


def compute_outcome(tags: Sequence[bytes], results: Sequence[Evaluation | None], stop_after: int) -> Outcome | None:
    """What a verification found, or None while it cannot be said.

    `results` are by index, None where not recomputed yet.  Nonces count in ascending order: with `stop_after` > 0 the
    answer is the first that many mismatches, whatever later nonces would say.
    """
    mismatched: list[int] = []
    for index, (tag, result) in enumerate(zip(tags, results, strict=True)):
        if result is None:
            return None
        if result.tag != tag or not result.accepted:
            mismatched.append(index)
            if len(mismatched) == stop_after:
                return Outcome(mismatched=tuple(mismatched), digest_tails=b"")
    tails = b"".join(result.tail for result in results if result is not None)
    return Outcome(mismatched=tuple(mismatched), digest_tails=tails)
