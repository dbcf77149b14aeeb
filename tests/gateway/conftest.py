"""One sidecar process that only renders, over a tiny model, for all tests of the gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sidecar.inference.manifest import read_manifest
from tests.serving.stack import run_sidecar

Renderer = tuple[str, tuple[bytes, bytes]]
"""A sidecar's address, and the hashes of its model."""


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    home = tmp_path_factory.mktemp("renderer")
    with run_sidecar(home, render_only=True) as target:
        manifest = read_manifest(home / "models" / "tiny")
        yield target, (manifest.content_hash, manifest.tokenizer_hash)
