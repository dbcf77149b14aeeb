"""Where the epoch began, and what its Sprint has brought so far: claims, reveals, seats, rows, disputes, votes.

Keys are the epoch in 8 big-endian bytes, then the address: a scan is in address order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeVar

from google.protobuf.message import Message

from chain.modules.params.state import get_frozen
from chain.store.kv import KV, Reader
from rules.addresses import decode_address, module_address
from rules.schedule import EpochStart, Place, locate
from rules.types import Dispute, Host, Row
from wire.gonka.sprint.v1.sprint_pb2 import Claim, DisputeVote, EpochSummary, Reveal, RowSet, Seats
from wire.gonka.sprint.v1.sprint_pb2 import Dispute as DisputeRecord
from wire.gonka.sprint.v1.sprint_pb2 import Row as RowRecord

BOND_POOL: Final = module_address("bonds")

_START = b"sprint/start"
_CLAIM = b"sprint/claim/"
_REVEAL = b"sprint/reveal/"
_SEATS = b"sprint/seats/"
_ROWS = b"sprint/rows/"
_DISPUTE = b"sprint/dispute/"
_VOTE = b"sprint/vote/"
_SUMMARY = b"sprint/summary/"
_WORK = (_CLAIM, _REVEAL, _SEATS, _ROWS, _DISPUTE, _VOTE)

Record = TypeVar("Record", bound=Message)


def get_epoch_start(store: Reader) -> EpochStart:
    """Where the running epoch began."""
    value = store.get(_START)
    if value is None:
        raise AssertionError("the state has no epoch: genesis was not read")
    epoch, first_height, seed_delay, sample_delay = (int.from_bytes(value[i : i + 8], "big") for i in range(0, 32, 8))
    return EpochStart(epoch=epoch, first_height=first_height, seed_delay=seed_delay, sample_delay=sample_delay)


def set_epoch_start(store: KV, start: EpochStart) -> None:
    """Write where the running epoch began."""
    numbers = (start.epoch, start.first_height, start.seed_delay, start.sample_delay)
    store.set(_START, b"".join(number.to_bytes(8, "big") for number in numbers))


def locate_height(store: Reader, height: int) -> Place:
    """Where a height of the running epoch lies."""
    return locate(get_epoch_start(store), get_frozen(store), height)


def get_claim(store: Reader, epoch: int, host: Host) -> Claim | None:
    """A host's claim."""
    return _get(store, _key(_CLAIM, epoch, host), Claim)


def set_claim(store: KV, epoch: int, host: Host, claim: Claim) -> None:
    """Write a host's claim."""
    _set(store, _key(_CLAIM, epoch, host), claim)


def scan_claims(store: Reader, epoch: int) -> Iterator[tuple[Host, Claim]]:
    """Every claim of an epoch, in address order."""
    return _scan(store, _key(_CLAIM, epoch), Claim)


def get_reveal(store: Reader, epoch: int, host: Host) -> Reveal | None:
    """The sampled leaves of a host's claim, None while it is not revealed or when it is void."""
    return _get(store, _key(_REVEAL, epoch, host), Reveal)


def set_reveal(store: KV, epoch: int, host: Host, reveal: Reveal) -> None:
    """Write the sampled leaves of a host's claim."""
    _set(store, _key(_REVEAL, epoch, host), reveal)


def scan_reveals(store: Reader, epoch: int) -> Iterator[tuple[Host, Reveal]]:
    """The sampled leaves of every revealed claim that is not void, in address order."""
    return _scan(store, _key(_REVEAL, epoch), Reveal)


def get_seats(store: Reader, epoch: int, verifier: Host) -> Seats | None:
    """The seats a verifier holds, known once REVEAL is over; None where it holds none."""
    return _get(store, _key(_SEATS, epoch, verifier), Seats)


def set_seats(store: KV, epoch: int, verifier: Host, seats: Seats) -> None:
    """Write the seats of a verifier."""
    _set(store, _key(_SEATS, epoch, verifier), seats)


def scan_seats(store: Reader, epoch: int) -> Iterator[tuple[Host, Seats]]:
    """The seats of every verifier that holds any, in address order."""
    return _scan(store, _key(_SEATS, epoch), Seats)


def get_rows(store: Reader, epoch: int, verifier: Host) -> RowSet | None:
    """A verifier's rows, or only their commitment."""
    return _get(store, _key(_ROWS, epoch, verifier), RowSet)


def set_rows(store: KV, epoch: int, verifier: Host, rows: RowSet) -> None:
    """Write a verifier's rows or their commitment."""
    _set(store, _key(_ROWS, epoch, verifier), rows)


def scan_rows(store: Reader, epoch: int) -> Iterator[tuple[Host, RowSet]]:
    """The rows of every verifier that committed any, in address order."""
    return _scan(store, _key(_ROWS, epoch), RowSet)


def read_row(record: RowRecord) -> Row:
    """The row that a record holds.  Raises: RuleError `address_invalid`."""
    return Row(
        claimant=Host(decode_address(record.claimant)),
        sample_digest=record.sample_digest,
        mismatched_positions=tuple(record.mismatched_positions),
    )


def get_disputes(store: Reader, epoch: int) -> tuple[DisputeRecord, ...]:
    """The open disputes in (claimant, nonce) order, known once ROWS is over."""
    return tuple(DisputeRecord.FromString(value) for _, value in store.scan(_key(_DISPUTE, epoch)))


def set_dispute(store: KV, epoch: int, dispute: DisputeRecord) -> None:
    """Write an open dispute."""
    key = _key(_DISPUTE, epoch, decode_address(dispute.claimant) + dispute.nonce.to_bytes(8, "big"))
    _set(store, key, dispute)


def read_dispute(record: DisputeRecord) -> Dispute:
    """The dispute that a record names."""
    return Dispute(claimant=Host(decode_address(record.claimant)), nonce=record.nonce)


def get_vote(store: Reader, epoch: int, juror: Host) -> DisputeVote | None:
    """A juror's vote, or only its commitment."""
    return _get(store, _key(_VOTE, epoch, juror), DisputeVote)


def set_vote(store: KV, epoch: int, juror: Host, vote: DisputeVote) -> None:
    """Write a juror's vote or its commitment."""
    _set(store, _key(_VOTE, epoch, juror), vote)


def scan_votes(store: Reader, epoch: int) -> Iterator[tuple[Host, DisputeVote]]:
    """The vote of every juror that committed one, in address order."""
    return _scan(store, _key(_VOTE, epoch), DisputeVote)


def get_summary(store: Reader, epoch: int) -> EpochSummary | None:
    """The settlement of an epoch, None before its SETTLE and when it is no longer kept."""
    return _get(store, _key(_SUMMARY, epoch), EpochSummary)


def set_summary(store: KV, summary: EpochSummary) -> None:
    """Write the settlement of an epoch."""
    _set(store, _key(_SUMMARY, summary.epoch), summary)


def delete_summary(store: KV, epoch: int) -> None:
    """Forget the settlement of an epoch."""
    store.delete(_key(_SUMMARY, epoch))


def delete_work(store: KV, epoch: int) -> None:
    """Forget the claims of an epoch and what followed from them."""
    for prefix in _WORK:
        for key, _ in list(store.scan(_key(prefix, epoch))):
            store.delete(key)


def _key(prefix: bytes, epoch: int, suffix: bytes = b"") -> bytes:
    return prefix + epoch.to_bytes(8, "big") + suffix


def _get(store: Reader, key: bytes, kind: type[Record]) -> Record | None:
    value = store.get(key)
    return None if value is None else kind.FromString(value)


def _set(store: KV, key: bytes, record: Message) -> None:
    store.set(key, record.SerializeToString(deterministic=True))


def _scan(store: Reader, prefix: bytes, kind: type[Record]) -> Iterator[tuple[Host, Record]]:
    for key, value in store.scan(prefix):
        yield Host(key[len(prefix) :]), kind.FromString(value)
