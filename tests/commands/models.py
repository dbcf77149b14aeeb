"""A model's folder with a manifest and nothing to compute with, and a chain that knows the model from block 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from chain.process import GENESIS_FILE
from rules.models import ModelFile
from rules.presets import MINIMAL
from sidecar.inference.manifest import Manifest, write_manifest
from tests.chain.api.running import run_chain
from tests.chain.ledger import make_genesis
from tests.chain.market import add_model, model_of


def make_folder(folder: Path, name: str = "small") -> Manifest:
    files = tuple(ModelFile(path=path, size=3, sha256=bytes(32)) for path in ("config.json", "tokenizer.json"))
    manifest = Manifest(name=name, max_context=512, vocabulary=100, files=files)
    folder.mkdir(parents=True)
    write_manifest(folder, manifest)
    return manifest


@contextmanager
def run_market(home: Path) -> Iterator[str]:
    """The gRPC address of a chain with the model `tiny`, whose price stays, begun with the people of
    tests.chain.ledger.
    """
    params = replace(MINIMAL, inference=replace(MINIMAL.inference, price_step_ppm=0))
    home.mkdir(exist_ok=True)
    (home / GENESIS_FILE).write_bytes(make_genesis(params, models=(model_of(add_model()),)))
    with run_chain(home) as target:
        yield target
