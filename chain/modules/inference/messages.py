"""The messages of inference."""

from typing import Final

from chain.modules.handler import Handler
from chain.modules.inference.escrows import apply_close, apply_open, apply_top_up
from chain.modules.inference.models import add_model
from chain.modules.inference.offers import apply_set_offer, apply_set_serving_key
from chain.modules.inference.vouchers import apply_settle
from wire.gonka.inference.v1.tx_pb2 import (
    MsgAddModel,
    MsgCloseEscrow,
    MsgOpenEscrow,
    MsgSetOffer,
    MsgSetServingKey,
    MsgSettleVoucher,
    MsgTopUpEscrow,
)

HANDLERS: Final = (
    Handler(message=MsgAddModel, apply=add_model, gas=100_000),
    Handler(message=MsgSetOffer, apply=apply_set_offer, gas=50_000, each="model_ids"),
    Handler(message=MsgSetServingKey, apply=apply_set_serving_key, gas=50_000),
    # reads every host that offers the model
    Handler(message=MsgOpenEscrow, apply=apply_open, gas=4_000_000),
    Handler(message=MsgTopUpEscrow, apply=apply_top_up, gas=50_000),
    Handler(message=MsgSettleVoucher, apply=apply_settle, gas=100_000, duty=True, patient=True),
    Handler(message=MsgCloseEscrow, apply=apply_close, gas=50_000),
)
