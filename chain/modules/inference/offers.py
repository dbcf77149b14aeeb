"""Hosts say what they serve, where, and with which key; and who of them an escrow may draw."""

from __future__ import annotations

from chain.context import Context
from chain.modules.auth.state import create_account
from chain.modules.inference import state
from chain.modules.inference.showings_state import retire_key
from chain.modules.sprint.state import get_epoch_start
from chain.modules.stake import state as stake
from chain.store.kv import Reader
from rules.addresses import address_from_pubkey, decode_address, encode_address
from rules.errors import RuleError
from rules.offers import check_endpoint, check_region
from rules.types import Host
from wire.gonka.inference.v1.inference_pb2 import Offer, Policy
from wire.gonka.inference.v1.tx_pb2 import (
    MsgSetOffer,
    MsgSetOfferResponse,
    MsgSetServingKey,
    MsgSetServingKeyResponse,
)
from wire.vouchers import is_public_key


def apply_set_offer(ctx: Context, message: MsgSetOffer) -> MsgSetOfferResponse:
    """Replace what a host offers; without models, it offers nothing from now on.  Escrows that have it stay.

    Raises: RuleError `host_unknown`, `host_left`, `offer_invalid`, `model_unknown`.
    """
    host = _find_active(ctx, message.host)
    model_ids = list(message.model_ids)
    if model_ids != sorted(set(model_ids)):
        raise RuleError("offer_invalid", "models are named in ascending order, each once")
    for model_id in model_ids:
        state.find_model(ctx.store, model_id)
    if model_ids or message.endpoint:
        check_endpoint(message.endpoint)
    if message.region:
        check_region(message.region)
    before = state.get_offer(ctx.store, host) or Offer()
    offer = Offer(
        host=message.host,
        model_ids=model_ids,
        endpoint=message.endpoint,
        region=message.region,
        serving_pubkey=before.serving_pubkey,
    )
    state.set_offer(ctx.store, host, offer)
    names = ",".join(model_id.hex() for model_id in model_ids)
    ctx.emit("offer_set", host=message.host, models=names, endpoint=message.endpoint, region=message.region)
    return MsgSetOfferResponse()


def apply_set_serving_key(ctx: Context, message: MsgSetServingKey) -> MsgSetServingKeyResponse:
    """Name the key of the host's serving process, in place of the one before.  Its account is made, so that it can
    settle without ever having been paid.

    Raises: RuleError `host_unknown`, `host_left`, `serving_key_invalid`, `serving_key_taken`.
    """
    host = _find_active(ctx, message.host)
    if not is_public_key(message.serving_pubkey):
        raise RuleError("serving_key_invalid", f"{message.serving_pubkey[:33].hex()!r} is none")
    if state.get_serving_host(ctx.store, message.serving_pubkey) not in {None, host}:
        raise RuleError("serving_key_taken", message.serving_pubkey.hex())
    offer = state.get_offer(ctx.store, host) or Offer(host=message.host)
    if offer.serving_pubkey not in {b"", message.serving_pubkey}:
        retire_key(ctx.store, host, offer.serving_pubkey, get_epoch_start(ctx.store).epoch)
    offer.serving_pubkey = message.serving_pubkey
    state.set_offer(ctx.store, host, offer)
    account = address_from_pubkey(message.serving_pubkey)
    create_account(ctx.store, account)
    key, address = message.serving_pubkey.hex(), encode_address(account)
    ctx.emit("serving_key_set", host=message.host, serving_pubkey=key, serving_address=address)
    return MsgSetServingKeyResponse()


def list_servers(store: Reader, model_id: bytes, policy: Policy) -> dict[Host, int]:
    """Effective units of the hosts that serve a model under a policy, in address order: those that stay, are not
    jailed, offer it and have a serving key.
    """
    epoch, table_epoch = get_epoch_start(store).epoch, stake.table_epoch(store)
    found = {}
    for host in state.scan_offering(store, model_id):
        units, record = stake.get_units(store, table_epoch, host), stake.get_host(store, host)
        if not units or record is None or record.left_epoch or record.jailed_until_epoch > epoch:
            continue
        offer = state.get_offer(store, host)
        if offer is not None and offer.serving_pubkey and _matches(policy, offer):
            found[host] = units
    return found


def _matches(policy: Policy, offer: Offer) -> bool:
    inside = not policy.regions or offer.region in policy.regions
    return inside and (not policy.hosts or offer.host in policy.hosts)


def _find_active(ctx: Context, address: str) -> Host:
    host = Host(decode_address(address))
    record = stake.find_host(ctx.store, host)
    if record.left_epoch:
        raise RuleError("host_left", f"{address} left in epoch {record.left_epoch - 1}")
    return host
