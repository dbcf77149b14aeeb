"""A chain may begin with models."""

import pytest

from chain.genesis import read_genesis
from chain.modules.inference import state
from chain.modules.inference.models import derive_model_id
from rules.errors import RuleError
from tests.chain.ledger import make_context, make_genesis
from tests.chain.market import add_model, model_of
from wire.gonka.inference.v1.inference_pb2 import Model


def changed(**values: object) -> Model:
    model = model_of(add_model())
    for name, value in values.items():
        setattr(model, name, value)
    return model


def test_init__models_in_the_file__are_there_before_block_1() -> None:
    ctx = make_context(make_genesis(models=(changed(), changed(name="other", units_per_token_in=3))))
    assert {model.name for model in state.scan_models(ctx.store)} == {"tiny", "other"}
    for model in state.scan_models(ctx.store):
        assert model.model_id == derive_model_id(model)


def test_init__the_derived_id_in_the_file__is_taken() -> None:
    model = changed(model_id=derive_model_id(changed()))
    assert len(list(state.scan_models(make_context(make_genesis(models=(model,))).store))) == 1


@pytest.mark.parametrize(
    ("models", "because"),
    [
        ((changed(name="No"),), "a name of another form"),
        ((changed(model_id=bytes(32)),), "an id that is not derived"),
        ((changed(base_price_ngonka=0),), "no price"),
        ((changed(), changed()), "one model twice"),
        ((changed(), changed(units_per_token_in=2)), "one name twice"),
        ((changed(), changed(name="other")), "one id twice"),
        (tuple(changed(name=f"m{n}", units_per_token_in=n + 1) for n in range(257)), "more than there may be"),
    ],
)
def test_read_genesis__models_that_cannot_be__are_refused(models: tuple[Model, ...], because: str) -> None:
    with pytest.raises(RuleError, match=r"^genesis_invalid: models: "):
        read_genesis(make_genesis(models=models))
