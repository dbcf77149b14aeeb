"""Beacon keys are registered at any time; deals and complaints have their windows."""

from __future__ import annotations

from typing import Final

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.beacon.threshold.dealing import find_dealing
from chain.modules.handler import Handler
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake.state import find_host
from rules.addresses import decode_address
from rules.errors import RuleError
from rules.schedule import DealingPlace
from rules.types import Host
from wire.gonka.beacon.v1.beacon_pb2 import Deal, Group, Member
from wire.gonka.beacon.v1.tx_pb2 import (
    MsgComplain,
    MsgComplainResponse,
    MsgDeal,
    MsgDealResponse,
    MsgSetBeaconKey,
    MsgSetBeaconKeyResponse,
)
from wire.threshold.dealing import Opening, are_shares_right, is_opening_of, is_well_formed, open_shares
from wire.threshold.groups import find_member, read_deal, read_dealing, slots_of
from wire.threshold.proofs import is_key_proved


def set_beacon_key(ctx: Context, message: MsgSetBeaconKey) -> MsgSetBeaconKeyResponse:
    """Take the key to which a host's shares are encrypted from the next group on."""
    host = Host(decode_address(message.host))
    if find_host(ctx.store, host).left_epoch:
        raise RuleError("host_left", "who has left is dealt nothing")
    if not is_key_proved(ctx.chain_id, host, message.beacon_key, message.proof):
        raise RuleError("beacon_key_invalid", f"not proved for {message.host} on {ctx.chain_id}")
    state.set_beacon_key(ctx.store, host, message.beacon_key)
    ctx.emit("beacon_key_set", host=message.host, beacon_key=message.beacon_key.hex())
    return MsgSetBeaconKeyResponse()


def deal(ctx: Context, message: MsgDeal) -> MsgDealResponse:
    """Take a member's part of the next epoch's key."""
    place, group = _find_group(ctx, message.epoch)
    if not place.deal_first <= ctx.height <= place.deal_last:
        raise RuleError("deal_window_closed", f"deals were taken to height {place.deal_last}")
    dealer = Host(decode_address(message.host))
    _find_member(group, message.host)
    if state.get_deal(ctx.store, group.epoch, dealer):
        raise RuleError("deal_twice", f"{message.host} has dealt for epoch {group.epoch}")
    if not is_well_formed(read_dealing(ctx.chain_id, group, message.host), read_deal(message)):
        raise RuleError("deal_invalid", "sizes, points or the proof do not fit this group")
    taken = Deal(
        dealer=message.host,
        commitments=message.commitments,
        proof=message.proof,
        ephemeral_key=message.ephemeral_key,
        shares=message.shares,
    )
    state.set_deal(ctx.store, group.epoch, dealer, taken)
    ctx.emit("dealt", epoch=group.epoch, dealer=message.host)
    return MsgDealResponse()


def complain(ctx: Context, message: MsgComplain) -> MsgComplainResponse:
    """Take a deal out that a member shows to be wrong."""
    place, group = _find_group(ctx, message.epoch)
    if not place.deal_first <= ctx.height <= place.complaint_last:
        raise RuleError("complaint_window_closed", f"complaints were taken to height {place.complaint_last}")
    member, dealer = _find_member(group, message.host), Host(decode_address(message.dealer))
    found = state.get_deal(ctx.store, group.epoch, dealer)
    if found is None or found.accused_by:
        raise RuleError("complaint_pointless", f"no deal of {message.dealer} counts")
    dealing, sealed = read_dealing(ctx.chain_id, group, message.dealer), read_deal(found)
    opening = Opening(shared_key=message.shared_key, proof=message.proof)
    if not is_opening_of(dealing, sealed, member.beacon_key, opening):
        raise RuleError("complaint_invalid", f"not the key that {message.dealer} and {message.host} share")
    slots = slots_of(member)
    if are_shares_right(sealed.commitments, slots, open_shares(dealing, sealed, opening.shared_key, slots)):
        raise RuleError("complaint_unfounded", f"{message.dealer} dealt {message.host} the shares it committed to")
    found.accused_by = message.host
    state.set_deal(ctx.store, group.epoch, dealer, found)
    ctx.emit("deal_refuted", epoch=group.epoch, dealer=message.dealer, accused_by=message.host)
    return MsgComplainResponse()


def _find_group(ctx: Context, epoch: int) -> tuple[DealingPlace, Group]:
    """The group that deals now, with where it does."""
    place, following = find_dealing(ctx.store), get_epoch_start(ctx.store).epoch + 1
    if epoch != following:
        raise RuleError("epoch_wrong", f"a key is dealt for epoch {following}", epoch=following)
    group = state.get_group(ctx.store, following)
    if place is None or group is None:
        raise RuleError("deal_window_closed", f"no group has formed for epoch {following}")
    return place, group


def _find_member(group: Group, host: str) -> Member:
    member = find_member(group, host)
    if member is None:
        raise RuleError("deal_not_member", f"{host} holds no slot in the group of epoch {group.epoch}")
    return member


HANDLERS: Final = (
    Handler(message=MsgSetBeaconKey, apply=set_beacon_key, gas=30_000),
    Handler(message=MsgDeal, apply=deal, gas=200_000, duty=True),
    Handler(message=MsgComplain, apply=complain, gas=200_000, duty=True),
)
