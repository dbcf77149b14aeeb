"""The models that a chain begins with."""

from __future__ import annotations

from chain.context import Context
from chain.modules.inference.models import check_model, derive_model_id, put_model
from rules.errors import RuleError
from wire.codec import decode_params
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.params.v1.genesis_pb2 import Genesis


def check_models(genesis: Genesis) -> None:
    """Raises RuleError `models_full`, `model_known` for two alike, `model_invalid`, also for an id not derived."""
    params = decode_params(genesis.params).inference
    if len(genesis.models) > params.max_models:
        raise RuleError("models_full", f"{len(genesis.models)}, at most {params.max_models}")
    for model in genesis.models:
        check_model(model, params)
        if model.model_id not in {b"", derive_model_id(model)}:
            raise RuleError("model_invalid", f"{model.name}: the id is not {derive_model_id(model).hex()}")
    for part in (lambda model: model.name, derive_model_id):
        if len({part(model) for model in genesis.models}) < len(genesis.models):
            raise RuleError("model_known", "two have one name or one id")


def init(ctx: Context, genesis: Genesis) -> None:
    """Write the models, which `check_models` found good."""
    for described in genesis.models:
        model = Model()
        model.CopyFrom(described)
        model.added_epoch = 0
        put_model(ctx, model)
