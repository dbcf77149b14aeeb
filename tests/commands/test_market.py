"""Models found by what people type, and prices in GNK and USD."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.market import describe_escrow, describe_price, find_chain_model
from commands.model import group
from rules.errors import RuleError
from tests.commands.models import run_market
from tests.commands.people import error_of, run
from wire.gonka.inference.v1.inference_pb2 import Escrow, Model, Reserve

MODELS = [
    Model(name="big", model_id=bytes.fromhex("aabbccdd") * 8, units_per_token_in=3, units_per_token_out=7),
    Model(name="tiny", model_id=bytes.fromhex("aabbccee") * 8, units_per_token_in=1, units_per_token_out=4),
]


@pytest.mark.parametrize(
    ("name", "found"), [("tiny", "tiny"), ("big", "big"), ("AABBCCEE", "tiny"), ("aabbccddaa", "big")]
)
def test_find_chain_model__a_name_or_the_beginning_of_an_id__is_found(name: str, found: str) -> None:
    assert find_chain_model(MODELS, name).name == found


@pytest.mark.parametrize("name", ["", "aabbcc", "large", "aabbccff"])
def test_find_chain_model__anything_else__names_those_there_are(name: str) -> None:
    with pytest.raises(RuleError, match="big, tiny"):
        find_chain_model(MODELS, name)


def test_describe_price__with_a_rate__is_exact_in_gnk_and_to_the_pico_dollar_in_usd() -> None:
    model = Model(name="m", units_per_token_in=1, units_per_token_out=3, base_price_ngonka=333_333_333)
    plain = describe_price(model, None)
    assert (plain["gnk_in"], plain["gnk_out"]) == ("0.333333333 GNK", "0.999999999 GNK")
    assert "usd_in" not in plain
    priced = describe_price(model, 500_000_000_000)
    assert (priced["usd_in"], priced["usd_out"]) == ("0.1666666665", "0.4999999995")
    assert describe_price(model, 1)["usd_in"] == "0.00"


def test_describe_escrow__open_closing_and_closed__adds_up() -> None:
    escrow = Escrow(escrow_id=1, deposit_ngonka=10**10, reserves=[Reserve(paid_ngonka=10**9)])
    assert describe_escrow(escrow, {})["left"] == "9 GNK"
    escrow.closes_epoch = 5
    assert describe_escrow(escrow, {})["state"] == "closes in 5"
    escrow.closed, escrow.refunded_ngonka = True, 9 * 10**9
    assert (describe_escrow(escrow, {})["state"], describe_escrow(escrow, {})["left"]) == ("closed", "0 GNK")


def test_price__on_a_chain__shows_what_its_models_cost(tmp_path: Path) -> None:
    with run_market(tmp_path / "chain") as target:
        shown = run(group, "price", "tiny", "--gnk-usd", "0.5", "--chain", target, "--home", str(tmp_path))
        unknown = run(group, "price", "huge", "--chain", target, "--home", str(tmp_path))
        nonsense = run(group, "price", "--gnk-usd", "cheap", "--chain", target, "--home", str(tmp_path))
    assert shown.exit_code == 0, shown.output
    assert "0.04 GNK" in shown.stdout
    assert "0.02" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert error_of(unknown) == "model_unknown"
    assert error_of(nonsense) == "usd_invalid"
