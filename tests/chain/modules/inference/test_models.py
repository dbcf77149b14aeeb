"""Governance adds models; everything names them by their hash."""

from dataclasses import replace

import pytest

from chain.modules.inference import state
from chain.modules.params.state import get_live, init_params
from rules.errors import RuleError
from rules.models import compute_model_id
from tests.chain.ledger import ANN
from tests.chain.market import BASE_PRICE, add_model
from tests.chain.network import Network
from wire.gonka.inference.v1.inference_pb2 import Model
from wire.gonka.inference.v1.tx_pb2 import MsgAddModel, MsgAddModelResponse


@pytest.fixture
def network() -> Network:
    return Network()


def changed(**values: object) -> MsgAddModel:
    message = add_model()
    for name, value in values.items():
        setattr(message, name, value)
    return message


def test_add_model__by_a_proposal__is_found_by_id_and_by_name(network: Network) -> None:
    response = network.send(add_model())
    assert isinstance(response, MsgAddModelResponse)
    expected = compute_model_id(b"tiny".ljust(32, b"."), b"t" * 32, 1, 4)
    assert response.model_id == state.get_model_id(network.store, "tiny") == expected
    assert state.find_model(network.store, expected) == Model(
        model_id=expected,
        name="tiny",
        content_hash=b"tiny".ljust(32, b"."),
        tokenizer_hash=b"t" * 32,
        units_per_token_in=1,
        units_per_token_out=4,
        max_context=2048,
        base_price_ngonka=BASE_PRICE,
    )


def test_add_model__the_same_contents_at_other_units__is_another_model(network: Network) -> None:
    network.send(add_model())
    network.send(changed(name="tiny-2", units_per_token_in=2))
    assert {model.name for model in state.scan_models(network.store)} == {"tiny", "tiny-2"}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"authority": ANN.text}, "unauthorized"),
        ({"name": "Tiny"}, "model_invalid"),
        ({"content_hash": b"x"}, "model_invalid"),
        ({"tokenizer_hash": b""}, "model_invalid"),
        ({"units_per_token_in": 0}, "model_invalid"),
        ({"units_per_token_out": 2**32 - 1}, "model_invalid"),
        ({"max_context": 0}, "model_invalid"),
        ({"base_price_ngonka": 0}, "model_invalid"),
        ({"base_price_ngonka": 2**64 - 1}, "model_invalid"),
        ({"content_hash": b"y" * 32}, "model_known"),
        ({"name": "another"}, "model_known"),
    ],
)
def test_add_model__one_thing_wrong__is_refused(network: Network, values: dict[str, object], code: str) -> None:
    network.send(add_model())
    with pytest.raises(RuleError) as error:
        network.send(changed(**values))
    assert error.value.code == code


def test_add_model__as_many_as_there_may_be__is_refused(network: Network) -> None:
    live = get_live(network.store)
    init_params(network.store, replace(live, inference=replace(live.inference, max_models=1)))
    network.send(add_model("one"))
    with pytest.raises(RuleError, match="models_full"):
        network.send(add_model("two"))


def test_find_model__an_id_of_any_length_that_is_none__is_refused(network: Network) -> None:
    for model_id in (b"", bytes(32), bytes(1000)):
        with pytest.raises(RuleError, match="model_unknown"):
            state.find_model(network.store, model_id)
