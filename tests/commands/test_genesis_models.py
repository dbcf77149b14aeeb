"""Models of a genesis file, read from folders."""

from pathlib import Path

import pytest

from commands.genesis_models import read_model
from rules.errors import RuleError
from sidecar.errors import SidecarError
from tests.commands.models import make_folder
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
