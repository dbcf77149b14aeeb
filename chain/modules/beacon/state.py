"""Commitments to secrets, groups and what is dealt to them, the hash a round opened on, and the seeds."""

from __future__ import annotations

from collections.abc import Iterator

from chain.store.kv import KV, Reader
from rules.types import Host, Round
from wire.gonka.beacon.v1.beacon_pb2 import Commitment, Deal, Group

_COMMITMENT = b"beacon/commitment/"
_ROUND_HASH = b"beacon/round_hash"
_SEED = b"beacon/seed/"
_KEY = b"beacon/key/"
_GROUP = b"beacon/group/"
_DEAL = b"beacon/deal/"


def get_commitment(store: Reader, epoch: int, host: Host) -> Commitment | None:
    """What a host committed to for `epoch`."""
    value = store.get(_COMMITMENT + epoch.to_bytes(8, "big") + host)
    return None if value is None else Commitment.FromString(value)


def set_commitment(store: KV, epoch: int, host: Host, commitment: Commitment) -> None:
    """Write a host's commitment for `epoch`."""
    store.set(_COMMITMENT + epoch.to_bytes(8, "big") + host, commitment.SerializeToString(deterministic=True))


def scan_commitments(store: Reader, epoch: int) -> Iterator[tuple[Host, Commitment]]:
    """Every commitment for `epoch`, in address order."""
    prefix = _COMMITMENT + epoch.to_bytes(8, "big")
    for key, value in store.scan(prefix):
        yield Host(key[len(prefix) :]), Commitment.FromString(value)


def get_round_hash(store: Reader) -> bytes:
    """The hash of the last block before the running round opened, 32 bytes; b"" before the first round."""
    return store.get(_ROUND_HASH) or b""


def set_round_hash(store: KV, block_hash: bytes) -> None:
    """Write the hash that the round which opens now is bound to."""
    store.set(_ROUND_HASH, block_hash)


def get_seed(store: Reader, epoch: int, beacon_round: Round) -> bytes:
    """The 32-byte seed of a round, b"" while it is not known or no longer kept."""
    return store.get(_seed_key(epoch, beacon_round)) or b""


def set_seed(store: KV, epoch: int, beacon_round: Round, seed: bytes) -> None:
    """Write the seed of a round."""
    store.set(_seed_key(epoch, beacon_round), seed)


def delete_commitments(store: KV, epoch: int) -> None:
    """Forget the commitments for `epoch`."""
    for key, _ in list(store.scan(_COMMITMENT + epoch.to_bytes(8, "big"))):
        store.delete(key)


def delete_seeds(store: KV, epoch: int) -> None:
    """Forget both seeds of `epoch`."""
    for beacon_round in Round:
        store.delete(_seed_key(epoch, beacon_round))


def get_beacon_key(store: Reader, host: Host) -> bytes:
    """The key that a host's shares are encrypted to, b"" where it has none."""
    return store.get(_KEY + host) or b""


def set_beacon_key(store: KV, host: Host, key: bytes) -> None:
    """Write the key that a host's shares are encrypted to from the next group on."""
    store.set(_KEY + host, key)


def get_group(store: Reader, epoch: int) -> Group | None:
    """Who signs the seeds of `epoch`, None where no group was formed, or it is no longer kept."""
    value = store.get(_GROUP + epoch.to_bytes(8, "big"))
    return None if value is None else Group.FromString(value)


def set_group(store: KV, group: Group) -> None:
    """Write who signs the seeds of the group's epoch."""
    store.set(_GROUP + group.epoch.to_bytes(8, "big"), group.SerializeToString(deterministic=True))


def get_deal(store: Reader, epoch: int, dealer: Host) -> Deal | None:
    """What a member dealt for `epoch`."""
    value = store.get(_DEAL + epoch.to_bytes(8, "big") + dealer)
    return None if value is None else Deal.FromString(value)


def set_deal(store: KV, epoch: int, dealer: Host, deal: Deal) -> None:
    """Write what a member dealt for `epoch`."""
    store.set(_DEAL + epoch.to_bytes(8, "big") + dealer, deal.SerializeToString(deterministic=True))


def scan_deals(store: Reader, epoch: int) -> Iterator[Deal]:
    """Every deal for `epoch`, by address of the dealer."""
    for _, value in store.scan(_DEAL + epoch.to_bytes(8, "big")):
        yield Deal.FromString(value)


def delete_dealing(store: KV, epoch: int) -> None:
    """Forget the group and the deals for `epoch`."""
    for key, _ in list(store.scan(_DEAL + epoch.to_bytes(8, "big"))):
        store.delete(key)
    store.delete(_GROUP + epoch.to_bytes(8, "big"))


def _seed_key(epoch: int, beacon_round: Round) -> bytes:
    return _SEED + epoch.to_bytes(8, "big") + bytes([beacon_round])
