"""Models of a genesis file, read from folders."""

from pathlib import Path

import pytest

from chain.genesis import read_genesis
from commands.chain import group
from commands.genesis_models import read_model
from rules.errors import RuleError
from sidecar.errors import SidecarError
from tests.chain.ledger import ANN
from tests.commands.models import make_folder
from tests.commands.people import error_of, run
from wire.gonka.inference.v1.inference_pb2 import Model


def test_read_model__a_folder_with_a_manifest__is_described_by_it(tmp_path: Path) -> None:
    manifest = make_folder(tmp_path / "small")
    assert read_model(f"{tmp_path}/small:1:4:0.01GNK") == Model(
        name="small",
        content_hash=manifest.content_hash,
        tokenizer_hash=manifest.tokenizer_hash,
        units_per_token_in=1,
        units_per_token_out=4,
        max_context=512,
        base_price_ngonka=10**7,
    )


@pytest.mark.parametrize("text", ["", "x", "x:1:4", "x:1:4:", "x:a:4:1GNK", "x:1:-4:1GNK", "x:1:4:much"])
def test_read_model__another_form__is_refused(text: str) -> None:
    with pytest.raises(RuleError, match=r"model_invalid|amount_invalid"):
        read_model(text)


def test_read_model__a_folder_without_a_manifest__is_refused(tmp_path: Path) -> None:
    with pytest.raises(SidecarError, match="model_missing"):
        read_model(f"{tmp_path}:1:4:1GNK")


def test_init__a_model__is_in_the_genesis_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "models" / "small")
    words = ("init", "--preset", "minimal", "--chain-id", "x-1", "--account", f"{ANN.text}=100", "--host", ANN.text)
    made = run(group, *words, "--model", f"{tmp_path}/models/small:1:4:0.01GNK", "--home", str(tmp_path))
    assert made.exit_code == 0, made.output
    (model,) = read_genesis((tmp_path / "genesis.json").read_bytes()).models
    assert (model.name, model.units_per_token_out, model.base_price_ngonka) == ("small", 4, 10**7)


def test_init__a_model_that_cannot_be__writes_no_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "small")
    words = ("init", "--preset", "minimal", "--chain-id", "x-1", "--account", f"{ANN.text}=100", "--host", ANN.text)
    for spec, code in [
        (f"{tmp_path}/small:0:4:0.01GNK", "genesis_invalid"),
        (f"{tmp_path}/small:1:4:1ngonka", "genesis_invalid"),
        (f"{tmp_path}/none:1:4:1GNK", "model_missing"),
    ]:
        assert error_of(run(group, *words, "--model", spec, "--home", str(tmp_path))) == code
    assert not (tmp_path / "genesis.json").exists()
