"""What a SETTLE does for inference: rests return, base prices follow what was settled, what is over is forgotten."""

from __future__ import annotations

from collections import Counter
from typing import Final

from chain.context import Context
from chain.modules.bank.messages import transfer
from chain.modules.inference import state
from chain.modules.inference.showings import RETIRED_EPOCHS
from chain.modules.inference.showings_state import delete_retired_before
from chain.modules.stake.state import get_host
from chain.settlement import Settlement
from rules.addresses import decode_address
from rules.pricing import compute_next_base_price

KEPT_EPOCHS: Final = 64
"""Epochs for which a closed escrow is kept."""
SETTLED_EPOCHS: Final = 4
"""Epochs for which it is kept what vouchers settled, the settled one included: the answers are checked meanwhile."""


def process_refunds(ctx: Context, settlement: Settlement) -> None:
    """Return what is left of the escrows that close now."""
    for escrow_id in state.list_closing(ctx.store, settlement.epoch):
        escrow = state.find_escrow(ctx.store, escrow_id)
        rest = escrow.deposit_ngonka - sum(reserve.paid_ngonka for reserve in escrow.reserves)
        transfer(ctx, state.POOL, decode_address(escrow.developer), rest)
        escrow.refunded_ngonka, escrow.closed = rest, True
        state.close_escrow(ctx.store, escrow)
        ctx.emit("escrow_closed", escrow_id=escrow_id, developer=escrow.developer, refunded_ngonka=rest)


def process_prices(ctx: Context, settlement: Settlement) -> None:
    """Move every model's base price by the volume settled since the last SETTLE; the capacity that it is held against
    is that of the table which the epoch read.
    """
    capacity: Counter[bytes] = Counter()
    for host, offer in state.scan_offers(ctx.store):
        for model_id in offer.model_ids:
            capacity[model_id] += settlement.table.get(host, 0)
    for model in list(state.scan_models(ctx.store)):
        volume, before = state.get_volume(ctx.store, model.model_id), model.base_price_ngonka
        model.base_price_ngonka = compute_next_base_price(
            before, volume, capacity[model.model_id], settlement.params.inference
        )
        state.set_volume(ctx.store, model.model_id, 0)
        state.set_model(ctx.store, model)
        after = model.base_price_ngonka
        ctx.emit("base_price_set", model=model.name, volume_units=volume, before_ngonka=before, after_ngonka=after)


def process_forgetting(ctx: Context, settlement: Settlement) -> None:
    """Forget the offers of hosts that are gone, escrows long closed, and what can be checked no longer."""
    for host, _ in list(state.scan_offers(ctx.store)):
        if get_host(ctx.store, host) is None:
            state.delete_offer(ctx.store, host)
    delete_retired_before(ctx.store, max(0, settlement.epoch - RETIRED_EPOCHS))
    if settlement.epoch >= SETTLED_EPOCHS:
        state.delete_settled_before(ctx.store, settlement.epoch - SETTLED_EPOCHS + 1)
    if settlement.epoch >= KEPT_EPOCHS:
        closed_epoch = settlement.epoch - KEPT_EPOCHS
        for escrow_id in state.list_closing(ctx.store, closed_epoch):
            state.delete_escrow(ctx.store, state.find_escrow(ctx.store, escrow_id))
            state.delete_closing(ctx.store, closed_epoch, escrow_id)
