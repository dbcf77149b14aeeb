"""The subsidy, and what the epoch before earned but has not been credited."""

from __future__ import annotations

from typing import Final

from chain.store.kv import KV, Reader
from rules.addresses import module_address
from wire.gonka.sprint.v1.sprint_pb2 import Payouts

FEE_COLLECTOR: Final = module_address("fees")
REWARD_POOL: Final = module_address("rewards")
COMMUNITY_POOL: Final = module_address("pool")

_SUBSIDY = b"rewards/subsidy"
_PENDING = b"rewards/pending"


def get_subsidy(store: Reader) -> int:
    """What the running epoch may mint at most, in ngonka."""
    return int.from_bytes(store.get(_SUBSIDY) or b"", "big")


def set_subsidy(store: KV, subsidy: int) -> None:
    """Write what the next SETTLE may mint at most."""
    store.set(_SUBSIDY, subsidy.to_bytes(8, "big"))


def get_pending(store: Reader) -> Payouts:
    """What the last settled epoch earned, to be credited at the next SETTLE; the reward pool holds its sum."""
    return Payouts.FromString(store.get(_PENDING) or b"")


def set_pending(store: KV, payouts: Payouts) -> None:
    """Write what the next SETTLE credits."""
    store.set(_PENDING, payouts.SerializeToString(deterministic=True))
