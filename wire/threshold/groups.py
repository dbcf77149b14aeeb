"""Groups and deals as they stand in messages and in the chain's state."""

from __future__ import annotations

from rules.addresses import decode_address
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group, Member
from wire.gonka.beacon.v1.tx_pb2 import MsgDeal
from wire.threshold.curve import G2_BYTES
from wire.threshold.dealing import (
    Dealing,
    SealedDeal,
    are_shares_right,
    compute_shared_key,
    open_deal,
    open_shares,
)


def read_dealing(chain_id: str, group: Group, dealer: str) -> Dealing:
    """What a member, given by its bech32 address, deals for."""
    keys = tuple([member.beacon_key for member in group.members for _ in range(member.slots)])
    return Dealing(chain_id=chain_id, epoch=group.epoch, dealer=decode_address(dealer), keys=keys)


def read_deal(message: Deal | MsgDeal) -> SealedDeal:
    """What is sealed in a deal."""
    return SealedDeal(
        commitments=message.commitments,
        proof=message.proof,
        ephemeral_key=message.ephemeral_key,
        shares=message.shares,
    )


def find_wrong_share(dealing: Dealing, deal: Deal, member: Member, secret: int) -> bytes:
    """What shows everybody that a deal holds a wrong share of the member with this secret: the shared key, then its
    proof; b"" where all are right.
    """
    sealed, slots = read_deal(deal), slots_of(member)
    shares = open_shares(dealing, sealed, compute_shared_key(sealed, secret), slots)
    if are_shares_right(sealed.commitments, slots, shares):
        return b""
    opening = open_deal(dealing, sealed, secret)
    return opening.shared_key + opening.proof


def find_member(group: Group, host: str) -> Member | None:
    """The member with this bech32 address."""
    return next((member for member in group.members if member.host == host), None)


def slots_of(member: Member) -> range:
    """The slots that a member holds."""
    return range(member.first_slot, member.first_slot + member.slots)


def keys_of(group: Group, member: Member) -> bytes:
    """The public keys of the slots that a member holds, once the group's key is dealt."""
    start = G2_BYTES * (member.first_slot - 1)
    return group.slot_keys[start : start + G2_BYTES * member.slots]
