"""A key dealt among three holders, once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from py_arkworks_bls12381 import G1Point

from rules.slots import allocate_slots
from rules.types import Host
from wire.threshold.curve import G1_BYTES, G2_BYTES, ORDER, derive_scalar, multiply_g1, split_bytes
from wire.threshold.dealing import Dealing, GroupKey, SealedDeal, compute_shared_key, deal, make_key, open_shares
from wire.threshold.partials import sign_partials

NAMES = (b"a" * 20, b"b" * 20, b"c" * 20)
SLOTS_OF = allocate_slots({Host(name): 1 for name in NAMES})
SECRETS = {name: derive_scalar("test/holder", name) for name in NAMES}
KEYS = {name: multiply_g1(G1Point(), secret) for name, secret in SECRETS.items()}
MESSAGE = b"a round and a block"


def dealing_of(dealer: bytes, chain_id: str = "test-1", epoch: int = 7) -> Dealing:
    keys = tuple([KEYS[name] for name, slots in SLOTS_OF.items() for _ in slots])
    return Dealing(chain_id=chain_id, epoch=epoch, dealer=dealer, keys=keys)


@cache
def deal_of(dealer: bytes) -> SealedDeal:
    return deal(dealing_of(dealer), b"entropy of " + dealer)


@cache
def shares_of(holder: bytes, dealers: tuple[bytes, ...]) -> list[int]:
    """The holder's shares of the key that these dealers made."""
    opened = [
        open_shares(dealing_of(d), deal_of(d), compute_shared_key(deal_of(d), SECRETS[holder]), SLOTS_OF[Host(holder)])
        for d in dealers
    ]
    return [sum(column) % ORDER for column in zip(*opened, strict=True)]


@cache
def key_of(dealers: tuple[bytes, ...]) -> GroupKey:
    return make_key([deal_of(dealer).commitments for dealer in dealers])


@dataclass(frozen=True)
class Dealt:
    """The key of some of the dealers."""

    dealers: tuple[bytes, ...] = NAMES

    @property
    def key(self) -> GroupKey:
        return key_of(self.dealers)

    def keys_of(self, holder: bytes) -> bytes:
        """The public keys of the holder's slots."""
        slots = SLOTS_OF[Host(holder)]
        return self.key.slot_keys[G2_BYTES * (slots.start - 1) : G2_BYTES * (slots.stop - 1)]

    def partials_of(self, holder: bytes, message: bytes = MESSAGE) -> bytes:
        return sign_partials(shares_of(holder, self.dealers), message)

    def partials(self, message: bytes = MESSAGE) -> dict[int, bytes]:
        """Every slot's."""
        return {
            slot: partial
            for name in NAMES
            for slot, partial in zip(
                SLOTS_OF[Host(name)], split_bytes(self.partials_of(name, message), G1_BYTES), strict=True
            )
        }
