"""A group forms, its members deal, and what is good of it becomes its key."""

from __future__ import annotations

from chain.context import Context
from chain.modules.beacon import state
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake import state as stake
from chain.store.kv import Reader
from rules.addresses import encode_address
from rules.params import THRESHOLD_BLS
from rules.schedule import DealingPlace, locate_dealing
from rules.slots import THRESHOLD, allocate_slots
from rules.types import Host
from wire.gonka.beacon.v1.beacon_pb2 import Group, Member
from wire.threshold.dealing import make_key

LEAST_MEMBERS = 2


def find_dealing(store: Reader) -> DealingPlace | None:
    """Where in the running epoch the next one's key is dealt, None on a chain that deals none."""
    params = get_frozen(store)
    return locate_dealing(get_epoch_start(store), params) if params.beacon.kind == THRESHOLD_BLS else None


def begin_dealing(ctx: Context) -> None:
    """In a dealing's first block, form the group: the validators with a beacon key, with slots by their weight.

    Fewer than LEAST_MEMBERS form none, and the next epoch's rounds take what is committed and revealed.
    """
    place = find_dealing(ctx.store)
    if place is None or ctx.height != place.deal_first:
        return
    group = _form_group(ctx.store, get_epoch_start(ctx.store).epoch + 1)
    if len(group.members) >= LEAST_MEMBERS:
        state.set_group(ctx.store, group)
    ctx.emit("group_formed", epoch=group.epoch, members=len(group.members))


def _form_group(store: Reader, epoch: int) -> Group:
    weights, keys = stake.get_weights(store, stake.table_epoch(store)), {}
    for key in stake.get_validators(store):
        host = stake.get_key_owner(store, key)
        if host is not None and state.get_beacon_key(store, host):
            keys[host] = key
    slots = allocate_slots({host: weights.get(host, 0) for host in keys})
    return Group(epoch=epoch, members=[_make_member(store, host, keys[host], held) for host, held in slots.items()])


def _make_member(store: Reader, host: Host, consensus_pubkey: bytes, slots: range) -> Member:
    return Member(
        host=encode_address(host),
        consensus_pubkey=consensus_pubkey,
        beacon_key=state.get_beacon_key(store, host),
        first_slot=slots.start,
        slots=len(slots),
    )


def end_dealing(ctx: Context) -> None:
    """With the last block for complaints, make the key of the deals that are good.

    Their dealers must hold THRESHOLD slots together: then one of them is honest unless who is not could sign alone.
    """
    place = find_dealing(ctx.store)
    if place is None or ctx.height != place.complaint_last:
        return
    group = state.get_group(ctx.store, get_epoch_start(ctx.store).epoch + 1)
    if group is None:
        return
    deals = {deal.dealer: deal for deal in state.scan_deals(ctx.store, group.epoch) if not deal.accused_by}
    held = sum(member.slots for member in group.members if member.host in deals)
    if held < THRESHOLD:
        ctx.emit("dealing_failed", epoch=group.epoch, dealers=len(deals), slots=held)
        return
    key = make_key([deal.commitments for deal in deals.values()])
    group.public_key, group.slot_keys = key.public_key, key.slot_keys
    group.dealers.extend(deals)
    state.set_group(ctx.store, group)
    ctx.emit("key_dealt", epoch=group.epoch, dealers=len(deals), slots=held)


def find_key_group(store: Reader, epoch: int) -> Group | None:
    """The group that signs the rounds of `epoch`; None where no key was dealt, so that secrets are revealed."""
    group = state.get_group(store, epoch)
    return group if group is not None and group.public_key else None
