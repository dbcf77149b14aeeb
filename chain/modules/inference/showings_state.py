"""Receipts that were shown and are not judged yet, and the serving keys that hosts retired.

Numbers in keys are 8 bytes, big-endian, so that showings ascend by escrow and host.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import decode_address
from rules.types import Host
from wire.gonka.inference.v1.receipt_pb2 import Showing

_SHOWING: Final = b"inference/showing/"
_RETIRED: Final = b"inference/retired_key/"


def get_showing(store: Reader, escrow_id: int, host: Host) -> Showing | None:
    """The receipt of an escrow's host that is shown now."""
    value = store.get(_key(escrow_id, host))
    return None if value is None else Showing.FromString(value)


def set_showing(store: KV, showing: Showing) -> None:
    """Write the one showing of its escrow and host."""
    key = _key(showing.receipt.escrow_id, Host(decode_address(showing.receipt.host)))
    store.set(key, showing.SerializeToString(deterministic=True))


def delete_showing(store: KV, showing: Showing) -> None:
    """Forget a showing that is judged."""
    store.delete(_key(showing.receipt.escrow_id, Host(decode_address(showing.receipt.host))))


def scan_showings(store: Reader) -> Iterator[Showing]:
    """Every showing, by escrow and host."""
    for _, value in store.scan(_SHOWING):
        yield Showing.FromString(value)


def get_retired_epoch(store: Reader, host: Host, public_key: bytes) -> int | None:
    """The epoch in which a host last gave up a serving key (33 bytes), None where it never did."""
    value = store.get(_RETIRED + host + public_key)
    return None if value is None else int.from_bytes(value, "big")


def retire_key(store: KV, host: Host, public_key: bytes, epoch: int) -> None:
    """Remember that a host gave up a serving key."""
    store.set(_RETIRED + host + public_key, _number(epoch))


def delete_retired_before(store: KV, epoch: int) -> None:
    """Forget the keys that were given up in all epochs before `epoch`."""
    for key in [key for key, value in store.scan(_RETIRED) if int.from_bytes(value, "big") < epoch]:
        store.delete(key)


def _key(escrow_id: int, host: Host) -> bytes:
    return _SHOWING + _number(escrow_id) + host


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")
