"""Our forward over steps of many requests, against the library's own over one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import AutoModelForCausalLM

from sidecar.errors import SidecarError
from sidecar.inference.manifest import build_manifest, write_manifest
from sidecar.inference.network import Network, Part
from tests.sidecar.inference.tiny import END, draw_weights, make_tiny_model

PROMPT = [(7 * i) % 256 for i in range(300)]


@pytest.fixture(scope="module")
def network(models: Path) -> Network:
    return Network.open(models / "tiny", "cpu")


@pytest.fixture(scope="module")
def plain_TV(models: Path) -> np.ndarray:
    """The library's logits after each token of PROMPT."""
    model = AutoModelForCausalLM.from_pretrained(models / "tiny", dtype=torch.float32)
    with torch.inference_mode():
        return np.asarray(model(torch.tensor([PROMPT])).logits[0].numpy())


def test_open__a_model__knows_what_ends_its_answers(network: Network) -> None:
    assert network.ends == {END}
    assert network.count_tokens() >= network.max_context


def test_read_logits__in_pieces__are_those_of_one_forward(network: Network, plain_TV: np.ndarray) -> None:
    pieces = [*network.read_logits(PROMPT, 100)]
    assert [len(piece) for piece in pieces] == [28, 128, 44]
    assert np.abs(np.concatenate(pieces) - plain_TV[100:]).max() < 1e-4


def test_compute_logits__prompts_and_answers_side_by_side__each_sees_only_its_own(
    network: Network, plain_TV: np.ndarray
) -> None:
    caches = [network.make_cache() for _ in range(3)]
    done = [0, 0, 0]
    for counts in ([5, 1, 260], [1, 7, 1], [0, 1, 1], [30, 1, 0]):
        taking = [n for n in range(3) if counts[n]]
        parts = [
            Part(cache=caches[n], tokens=PROMPT[done[n] : done[n] + counts[n]], first=done[n], rows=1) for n in taking
        ]
        for n, logits_V in zip(taking, network.compute_logits(parts), strict=True):
            done[n] += counts[n]
            assert np.abs(logits_V - plain_TV[done[n] - 1]).max() < 1e-4


def test_compute_logits__no_rows_wanted__none(network: Network) -> None:
    part = Part(cache=network.make_cache(), tokens=[1, 2], first=0, rows=0)
    assert network.compute_logits([part]).shape == (0, network.vocabulary)


def test_read_hidden__a_text__has_a_row_for_each_token(network: Network) -> None:
    assert [piece.shape for piece in network.read_hidden(PROMPT)] == [(128, 32), (128, 32), (44, 32)]


def drop_a_layer(weights: dict[str, np.ndarray]) -> None:
    for name in [name for name in weights if name.startswith("model.layers.1.")]:
        del weights[name]


def widen(weights: dict[str, np.ndarray]) -> None:
    weights["lm_head.weight"] = np.zeros((300, 32), dtype=np.float32)


@pytest.mark.parametrize("change", [drop_a_layer, widen])
def test_open__weights_that_are_not_all_there__are_refused_not_made_up(
    tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    folder, weights = make_tiny_model(tmp_path), draw_weights(0)
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    write_manifest(folder, build_manifest("tiny", folder))
    assert refuse(folder) in {"model_incomplete", "model_unsupported"}


def test_open__safetensors_that_are_garbage__are_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path)
    (folder / "model.safetensors").write_bytes(b"garbage" * 100)
    write_manifest(folder, build_manifest("tiny", folder))
    assert refuse(folder) == "model_unsupported"


def refuse(folder: Path) -> str:
    with pytest.raises(SidecarError) as refused:
        Network.open(folder, "cpu")
    return refused.value.code
