"""A round is signed in votes: partial signatures ride in vote extensions, the proposer combines them, all check.

All functions take the context of a block that has begun.  Votes for the block before a round already sign for it, so
that SEED and BEACON2 are one block where enough of them arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Final

from py_arkworks_bls12381 import G1Point

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.beacon.rounds import ROUNDS
from chain.modules.beacon.threshold.dealing import find_key_group
from chain.modules.sprint.state import locate_height
from rules.errors import RuleError
from rules.seeds import compute_beacon_message
from rules.types import Phase, Round
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group, Member
from wire.threshold.curve import G1_BYTES, ORDER, multiply_g1, split_bytes, verify
from wire.threshold.dealing import compute_shared_key, open_shares
from wire.threshold.groups import keys_of, read_deal, read_dealing, slots_of
from wire.threshold.partials import are_partials_right, are_shares_of, combine_partials, sign_partials

OPENING: Final = {
    Phase.GENESIS: (1, Round.SPRINT),
    Phase.SERVE: (1, Round.SPRINT),
    Phase.CLAIM: (0, Round.SAMPLE),
}
"""The round that opens after a phase's last block, and how many epochs later."""
DEALING: Final = {Phase.GENESIS, Phase.SERVE}
"""In which the key of the next epoch is dealt."""
OPENED_AHEAD: Final = 8
"""Deals that a validator opens with one vote: each takes it up to half a millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A signature that the chain waits for: a group's, over the 32 bytes of a round."""

    group: Group
    round: Round
    message: bytes


def find_wanted(ctx: Context) -> Wanted | None:
    """What the block may bring a signature for: the open round, while it is not signed."""
    place = locate_height(ctx.store, ctx.height)
    if place.phase not in ROUNDS:
        return None
    return _want(ctx, place.epoch, ROUNDS[place.phase], state.get_round_hash(ctx.store))


def find_votable(ctx: Context, block_hash: bytes) -> Wanted | None:
    """What votes for the block, whose hash this is, sign: the open round, or the one that opens with the next block."""
    place = locate_height(ctx.store, ctx.height)
    if place.phase in ROUNDS:
        return find_wanted(ctx)
    if place.phase not in OPENING or ctx.height != place.phase_last:
        return None
    later, opening = OPENING[place.phase]
    return _want(ctx, place.epoch + later, opening, block_hash)


def _want(ctx: Context, epoch: int, opening: Round, block_hash: bytes) -> Wanted | None:
    group = find_key_group(ctx.store, epoch)
    if group is None or getattr(group, f"{opening.name.lower()}_signature"):
        return None
    message = compute_beacon_message(ctx.chain_id, epoch, opening, block_hash)
    return Wanted(group=group, round=opening, message=message)


class Signer:
    """A validator's beacon secret, and what it opened with it last: an epoch's deals, and its shares of a key."""

    def __init__(self, secret: int) -> None:
        self._secret = secret
        self._key = multiply_g1(G1Point(), secret)
        self._deals: tuple[int, dict[str, list[int]]] = (0, {})
        self._opened: tuple[bytes, list[int]] = (b"", [])

    def extend(self, ctx: Context, block_hash: bytes) -> bytes:
        """What a vote for the block carries: a partial signature for each of the validator's slots; b"" where none is
        wanted, or the validator was dealt a share that is wrong.
        """
        wanted = find_votable(ctx, block_hash)
        if wanted is None:
            self._open_ahead(ctx)
            return b""
        member = self._find_member(wanted.group)
        if member is None:
            return b""
        if self._opened[0] != wanted.group.public_key:
            shares = self._sum_shares(ctx, wanted.group, member)
            right = are_shares_of(keys_of(wanted.group, member), shares)
            self._opened = (wanted.group.public_key, shares if right else [])
        return sign_partials(self._opened[1], wanted.message)

    def _find_member(self, group: Group) -> Member | None:
        return next((member for member in group.members if member.beacon_key == self._key), None)

    def _open_ahead(self, ctx: Context) -> None:
        """Open a few of the deals that have come, so that the round's first vote has not all of them to open."""
        place = locate_height(ctx.store, ctx.height)
        group = state.get_group(ctx.store, place.epoch + 1) if place.phase in DEALING else None
        member = self._find_member(group) if group else None
        if group is None or member is None:
            return
        opened = self._opened_deals(group.epoch)
        closed = (deal for deal in state.scan_deals(ctx.store, group.epoch) if deal.dealer not in opened)
        for deal in islice(closed, OPENED_AHEAD):
            opened[deal.dealer] = self._open(ctx, group, member, deal)

    def _sum_shares(self, ctx: Context, group: Group, member: Member) -> list[int]:
        sums, opened = [0] * member.slots, self._opened_deals(group.epoch)
        for deal in state.scan_deals(ctx.store, group.epoch):
            if deal.dealer in group.dealers:
                shares = opened.get(deal.dealer) or self._open(ctx, group, member, deal)
                sums = [(total + share) % ORDER for total, share in zip(sums, shares, strict=True)]
        return sums

    def _opened_deals(self, epoch: int) -> dict[str, list[int]]:
        """The shares by dealer, of deals for the epoch; those of another are forgotten."""
        if self._deals[0] != epoch:
            self._deals = (epoch, {})
        return self._deals[1]

    def _open(self, ctx: Context, group: Group, member: Member, deal: Deal) -> list[int]:
        dealing, sealed = read_dealing(ctx.chain_id, group, deal.dealer), read_deal(deal)
        return open_shares(dealing, sealed, compute_shared_key(sealed, self._secret), slots_of(member))


def is_extension_good(ctx: Context, block_hash: bytes, validator: bytes, extension: bytes) -> bool:
    """Whether a vote for the block by a validator (20-byte consensus address) may carry this; it may carry nothing."""
    if not extension:
        return True
    wanted = find_votable(ctx, block_hash)
    return wanted is not None and _is_signed_by(wanted, validator, extension)


def combine_extensions(ctx: Context, extensions: Mapping[bytes, bytes]) -> bytes:
    """The signature for the block, from what the votes for the block before carried, by 20-byte consensus address.

    b"" where none is wanted or too little is there.  Where one forged its part, all are checked and the rest is used.
    """
    wanted = find_wanted(ctx)
    if wanted is None:
        return b""
    signature = _combine(wanted, extensions)
    if verify(wanted.group.public_key, wanted.message, signature):
        return signature
    good = {name: extension for name, extension in extensions.items() if _is_signed_by(wanted, name, extension)}
    return _combine(wanted, good)


def take_signature(ctx: Context, signature: bytes) -> None:
    """Take the group's signature for the open round.  Raises: RuleError `beacon_output_invalid`."""
    wanted = find_wanted(ctx)
    if wanted is None:
        raise RuleError("beacon_output_invalid", "no round waits for a signature")
    if not verify(wanted.group.public_key, wanted.message, signature):
        raise RuleError("beacon_output_invalid", f"not the signature of the group of epoch {wanted.group.epoch}")
    name = wanted.round.name.lower()
    setattr(wanted.group, f"{name}_signature", signature)
    state.set_group(ctx.store, wanted.group)
    ctx.emit("round_signed", epoch=wanted.group.epoch, round=name)


def _combine(wanted: Wanted, extensions: Mapping[bytes, bytes]) -> bytes:
    """What these make together; b"" where there are too few, or one of them is no point."""
    partials: dict[int, bytes] = {}
    for validator, extension in extensions.items():
        member = _find_validator(wanted.group, validator)
        if member is not None and len(extension) == G1_BYTES * member.slots:
            partials.update(zip(slots_of(member), split_bytes(extension, G1_BYTES), strict=True))
    try:
        return combine_partials(partials)
    except ValueError:
        return b""


def _is_signed_by(wanted: Wanted, validator: bytes, extension: bytes) -> bool:
    member = _find_validator(wanted.group, validator)
    if member is None:
        return False
    return are_partials_right(keys_of(wanted.group, member), wanted.message, extension)


def _find_validator(group: Group, validator: bytes) -> Member | None:
    found = (member for member in group.members if sha256(member.consensus_pubkey).digest()[:20] == validator)
    return next(found, None)
