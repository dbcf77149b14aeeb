"""Governance adds models."""

from __future__ import annotations

from chain.context import Context
from chain.modules.gov.state import AUTHORITY
from chain.modules.inference import state
from chain.modules.params.state import get_frozen
from chain.modules.sprint.state import get_epoch_start
from rules.addresses import decode_address, encode_address
from rules.errors import RuleError
from rules.models import check_model_measures, check_model_name, compute_model_id
from rules.params import InferenceParams
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.inference.v1.tx_pb2 import MsgAddModel, MsgAddModelResponse


def add_model(ctx: Context, message: MsgAddModel) -> MsgAddModelResponse:
    """A model for hosts to offer.

    Raises: RuleError `unauthorized`, `models_full`, `model_known`, and as `check_model`.
    """
    if decode_address(message.authority) != AUTHORITY:
        raise RuleError("unauthorized", f"only {encode_address(AUTHORITY)}, by a proposal, adds a model")
    model = Model(
        name=message.name,
        content_hash=message.content_hash,
        tokenizer_hash=message.tokenizer_hash,
        units_per_token_in=message.units_per_token_in,
        units_per_token_out=message.units_per_token_out,
        max_context=message.max_context,
        base_price_ngonka=message.base_price_ngonka,
        added_epoch=get_epoch_start(ctx.store).epoch,
    )
    return MsgAddModelResponse(model_id=put_model(ctx, model))


def put_model(ctx: Context, model: Model) -> bytes:
    """Write a new model under the id derived from it, which is returned; whatever id it came with is replaced."""
    params = get_frozen(ctx.store).inference
    check_model(model, params)
    if sum(1 for _ in state.scan_models(ctx.store)) >= params.max_models:
        raise RuleError("models_full", f"there are {params.max_models} models", max_models=params.max_models)
    model.model_id = derive_model_id(model)
    if state.get_model(ctx.store, model.model_id) or state.get_model_id(ctx.store, model.name):
        raise RuleError("model_known", f"{model.name}, {model.model_id.hex()}")
    state.set_model(ctx.store, model)
    ctx.emit("model_added", name=model.name, model_id=model.model_id.hex(), base_price_ngonka=model.base_price_ngonka)
    return model.model_id


def check_model(model: Model, params: InferenceParams) -> None:
    """Raises RuleError `model_invalid` for a name, a hash, units, a context or a base price out of bounds."""
    check_model_name(model.name)
    units = (model.units_per_token_in, model.units_per_token_out)
    check_model_measures(model.content_hash, model.tokenizer_hash, units, model.max_context)
    if not params.min_price_ngonka <= model.base_price_ngonka <= params.max_price_ngonka:
        bounds = f"{params.min_price_ngonka} to {params.max_price_ngonka} ngonka for 10^6 units"
        raise RuleError("model_invalid", f"a base price of {model.base_price_ngonka}, not {bounds}")


def derive_model_id(model: Model) -> bytes:
    """The 32 bytes that a model's contents and units come to."""
    return compute_model_id(
        model.content_hash, model.tokenizer_hash, model.units_per_token_in, model.units_per_token_out
    )
